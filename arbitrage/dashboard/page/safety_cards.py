"""The cards about safety: what holds new plans back, the gate, limits, venues, alerts, the log. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from arbitrage.dashboard.models import AlertRow, Latch, LogLine, Status, Trip, VenueHealth
from arbitrage.dashboard.page import figures
from arbitrage.dashboard.page.glance import bar
from arbitrage.dashboard.page.markup import Content, Markup, el, joined
from arbitrage.dashboard.page.trading_cards import card, nothing
from arbitrage.dashboard.page.words import Words

LIMITS_SHOWN: Final = 8
ALERTS_SHOWN: Final = 12
LINES_SHOWN: Final = 60

_SAYS_WHEN: Final = re.compile(r"^\d\d-\d\d \d\d:\d\d:\d\d KST ")
"""How an alert's text begins where it is sent; here the time stands before it, with UTC beside it."""

_SEVERITY_SHAPES: Final = {"critical": "■", "warning": "▲", "info": "●"}


def guard(status: Status | None, now: datetime, words: Words) -> Markup:
    """Show the breaker with its trips, and every latch with what clears it."""
    if status is None:
        return card(words("guard"), nothing(words("nothing_seen")))
    breaker = status.circuit_breaker
    state = el("span", f"▲ {words('breaker_on')}" if breaker.active else f"● {words('breaker_off')}",
               cls="warn" if breaker.active else "gain")  # fmt: skip
    latches = el("span", f"■ {len(status.latches)}" if status.latches else f"● {words('none_holds')}",
                 cls="loss" if status.latches else "gain")  # fmt: skip
    return card(
        words("guard"),
        _fact(words("breaker"), state),
        *(_trip(trip, now, words) for trip in breaker.trips),
        _fact(words("latches"), latches),
        *(_latch(latch, now, words) for latch in status.latches),
        _fact(words("loss_24h"), figures.krw(status.daily.loss_24h_krw)),
        _fact(words("loss_total"), figures.krw(status.daily.total_loss_krw)),
    )


def _trip(trip: Trip, now: datetime, words: Words) -> Markup:
    since = joined(words("since"), " ", figures.moment(trip.since, now))
    return el("div", el("b", words.of(trip.name)), " ", trip.why, el("div", since, cls="muted"), cls="held warn-edge")


def _latch(latch: Latch, now: datetime, words: Words) -> Markup:
    since = joined(words("since"), " ", figures.moment(latch.since, now), " · ", words("by"), " ", latch.who)
    clearing = joined(words("stops"), " ", latch.stops, " · ", words("cleared_by"), " ", el("code", latch.cleared_by))
    below = (el("div", since, cls="muted"), el("div", clearing, cls="muted"))
    return el("div", el("b", words.of(latch.name)), " ", latch.why, *below, cls="held loss-edge")


def gate(status: Status | None, words: Words) -> Markup:
    """Show each layer of the mode gate with its verdict, and what to set for another."""
    layers = status.gate if status else []
    lines = [
        el(
            "li",
            el("span", "✓" if layer.passed else "✕", cls="gain" if layer.passed else "muted"),
            el("div", el("b", layer.name), el("div", layer.seen, cls="muted"), el("div", layer.fix, cls="fix")),
        )
        for layer in layers
    ]
    return card(words("gate"), el("ul", *lines, cls="gate") if lines else nothing(words("nothing_seen")))


def limits(status: Status | None, words: Words) -> Markup:
    """Show the limits that are used most."""
    rows = [row for row in (status.limits if status else []) if row.share is not None]
    rows.sort(key=lambda row: -(row.share or 0.0))
    lines = [
        el(
            "li",
            el("span", words.of(row.name)),
            el("span", figures.amount(row.used), " / ", figures.amount(row.limit, row.unit)),
            bar(row.share, row.name),
            cls="measure",
        )
        for row in rows[:LIMITS_SHOWN]
    ]
    return card(words("limits"), el("ul", *lines) if lines else nothing(words("nothing_used")))


