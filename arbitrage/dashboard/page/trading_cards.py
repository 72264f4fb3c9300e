"""The cards about trading: edges and premiums by pair, plans with their legs, the day's score, refusals. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from arbitrage.dashboard.models import LegRow, PlanRow, RefusalRow, Status
from arbitrage.dashboard.page import figures
from arbitrage.dashboard.page.glance import bar, minimum_edge_bps, premiums
from arbitrage.dashboard.page.markup import Content, Markup, el, joined
from arbitrage.dashboard.page.words import Words
from arbitrage.domain.plans import Direction

PLANS_SHOWN: Final = 12
REASONS_SHOWN: Final = 8
NEWEST_SHOWN: Final = 4

_MARKS: Final = {"both": "●", "uneven": "▲", "one_leg": "■", "missed": "○", "unscored": "?"}


def card(title: str, *contents: Content, note: str = "", cls: str = "") -> Markup:
    """Return a card with its title."""
    head = el("h2", title, el("small", note) if note else None)
    return el("div", head, *contents, cls=f"card {cls}")


def table(heads: Sequence[Content], lines: Sequence[Sequence[Content]], cls: str = "") -> Markup:
    """Return a table that scrolls by itself where it is wider than the screen."""
    head = el("thead", el("tr", *(el("th", name, scope="col") for name in heads)))
    body = el("tbody", *(el("tr", *(el("td", cell) for cell in line)) for line in lines))
    return el("div", el("table", head, body, cls=cls), cls="scroll")


def nothing(text: str) -> Markup:
    """Say that there is nothing."""
    return el("p", text, cls="muted")


def edges(status: Status | None, words: Words) -> Markup:
    """Show each pair: the edge in both directions, the day's best, and both premiums."""
    if status is None:
        return card(words("edges"), nothing(words("nothing_seen")))
    known, minimum = premiums(status), minimum_edge_bps(status)
    lines = []
    for base, ways in status.edges.items():
        over_usdt, over_bank = known.get(base, (None, None))
        cells: list[Content] = [el("b", base)]
        for direction in Direction:
            edge = ways.get(direction)
            now, best = (edge.bps, edge.best_today_bps) if edge else (None, None)
            is_good = now is not None and minimum is not None and now >= minimum
            cells += [
                el("span", figures.bps(now), cls="gain" if is_good else ""),
                el("span", figures.bps(best), cls="muted"),
            ]
        lines.append([*cells, figures.percent(over_usdt), figures.percent(over_bank)])
    best_word = words("best_today")
    heads = (
        words("pair"), words("sell_upbit"), best_word, words("buy_upbit"), best_word,
        words("usdt_implied"), words("reference"),
    )  # fmt: skip
    left_out = [el("p", f"▲ {base}: {why}", cls="muted") for base, why in (status.left_out | status.notices).items()]
    return card(f"{words('edges')} · {words('premium')}", table(heads, lines, "numbers prices"), *left_out)


def plans(open_plans: Sequence[PlanRow], closed: Sequence[PlanRow], now: datetime, words: Words) -> Markup:
    """Show the plans in flight, and the newest that ended."""
    shown = [*open_plans, *closed][:PLANS_SHOWN]
    if not shown:
        return card(words("plans"), nothing(words("no_plans")))
    heads = [words(key) for key in ("time", "pair", "legs", "edge", "outcome", "result")]
    return card(words("plans"), table(heads, [_plan(plan, now, words) for plan in shown], "plans"))


def _plan(plan: PlanRow, now: datetime, words: Words) -> list[Content]:
    pair = joined(el("b", plan.base), el("div", words.of(plan.direction), cls="muted"))
    legs = joined(*(_leg(leg, words) for leg in plan.legs))
    outcome = plan.outcome or "open"
    told = el("span", _MARKS.get(outcome, "◌"), " ", words.of(outcome), cls=f"outcome is-{outcome}")
    if plan.neutral_ms is not None:
        told = joined(told, el("div", figures.ms(plan.neutral_ms), " ", words("to_neutral"), cls="muted"))
    result = el("span", figures.krw(plan.result_krw, signed=True), cls=figures.tone(plan.result_krw))
    return [
        figures.moment(plan.ended_at or plan.decided_at, now),
        pair,
        legs,
        figures.bps(plan.net_edge_bps),
        told,
        result,
    ]


