"""What is read in a glance: the state with its why, what is wrong, and the four numbers that matter. Pure."""

from datetime import datetime
from typing import Final

from arbitrage.dashboard.models import Link, Status
from arbitrage.dashboard.page import figures
from arbitrage.dashboard.page.charts import premium_over_bank
from arbitrage.dashboard.page.markup import Markup, el, joined
from arbitrage.dashboard.page.words import Words
from arbitrage.dashboard.reader import Picture

SHAPES: Final = {"ACTIVE": "●", "REDUCING": "▲", "HALTED": "■", "NOT_RUNNING": "✕", "UNKNOWN": "?"}
"""A state is a colour, a word and a shape."""

_MEANINGS: Final = {"ACTIVE": "plans_are_made", "REDUCING": "no_new_plans_open_is_closed", "HALTED": "only_cancels"}
_WORRYING: Final = 0.5
_ALARMING: Final = 0.8
_OLD_S: Final = 5.0


def state_of(link: Link, status: Status | None) -> str:
    """Return the state as the page calls it: what nobody knows now is UNKNOWN, whatever it was."""
    if status is None or not link.reachable:
        return "UNKNOWN"
    return status.trading_state if status.running and status.trading_state in SHAPES else "NOT_RUNNING"


def headline(link: Link, status: Status | None, words: Words) -> Markup:
    """Show the trading state, large, and why nothing new is made."""
    state = state_of(link, status)
    meaning = words(_MEANINGS.get(state, "no_new_plans" if state == "NOT_RUNNING" else "nothing_seen"))
    why = status.trading_state_reason if status else ""
    return el(
        "section",
        el("div", SHAPES[state], cls="shape", aria_hidden="true"),
        el(
            "div",
            el("div", words(state), cls="state"),
            el("div", meaning, cls="meaning"),
            el("div", words("why"), ": ", why, cls="why") if why else None,
        ),
        cls=f"headline is-{state.lower()}",
        role="status",
    )


def mode_badge(status: Status | None, words: Words) -> Markup:
    """Show the mode, and what it does with an order."""
    if status is None:
        return el("span", figures.UNKNOWN, cls="mode")
    mode = status.mode if status.mode in {"live", "shadow", "paper"} else "paper"
    return el("span", el("b", words(mode)), el("span", words(f"{mode}_means")), cls=f"mode is-{mode}")


def banners(picture: Picture, link: Link, words: Words) -> Markup:
    """Show what makes the rest of the page worth less, and the alerts that wait."""
    waiting = [alert for alert in picture.alerts if alert.acked_at is None and alert.severity == "critical"]
    lines = []
    if not link.reachable:
        age = figures.seconds(link.picture_age_s)
        lines.append(
            _banner(
                joined(
                    el("b", "✕ ", words("redis_down")), " · ", link.problem, " · ", words("picture_is_old"), ": ", age
                )
            )
        )
    elif link.problem:
        lines.append(_banner(joined(el("b", "▲ "), link.problem)))
    if waiting:
        lines.append(_banner(joined(el("b", f"■ {len(waiting)} ", words("open_alerts")), " · ", waiting[0].text)))
    return joined(*lines)


def numbers(status: Status | None, words: Words) -> Markup:
    """Show result, exposure, best edge and premium."""
    tiles = (_result, _exposure, _edge, _premium)
    return el("div", *(tile(status, words) for tile in tiles), cls="tiles")


def clock(status: Status | None, now: datetime, words: Words) -> Markup:
    """Show what time it is in Seoul, and how long ago the heart beat."""
    beat = None if status is None else status.heartbeat_age_s
    is_late = beat is not None and not beat <= _OLD_S
    shown = figures.seconds(None if beat is None else max(0.0, beat))
    return joined(
        figures.moment(now, now),
        el("small", " KST"),
        el("span", words("heartbeat"), " ", shown, " ", words("ago"), cls="beat loss" if is_late else "beat"),
    )


def bar(share: float | None, label: str = "") -> Markup:
    """Draw how much of something is used: quiet, worrying from a half on, alarming from four fifths on."""
    used = min(max(share or 0.0, 0.0), 1.0)
    grade = "is-high" if used >= _ALARMING else "is-mid" if used >= _WORRYING else ""
    return el("div", el("i", style=f"width:{used * 100:.1f}%"), cls=f"bar {grade}", role="img", aria_label=label)