def venues(status: Status | None, now: datetime, words: Words) -> Markup:
    """Show how each venue does, and the fx."""
    if status is None or not status.venues:
        return card(words("venues"), nothing(words("nothing_seen")))
    sides = [_venue(name, venue, status, now, words) for name, venue in status.venues.items()]
    fx = status.fx
    rate = joined(figures.amount(fx.bid), " / ", figures.amount(fx.ask, "KRW"))
    bank = joined(figures.amount(fx.reference, "KRW"), " ", el("small", fx.reference_day or ""))
    lines = [_fact(words("fx"), rate), _fact(words("age"), figures.ms(fx.age_ms)), _fact(words("reference"), bank)]
    return card(words("venues"), el("div", *sides, cls="sides"), *lines)


def _venue(name: str, venue: VenueHealth, status: Status, now: datetime, words: Words) -> Markup:
    since = joined(words("since"), " ", figures.moment(venue.since, now))
    shown = f"● {words('up')}" if venue.connected else f"✕ {words('down')}"
    lines = [
        _fact(el("span", shown, cls="gain" if venue.connected else "loss"), el("span", since, cls="muted")),
        el("p", venue.reason, cls="loss") if venue.reason and not venue.connected else None,
        _fact(words("book_age"), figures.ms(venue.book_age_ms)),
        _fact(words("skew"), figures.ms(venue.clock_skew_ms)),
        _fact(words("messages"), figures.count(venue.messages_per_s, "/s")),
        _fact(words("rejected"), figures.count(venue.rejected)),
    ]
    stream = status.private_streams.get(name)
    if stream is not None:
        told = f"● {words('up')}" if stream.up else f"✕ {stream.reason}"
        lines.append(_fact(words("private_stream"), el("span", told, cls="gain" if stream.up else "loss")))
    return el("div", el("h3", name), *lines)


def alerts(rows: Sequence[AlertRow], now: datetime, words: Words, *, may_ack: bool) -> Markup:
    """Show the alerts, open ones with a button for whoever may say that it was seen."""
    lines = [_alert(row, now, words, may_ack=may_ack) for row in rows[:ALERTS_SHOWN]]
    return card(words("alerts"), *(lines or [nothing(words("no_alerts"))]))


def _alert(row: AlertRow, now: datetime, words: Words, *, may_ack: bool) -> Markup:
    asks = row.acked_at is None and row.severity != "info"
    shape = _SEVERITY_SHAPES.get(row.severity, "?")
    head = joined(
        el("b", f"{shape} {words.of(row.severity)}"), " ", words.of(row.kind), " ", figures.moment(row.last_at, now)
    )
    often = f" · {row.count} {words('times')}" if row.count > 1 else ""
    unsent = "" if row.sent else f" · {words('not_sent')}"
    seen = f" · {words('acked')} {row.acked_by}" if row.acked_at else ""
    told = el(
        "div",
        el("div", head),
        el("div", _SAYS_WHEN.sub("", row.text)),
        el("div", row.runbook, often, unsent, seen, cls="muted"),
    )
    button = el("button", words("acknowledge"), type="button", data_alert=row.id) if asks and may_ack else None
    return el("div", told, button, cls=f"alert is-{row.severity if asks else 'quiet'}")


def log(lines: Sequence[LogLine], now: datetime, words: Words) -> Markup:
    """Show the end of the log, the newest line first."""
    rows = [_log_line(line, now) for line in reversed(lines[-LINES_SHOWN:])]
    return card(words("log"), el("div", *rows, cls="log") if rows else nothing(words("no_log")), cls="wide")


def _log_line(line: LogLine, now: datetime) -> Markup:
    level = line.level if line.level in {"warning", "error", "critical"} else "info"
    return el("div", _log_time(line.at, now), el("b", line.event), el("span", line.text), cls=f"line is-{level}")


def _log_time(text: str, now: datetime) -> Markup:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:  # not a line of ours
        return el("span", text, cls="muted")
    return el("span", figures.moment(at.replace(tzinfo=at.tzinfo or UTC), now), cls="muted")


def _fact(name: Content, value: Content) -> Markup:
    return el("div", el("span", name), el("span", value), cls="fact")
