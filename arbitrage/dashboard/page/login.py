"""The page where a token becomes a session: plain HTML and a few lines of script, without NiceGUI."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from arbitrage.dashboard.page.markup import Markup, document, el
from arbitrage.dashboard.page.words import Words, chosen

_SCRIPT: Final = """
const form = document.querySelector("form"), say = document.querySelector("[role=alert]");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  say.textContent = "";
  const body = JSON.stringify({token: form.token.value.trim(), name: form.person.value.trim()});
  try {
    const answer = await fetch("/api/login", {method: "POST", headers: {"Content-Type": "application/json"}, body});
    if (answer.ok) return location.replace("/");
    say.textContent = (await answer.json()).detail;
  } catch (error) {
    say.textContent = form.dataset.unreachable;
  }
});
"""


def login_page(accept_language: str, cookies: Mapping[str, str]) -> str:
    """Write the page in the visitor's language."""
    words = Words(chosen(cookies.get("lang", ""), accept_language))
    form = el(
        "form",
        el("h1", "arbitrage"),
        el("p", words("login_why"), cls="muted"),
        el("label", words("token"), _field("token", type="password", required="", autocomplete="current-password")),
        el("label", words("your_name"), _field("person", maxlength="32", pattern="[0-9A-Za-z가-힣._\\-]*")),
        el("button", words("log_in"), type="submit", cls="act"),
        el("p", "", role="alert"),
        data_unreachable=words("unreachable"),
    )
    style = files("arbitrage.dashboard.page").joinpath("look.css").read_text(encoding="utf-8")
    head = Markup(f"<style>{style}</style>")
    return document(
        words.language, "arbitrage", head, el("main", form, cls="login"), Markup(f"<script>{_SCRIPT}</script>")
    )


def _field(name: str, **attributes: str) -> Markup:
    return el("input", name=name, autocapitalize="none", spellcheck="false", **attributes)
