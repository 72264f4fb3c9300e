"""The pieces that a status is shown in: lines and tables of at most 80 columns, times of Seoul. They read nothing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from arbitrage.status.flights import what_is_open
from arbitrage.status.shape import Status

KST: Final = ZoneInfo("Asia/Seoul")
NONE: Final = "–"

_STATE_STYLES: Final = {"ACTIVE": "green", "REDUCING": "yellow", "HALTED": "red"}


def reasons(status: Status) -> Iterator[Text]:
    """Yield why nothing new may leave, and what keeps the mode from Live."""
    if status["trading_state"] != "ACTIVE":
        yield Text(f"no new plans: {status['trading_state_reason']}", style=state_style(status))
    yield from _stops(status)
    unmet = [str(layer["name"]) for layer in status["gate"] if not layer["passed"]]
    if unmet:
        yield Text(f"not live because of: {', '.join(unmet)}", style="dim")


def _stops(status: Status) -> Iterator[Text]:
    for latch in status["latches"]:
        what = f"{latch['name']}, set {_since(latch['since'], status['at'])} by {latch['who']}: {latch['why']}"
        yield Text.assemble((f"stopped: {what}", "red"), (f"; cleared by {latch['cleared_by']}", "yellow"))
    for trip in status["circuit_breaker"]["trips"]:
        since = _since(trip["since"], status["at"])
        yield Text(f"paused: {trip['name']}, since {since}: {trip['why']}; ends by itself", style="yellow")


def alert_lines(status: Status) -> Iterator[Text]:
    """Yield the alerts that wait for somebody, and the targets that nobody can be called by."""
    for alert in status["alerts"]:
        if alert["severity"] != "info":
            again = f" ({alert['count']} times)" if alert["count"] > 1 else ""
            style = "red" if alert["severity"] == "critical" else "yellow"
            yield Text(f"alert {alert['id']}: {alert['text']}{again}", style=style)
    for name, target in status["alert_targets"].items():
        if target["problem"]:
            yield Text(f"alerts do not reach {name}: {target['problem']}; {target['waiting']} wait", style="red")


def lease_line(lease: Mapping[str, Any] | None) -> Iterator[Text]:
    """Yield who holds the lease, where there is one."""
    if lease is not None:
        held = f"held by {lease['holder']}, {lease['left_ms'] / 1_000:.1f} s left" if lease["holder"] else "nobody's"
        yield Text(f"lease: {held}", style="dim" if lease["holder"] else "red")


def outages(venues: Mapping[str, Any]) -> Iterator[Text]:
    """Yield the venues that are down, and why."""
    for name, venue in venues.items():
        if not venue["connected"]:
            yield Text(f"{name} is down: {venue['reason']}", style="red")


def deaf_streams(streams: Mapping[str, Any]) -> Iterator[Text]:
    """Yield the private streams that are down, and why."""
    for stream in streams.values():
        if not stream["up"]:
            yield Text(stream["reason"], style="red")


def flight_lines(flights: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """Yield the plans in flight, and what each leaves open."""
    for flight in flights:
        what = f"{flight['base']} {flight['direction']} for {flight['age_s']:,.1f} s"
        yield Text(f"in flight: {what}, {what_is_open(flight)}", style="yellow" if flight["exposure"] else "dim")


def runway_line(runway: Mapping[str, Mapping[str, int]]) -> Iterator[Text]:
    """Yield how many more plans can be paid for."""
    if runway:
        room = "  ".join(f"{base} {ways['sell_upbit']}/{ways['buy_upbit']}" for base, ways in runway.items())
        used_up = any(not count for ways in runway.values() for count in ways.values())
        yield Text(f"runway in plans that sell/buy on upbit: {room}", style="yellow" if used_up else "dim")


def unexplained_lines(differences: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """Yield what we own and cannot explain, or miss."""
    for odd in differences:
        what = f"{odd['venue']} {odd['difference']:+f} {odd['currency']}"
        yield Text(f"unexplained: {what}, see `arbitrage reconcile`", style="red")


def inventory_lines(status: Status) -> Iterator[Text]:
    """Yield what is owned on each venue, and what all of it is worth."""
    for venue, held in status["inventory"].items():
        owned = "  ".join(f"{_number(amount)} {asset}" for asset, amount in held.items() if amount)
        yield Text(f"{venue:8} {owned or 'owns nothing yet'}")
    if status["portfolio_krw"] is not None:
        yield Text(f"all of it is worth {status['portfolio_krw']:,.0f} KRW", style="dim")


def refused_lines(status: Status) -> Iterator[Text]:
    """Yield what is left out or warned of, and the refusals by reason."""
    for base, reason in status["left_out"].items():
        yield Text(f"{base} is left out: {reason}", style="yellow")
    for symbol, notice in status["notices"].items():
        yield Text(f"{symbol}: {notice}", style="yellow")
    if status["refusals"]:
        most = sorted(status["refusals"].items(), key=lambda line: -line[1])
        yield Text("refused: " + ", ".join(f"{code} {count:,}" for code, count in most), style="dim")


def headline(status: Status) -> Text:
    """Write mode, state and heartbeat."""
    mode = "SHADOW LIVE" if status["mode"] == "shadow" else str(status["mode"]).upper()
    age = f"{status['heartbeat_age_s']:.1f} s ago"
    if not status["running"]:
        what = "stopped" if status["stopped"] else "last heartbeat"
        return Text.assemble(
            (mode, "bold"), "  ", ("NOT RUNNING", "bold red"), f"  {what} {age}, {clock_time(status['at'])}"
        )
    style = f"bold {state_style(status)}"
    state, beat = status["trading_state"], f"heartbeat {age}, {clock_time(status['at'])}  v{status['version']}"
    return Text.assemble((mode, "bold"), "  ", (state, style), f"  {beat}")


def state_style(status: Status) -> str:
    """Return the colour of a trading state."""
    return _STATE_STYLES.get(status["trading_state"], "red")


def venue_table(status: Status) -> Table:
    """Return the venues: connection, ages, rates."""
    table = plain_table("venue", "", ">book", ">skew", ">frames/s", ">bad", "since")
    for name, venue in status["venues"].items():
        state = Text("up", style="green") if venue["connected"] else Text("down", style="red")
        table.add_row(
            Text(name),
            state,
            _ms(venue["book_age_ms"]),
            _ms(venue["clock_skew_ms"]),
            f"{venue['messages_per_s']:,.0f}",
            f"{venue['rejected']:,}",
            _since(venue["since"], status["at"]),
        )
    return table


def edge_table(status: Status) -> Table:
    """Return prices and edges of each pair."""
    table = plain_table("pair", ">upbit KRW", ">binance USDT", ">sell upbit", ">best", ">buy upbit", ">best")
    books = {symbol: book for venue in status["venues"].values() for symbol, book in venue["books"].items()}
    for base, edges in status["edges"].items():
        sell, buy = edges.get("sell_upbit", {}), edges.get("buy_upbit", {})
        shown = [bps(edge.get(name)) for edge in (sell, buy) for name in ("bps", "best_today_bps")]
        table.add_row(Text(base), _touch(books.get(f"KRW-{base}")), _touch(books.get(f"{base}USDT")), *shown)
    return table


def fx_line(fx: Mapping[str, Any]) -> str:
    """Write the executable rate, and the bank's beside it."""
    bank = f"; bank {_number(fx['reference'])} ({fx['reference_day']})" if fx["reference"] else ""
    return f"USDT {_number(fx['bid'])} / {_number(fx['ask'])} KRW, {_ms(fx['age_ms'])} old{bank}"