def best_edge(status: Status) -> tuple[str, str, float] | None:
    """Return the pair, the direction and the bps of the best edge now."""
    known = [
        (base, direction, edge.bps)
        for base, ways in status.edges.items()
        for direction, edge in ways.items()
        if edge.bps is not None
    ]
    return max(known, key=lambda line: line[2], default=None)


def minimum_edge_bps(status: Status | None) -> float | None:
    """Return the least edge that a plan needs."""
    limits = status.limits if status else []
    return next((float(row.limit) * 100 for row in limits if row.name == "min_spread_pct"), None)


def premiums(status: Status) -> dict[str, tuple[float, float | None]]:
    """Return by base the premium over USDT and over the bank's rate, in percent; without good books there is none."""
    mids = {
        symbol: (book.bid + book.ask) / 2
        for venue in status.venues.values()
        for symbol, book in venue.books.items()
        if book.health == "good" and book.bid is not None and book.ask is not None
    }
    fx = status.fx
    rate = (fx.bid + fx.ask) / 2 if fx.bid is not None and fx.ask is not None else None
    found = {}
    for base in status.edges:
        upbit, binance = mids.get(f"KRW-{base}"), mids.get(f"{base}USDT")
        if upbit and binance and rate:
            over_usdt = (upbit / (binance * rate) - 1) * 100
            found[base] = over_usdt, premium_over_bank(over_usdt, rate, fx.reference)
    return found


def _banner(content: Markup) -> Markup:
    return el("div", content, cls="banner", role="alert")


def _tile(name: str, value: Markup, *below: Markup, cls: str = "") -> Markup:
    return el("div", el("h2", name), el("div", value, cls=f"value {cls}"), *below, cls="card tile")


def _result(status: Status | None, words: Words) -> Markup:
    if status is None:
        return _tile(words("result_today"), Markup(figures.UNKNOWN))
    daily = status.daily
    limit = next((row for row in status.limits if row.name == "max_daily_loss"), None)
    if limit is None:
        note = joined(words("no_limit"))
    else:
        used = figures.percent((limit.share or 0.0) * 100, 0, signed=False)
        note = joined(used, " ", words("loss_limit_used"), " (", figures.krw(limit.limit), ")")
    risk = joined(words("at_risk"), " ", figures.krw(daily.in_flight_krw))
    below = (bar(limit.share if limit else None), el("p", note), el("p", risk, cls="muted"))
    return _tile(
        words("result_today"), figures.krw(daily.result_krw, signed=True), *below, cls=figures.tone(daily.result_krw)
    )


def _exposure(status: Status | None, words: Words) -> Markup:
    if status is None:
        return _tile(words("exposure"), Markup(figures.UNKNOWN))
    held = dict(status.positions)
    for flight in status.flights:
        held[flight.base] = held.get(flight.base, 0) + flight.exposure
    left = {base: quantity for base, quantity in held.items() if quantity}
    flying = figures.count(len(status.flights))
    value = joined(*(el("div", figures.amount(q), " ", el("small", base)) for base, q in left.items()))
    waiting = [
        el(
            "p",
            el("b", f.base),
            " ",
            words.of(f.direction),
            " ",
            figures.seconds(f.age_s),
            f" · {f.waits_for}" if f.waits_for else "",
        )
        for f in status.flights
    ]
    note = joined(el("p", flying, " ", words("in_flight"), cls="muted"), *waiting)
    return _tile(words("exposure"), value or joined("0 ", el("small", words("neutral"))), note)


def _edge(status: Status | None, words: Words) -> Markup:
    best = best_edge(status) if status else None
    minimum = el("p", words("minimum"), " ", figures.bps(minimum_edge_bps(status)), cls="muted")
    if best is None:
        return _tile(words("best_edge"), Markup(figures.UNKNOWN), minimum)
    base, direction, edge_bps = best
    which = el("p", el("b", base), " ", words.of(direction))
    is_enough = edge_bps >= (minimum_edge_bps(status) or 0.0)
    return _tile(words("best_edge"), figures.bps(edge_bps), which, minimum, cls="gain" if is_enough else "")


def _premium(status: Status | None, words: Words) -> Markup:
    known = premiums(status) if status else {}
    if not known:
        return _tile(words("premium"), Markup(figures.UNKNOWN))
    base, (over_usdt, over_bank) = next(iter(known.items()))  # always the same pair, or nobody can follow it
    first = el("p", el("b", base), " ", words("usdt_implied"))
    second = el("p", words("reference"), " ", figures.percent(over_bank), cls="muted")
    return _tile(words("premium"), figures.percent(over_usdt), first, second)
