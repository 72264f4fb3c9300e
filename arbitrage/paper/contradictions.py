"""What does not go together in a scenario whose fields are right by themselves. It changes nothing."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import KRW, USDT
from arbitrage.paper.complaints import Problem, shown, unknown
from arbitrage.paper.idle_words import idle_words
from arbitrage.paper.risk_profile import OLDER_NAMES
from arbitrage.paper.scenario import Bounds, Expectations, Scenario, Step, Symbols
from arbitrage.paper.scenario_time import lasts_s
from arbitrage.paper.written import MOST_S
from arbitrage.paper.yaml_tree import Place
from arbitrage.sandbox.fault_plan import MOST_RULES

FX: Final = "KRW-USDT"

_COUNTED: Final = frozenset({"trades", "orders", "outcomes", "hedges", "refusals", "unknown_orders"})
"""Expectations of numbers that are never below zero."""


def contradictions(scenario: Scenario) -> Iterator[Problem]:
    """Yield what does not go together: markets, times, limits, and bounds."""
    yield from _of_symbols(scenario.symbols)
    yield from _of_times(scenario)
    for number, step in enumerate(scenario.steps):
        yield from _of_step(step, ("steps", number), scenario.symbols)
    yield from _of_faults(scenario)
    yield from _of_limits(scenario)
    yield from _of_balances(scenario)
    yield from idle_words(scenario, FX)
    yield from _of_expectations(scenario.expected_outcomes, scenario.symbols)


def _of_symbols(symbols: Symbols) -> Iterator[Problem]:
    upbit, binance = symbols.of(Venue.UPBIT), symbols.of(Venue.BINANCE)
    if len(upbit) != len(binance):
        yield Problem(("symbols",), f"upbit has {len(upbit)} markets, binance {len(binance)}; allowed: as many of each")
    for number, (ours, theirs) in enumerate(zip(upbit, binance, strict=False)):
        place: Place = ("symbols", "binance", number) if isinstance(symbols.binance, list) else ("symbols", "binance")
        base = _base(ours)
        if base != _base(theirs):
            yield Problem(place, f"{shown(theirs)} is not the same asset as {ours}; allowed: {base}USDT")
        elif ours in upbit[:number] or ours == FX:
            yield Problem(place, f"{shown(theirs)} cannot be a pair here; allowed: each asset once, USDT excepted")
    if isinstance(symbols.exchange_rate, list):
        times = [point.t for point in symbols.exchange_rate]
        yield from _falling(times, ("symbols", "exchange_rate"))


def _of_times(scenario: Scenario) -> Iterator[Problem]:
    yield from _falling([step.t for step in scenario.steps], ("steps",))
    whole_s = lasts_s(scenario)
    if whole_s > MOST_S:
        yield Problem(("steps",), f"what they tell lasts {whole_s:g} s; allowed: up to {MOST_S} s, with the end")
    last = max(step.t for step in scenario.steps)
    if scenario.lasts_s is not None and scenario.lasts_s < last:
        yield Problem(("lasts_s",), f"{scenario.lasts_s:g} s is before the last step; allowed: {last:g} to {MOST_S}")


def _falling(times: Iterable[float], place: Place) -> Iterator[Problem]:
    for number, (before, now) in enumerate(pairwise(times), start=1):
        if now < before:
            yield Problem((*place, number, "t"), f"{now:g} is before the one above; allowed: {before:g} and later")


def _of_step(step: Step, place: Place, symbols: Symbols) -> Iterator[Problem]:
    markets = [*symbols.of(Venue.UPBIT), *symbols.of(Venue.BINANCE), FX]
    bases = [_base(market) for market in symbols.of(Venue.UPBIT)]
    if step.base is not None and step.base not in bases:
        yield Problem((*place, "base"), unknown("asset", step.base, bases))
    for name, symbol in _markets_named(step):
        if symbol not in markets:
            yield Problem((*place, *name), unknown("market", symbol, markets))
    if step.operator is not None and step.operator.latch and step.operator.command != "resume":
        yield Problem((*place, "operator", "latch"), f"means nothing for {step.operator.command}; allowed: for resume")
    for venue in Venue:
        bid, ask = f"{venue.value}_bid", f"{venue.value}_ask"
        if (getattr(step, bid) is None) != (getattr(step, ask) is None):
            lone, other = (ask, bid) if getattr(step, bid) is None else (bid, ask)
            text = f"is named without {other}; allowed: both or neither, and a whole book where a side is empty"
            yield Problem((*place, lone), text)
    if step.fx is not None and FX in step.books:
        yield Problem((*place, "fx"), f"is named beside the book of {FX}; allowed: one of the two")
    yield from _of_venues(step, (*place, "venues"), symbols)


def _of_venues(step: Step, place: Place, symbols: Symbols) -> Iterator[Problem]:
    """Yield what would change nothing: markets that are not traded there, and wallets that nobody looks at."""
    for venue, change in step.venues.items():
        own = symbols.of(venue)
        named = [(knob, symbol) for knob in ("halted", "tick") for symbol in getattr(change, knob) or ()]
        for knob, symbol in named:
            if symbol not in own:
                yield Problem((*place, venue.value, knob, symbol), unknown("market", symbol, own))
        if change.wallets is not None:
            yield from _of_wallets(change.wallets, venue, (*place, venue.value, "wallets"), symbols)


def _of_wallets(wallets: Iterable[str], venue: Venue, place: Place, symbols: Symbols) -> Iterator[Problem]:
    if venue is not Venue.UPBIT:
        yield Problem(place, "nobody looks at them; allowed: those of upbit")
        return
    bases = [_base(market) for market in symbols.of(venue)]
    for currency in wallets:
        if currency not in bases:
            yield Problem((*place, currency), unknown("asset", currency, bases))


def _markets_named(step: Step) -> Iterator[tuple[Place, str]]:
    """Yield each market that a step names, with its place within the step."""
    for symbol in step.books:
        yield ("books", symbol), symbol
    for number, generator in enumerate(step.generate):
        for index, symbol in enumerate(generator.symbols):
            yield ("generate", number, "symbols", index), symbol


def _of_faults(scenario: Scenario) -> Iterator[Problem]:
    groups = [scenario.faults, *(step.faults for step in scenario.steps)]
    count = sum(map(len, groups))
    if count > MOST_RULES:
        yield Problem(("faults",), f"there are {count} with those of the steps; allowed: up to {MOST_RULES}")


def _of_balances(scenario: Scenario) -> Iterator[Problem]:
    """Yield the currencies that no market of the scenario is about: a coin whose name is misspelt is not there."""
    bases = [_base(market) for market in scenario.symbols.of(Venue.UPBIT)]
    for venue, held in (scenario.balances or {}).items():
        known = [*((KRW,) if venue is Venue.UPBIT else ()), USDT, *bases]
        for currency in held:
            if currency not in known:
                yield Problem(("balances", venue.value, currency), unknown("currency", currency, known))


def _of_limits(scenario: Scenario) -> Iterator[Problem]:
    profile = scenario.risk_profile
    for older, name in OLDER_NAMES.items():
        if getattr(profile, older) is not None and getattr(profile, name) is not None:
            yield Problem(("risk_profile", older), f"is the same limit as {name}; allowed: one of the two")


def _of_expectations(expected: Expectations, symbols: Symbols) -> Iterator[Problem]:
    top: Place = ("expected_outcomes",)
    for place, wanted in _bounds_named(expected):
        if wanted.min is None and wanted.max is None:
            yield Problem((*top, *place), "asks for nothing; allowed: min, max, or both")
        elif wanted.max is None and wanted.min is not None and wanted.min <= 0 and place[0] in _COUNTED:
            yield Problem((*top, *place, "min"), f"{wanted.min} holds for every count; allowed: 1 and more, or a max")
        yield from _crossed(wanted.min, wanted.max, (*top, *place, "min"))
    yield from _crossed(expected.min_trades, expected.max_trades, (*top, "min_trades"))
    yield from _crossed(expected.min_pnl, expected.max_pnl, (*top, "min_pnl"))
    bases = [_base(market) for market in symbols.of(Venue.UPBIT)]
    for base in expected.exposure if isinstance(expected.exposure, dict) else ():
        if base not in bases:
            yield Problem((*top, "exposure", base), unknown("asset", base, bases))


def _bounds_named(expected: Expectations) -> Iterator[tuple[Place, Bounds]]:
    for name in Expectations.model_fields:
        wanted: Any = getattr(expected, name)
        inner = wanted.items() if isinstance(wanted, dict) else ()
        for place, bounds in (((name,), wanted), *(((name, str(key)), value) for key, value in inner)):
            if isinstance(bounds, Bounds):
                yield place, bounds


def _crossed(low: Decimal | int | None, high: Decimal | int | None, place: Place) -> Iterator[Problem]:
    if low is not None and high is not None and low > high:
        yield Problem(place, f"{low} is more than the most; allowed: up to {high}")


def _base(market: str) -> str:
    return market.removeprefix("KRW-").removesuffix("USDT") if market != FX else "USDT"