def _leg(leg: LegRow, words: Words) -> Markup:
    what = joined(words.of(leg.side), " ", figures.amount(leg.quantity), " @ ", figures.amount(leg.limit_price))
    end = el("span", " ", words.of(leg.end or "open"), cls=f"leg-{leg.end or 'open'}")
    return el("div", el("span", leg.venue, cls="venue"), " ", what, end, cls="leg")


def score(status: Status | None, words: Words) -> Markup:
    """Show how the day's plans went: the would-be result of Shadow, and how often both legs, or only one, filled."""
    title = words("score")
    if status is None:
        return card(title, nothing(words("nothing_seen")))
    outcomes = status.plans.outcomes
    scored = status.plans.scored
    rates = {
        "hit_rate": outcomes.get("both", 0),
        "one_leg_rate": outcomes.get("one_leg", 0) + outcomes.get("uneven", 0),
    }
    result = status.plans.result_krw
    name = words("result" if status.mode == "live" else "would_be_result")
    lines = [
        _fact(name, el("b", figures.krw(result, signed=True), cls=figures.tone(result))),
        _fact(words("plans_ended"), figures.count(sum(outcomes.values()))),
        *(_fact(words(key), figures.percent(_rate(n, scored), 0, signed=False)) for key, n in rates.items()),
    ]
    tally = [
        el("li", el("span", f"{_MARKS.get(name, '◌')} {words.of(name)}"), figures.count(n), cls=f"outcome is-{name}")
        for name, n in outcomes.items()
    ]
    return card(title, *lines, el("ul", *tally, cls="tally"))


def _rate(part: int, whole: int) -> float | None:
    return None if not whole else part / whole * 100


def _fact(name: Content, value: Content) -> Markup:
    return el("div", el("span", name), el("span", value), cls="fact")


def refusals(status: Status | None, newest: Sequence[RefusalRow], now: datetime, words: Words) -> Markup:
    """Show which reasons this run gave most, as `arbitrage status` does, and the newest refusals with what was seen."""
    counts = status.refusals if status else {}
    given = [line for line in counts.items() if line[1] > 0]
    most = sorted(given, key=lambda line: -line[1])[:REASONS_SHOWN]
    if not most:
        return card(words("refusals"), nothing(words("no_refusals")))
    lines = [
        el("li", el("span", words.of(code)), figures.count(n), bar(n / most[0][1], code), cls="measure quiet")
        for code, n in most
    ]
    recent = [
        el("p", figures.moment(row.at, now), " ", el("b", row.base), " ", words.of(row.direction), " ",
           figures.bps(row.net_edge_bps), " · ", "; ".join(row.reasons))
        for row in newest[:NEWEST_SHOWN]
    ]  # fmt: skip
    return card(words("refusals"), el("ul", *lines), el("div", *recent, cls="recent muted"))


def inventory(status: Status | None, words: Words) -> Markup:
    """Show what each side owns, how many plans that pays for, and what nobody explains."""
    if status is None or not status.inventory:
        return card(words("inventory"), nothing(words("nothing_seen")))
    sides = [
        el(
            "div",
            el("h3", venue),
            *(_fact(asset, figures.amount(q)) for asset, q in sorted(held.items(), key=_order) if q),
        )
        for venue, held in status.inventory.items()
    ]
    odd = [
        el("p", f"■ {words('unexplained')}: {one.venue} ", figures.amount(one.difference, one.currency), cls="loss")
        for one in status.unexplained
    ]
    worth = el("p", words("worth"), " ", figures.krw(status.portfolio_krw), cls="muted")
    rows = [
        [el("b", base), *(_left(ways.get(direction)) for direction in Direction)]
        for base, ways in status.runway.items()
    ]
    heads = (words("runway"), *(words(direction) for direction in Direction))
    room = joined(table(heads, rows, "numbers"), el("p", words("runway_note"), cls="muted")) if rows else None
    return card(words("inventory"), el("div", *sides, cls="sides"), worth, *odd, room)


def _order(held: tuple[str, Decimal]) -> tuple[bool, str]:
    return held[0] not in {"KRW", "USDT"}, held[0]


def _left(plans_left: int | None) -> Markup:
    return el("span", figures.count(plans_left), cls="loss" if plans_left == 0 else "")