def plans_line(status: Status) -> str:
    """Write the day's plans and their result."""
    plans = status["plans"]
    outcomes = ", ".join(f"{count:,} {name}" for name, count in plans["outcomes"].items()) or "none"
    return f"plans today: {outcomes}; {plans['open']} open; result {plans['result_krw']:+,.0f} KRW"


def orders_line(status: Status) -> str:
    """Write how many orders there ever were, by mode."""
    counts = ", ".join(f"{count:,} {mode}" for mode, count in status["orders"].items() if count) or "none"
    return f"orders ever: {counts}; state at {status['state']['address']}"


def plain_table(*columns: str) -> Table:
    """Make a table without lines; a column whose name begins with > is aligned right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", no_wrap=True)
    return table


def _touch(book: Mapping[str, Any] | None) -> Text:
    if book is None or book["bid"] is None:
        return Text(NONE)
    return Text(_number(book["bid"]), style="" if book["health"] == "good" else "yellow")


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.8g}" if abs(value) < 1_000 else f"{value:,.2f}".removesuffix(".00")


def bps(value: float | None) -> str:
    """Write an edge."""
    return NONE if value is None else f"{value:+.1f}"


def _ms(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f} ms"


def clock_time(at: str | None) -> str:
    """Write an instant as Korean time."""
    return NONE if at is None else f"{datetime.fromisoformat(at).astimezone(KST):%H:%M:%S} KST"


def _since(at: str | None, now: str) -> str:
    """Write a time of today as a time, and one of another day with its date."""
    if at is None:
        return NONE
    then, today = (datetime.fromisoformat(text).astimezone(KST) for text in (at, now))
    return clock_time(at) if then.date() == today.date() else f"{then:%m-%d %H:%M} KST"
