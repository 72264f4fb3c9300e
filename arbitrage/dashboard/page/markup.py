"""HTML as text that cannot be forgotten to be escaped: `el` cleans and escapes whatever is not Markup already."""

from html import escape
from typing import Final

from arbitrage.telemetry.cleaning import clean_text

LONGEST: Final = 2_000
"""Characters of one text; whoever wrote more of it did not write it for a page."""

_VOID: Final = frozenset({"input", "meta", "link", "br"})


class Markup(str):
    """Text that is HTML already. Only this file and literals of ours make it."""

    __slots__ = ()


Content = str | Markup | None
"""What may stand in an element: HTML of ours, anybody's text, or nothing."""


def text(content: Content) -> Markup:
    """Return a text as HTML that shows it, without what does not print: text may run backwards, too."""
    if content is None:
        return Markup()
    return content if isinstance(content, Markup) else Markup(_safe(str(content)))


def joined(*contents: Content) -> Markup:
    """Return several contents one after another."""
    return Markup("".join(text(content) for content in contents))


def el(tag: str, *contents: Content, cls: str = "", **attributes: str) -> Markup:
    """Return an element. An underscore in an attribute's name is a hyphen; every value is escaped."""
    given = {"class": cls, **attributes} if cls else attributes
    pairs = "".join(f' {name.replace("_", "-")}="{_safe(value)}"' for name, value in given.items())
    return Markup(f"<{tag}{pairs}>") if tag in _VOID else Markup(f"<{tag}{pairs}>{joined(*contents)}</{tag}>")


def document(language: str, title: str, head: Markup, *body: Markup) -> str:
    """Return a whole page."""
    meta = joined(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("link", rel="icon", href="data:,"),
        el("title", title),
    )
    return (
        f'<!doctype html><html lang="{escape(language)}"><head>{meta}{head}</head><body>{joined(*body)}</body></html>'
    )


def _safe(written: str) -> str:
    return escape(clean_text(written, LONGEST))
