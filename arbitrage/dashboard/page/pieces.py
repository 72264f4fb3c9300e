"""Every piece of the page that is text, by name: a picture in, escaped HTML out. Pure."""

from datetime import UTC, datetime

from arbitrage.dashboard.page import glance, safety_cards, trading_cards
from arbitrage.dashboard.page.markup import Markup, el, joined
from arbitrage.dashboard.page.words import Words
from arbitrage.dashboard.reader import Picture
from arbitrage.dashboard.sessions import Visitor
from arbitrage.domain.instants import NS_PER_S, Instant

THEMES = {"auto": None, "light": False, "dark": True}
"""What can be picked, and what NiceGUI calls it."""

CARDS = ("alerts", "plans", "score", "guard", "edges", "limits", "gate", "venues", "inventory", "refusals", "log")
"""The cards in their order on a phone; the charts stand between them (look.css places all of them on a wide screen)."""


def pieces_of(picture: Picture, now: Instant, visitor: Visitor, words: Words) -> dict[str, Markup]:
    """Return every piece as it is now."""
    status, link = picture.status, picture.link(now)
    at = datetime.fromtimestamp(now / NS_PER_S, UTC)
    return {
        "mode": glance.mode_badge(status, words),
        "clock": glance.clock(status, at, words),
        "banners": glance.banners(picture, link, words),
        "headline": glance.headline(link, status, words),
        "numbers": glance.numbers(status, words),
        "edges": trading_cards.edges(status, words),
        "plans": trading_cards.plans(picture.open_plans, picture.closed_plans, at, words),
        "score": trading_cards.score(status, words),
        "refusals": trading_cards.refusals(status, picture.refusals, at, words),
        "inventory": trading_cards.inventory(status, words),
        "guard": safety_cards.guard(status, at, words),
        "gate": safety_cards.gate(status, words),
        "limits": safety_cards.limits(status, words),
        "venues": safety_cards.venues(status, at, words),
        "alerts": safety_cards.alerts(picture.alerts, at, words, may_ack=visitor.may_control),
        "log": safety_cards.log(picture.log, at, words),
    }


def switches(theme: str, visitor: Visitor, words: Words) -> Markup:
    """Return the links that switch language and theme."""
    names = list(THEMES)
    following = names[(names.index(theme) + 1) % len(names)]
    return joined(
        el("span", visitor.name, "" if visitor.may_control else f" · {words('read_only')}", cls="muted"),
        el("a", words("other_language"), href=f"/look?lang={words.other}"),
        el("a", f"◐ {words(theme)}", href=f"/look?theme={following}", title=words(following)),
    )
