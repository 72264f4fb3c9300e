"""What a scenario says to no effect: a mistake more often than a wish. It changes nothing; `contradictions` asks it.

A fault that fits no request, a generator that moves no price, a step that names whose touch it is and no touch: the
scenario would pass, and would not have shown what its author believes it shows.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from arbitrage.domain.instruments import Venue
from arbitrage.execution.numbering import ORDER_PREFIX
from arbitrage.paper.complaints import Problem, shown
from arbitrage.paper.scenario import Generator, GeneratorKind, Scenario, Step
from arbitrage.paper.scenario_time import lasts_s
from arbitrage.paper.wire_names import ENDPOINTS, EPOCH, WORDS
from arbitrage.paper.yaml_tree import Place
from arbitrage.sandbox.faults import Fault, Kind, Target

_TOUCH: Final = ("upbit_bid", "binance_bid")

_MEANT: Final[Mapping[GeneratorKind, frozenset[str]]] = {
    GeneratorKind.DRIFT: frozenset({"by_bps", "noise_bps", "seconds", "every_ms"}),
    GeneratorKind.SHOCK: frozenset({"by_bps", "seconds", "every_ms"}),
    GeneratorKind.GAP: frozenset({"by_bps"}),
    GeneratorKind.MEAN_REVERSION: frozenset({"noise_bps", "pull_s", "seconds", "every_ms"}),
}
"""The fields by which each kind of generator goes."""

_ABOUT: Final = re.compile(rf" ?(({ORDER_PREFIX}-)?({EPOCH})?[-\d]*[ub]?[-\d]*|[A-Z0-9]+)", re.ASCII)
"""What stands behind the word of a private event here: an order's id, or a currency."""


def idle_words(scenario: Scenario, fx: str) -> Iterator[Problem]:
    """Yield what would do nothing; `fx` is the market of KRW-USDT, which the fx moves."""
    end_s = lasts_s(scenario)
    yield from _of_fx_path(scenario)
    yield from _of_faults(scenario.faults, (), end_s)
    priced = {fx}
    for number, step in enumerate(scenario.steps):
        place: Place = ("steps", number)
        yield from _of_step(step, place, end_s)
        yield from _of_faults(step.faults, place, end_s - step.t)
        priced |= set(_priced_by(step, scenario))
        for index, generator in enumerate(step.generate):
            yield from _of_generator(generator, (*place, "generate", index), priced, scenario)


def _of_fx_path(scenario: Scenario) -> Iterator[Problem]:
    path, end_s = scenario.symbols.exchange_rate, scenario.lasts_s
    for number, point in enumerate(path if isinstance(path, list) else ()):
        if end_s is not None and point.t > end_s:
            text = f"{point.t:g} is after the end of the scenario; allowed: up to {end_s:g}"
            yield Problem(("symbols", "exchange_rate", number, "t"), text)


def _of_step(step: Step, place: Place, end_s: float) -> Iterator[Problem]:
    given = step.model_fields_set
    if step.base is not None and not given.intersection(_TOUCH):
        yield Problem((*place, "base"), "is named without a touch; allowed: beside bid and ask of a venue")
    if "restart_after_s" in given and step.crash_after_s is None and not step.stop:
        yield Problem((*place, "restart_after_s"), "is named without an end; allowed: beside crash_after_s or stop")
    if step.crash_after_s is not None and not step.t + step.crash_after_s < end_s:
        text = f"{step.crash_after_s:g} s is after the end of the scenario; allowed: below {end_s - step.t:g}"
        yield Problem((*place, "crash_after_s"), text)
    upbit = step.venues.get(Venue.UPBIT)
    if upbit is not None and upbit.clock_ahead_ms is not None:
        text = "nobody looks at it; allowed: that of binance, which orders are stamped for"
        yield Problem((*place, "venues", "upbit", "clock_ahead_ms"), text)


# --- faults


def _of_faults(faults: list[Fault], place: Place, left_s: float) -> Iterator[Problem]:
    for number, fault in enumerate(faults):
        here: Place = (*place, "faults", number)
        venues = [fault.venue] if fault.venue is not None else list(Venue)
        if fault.target is Target.SOCKET:
            text = f"{shown(fault.kind)} strikes nothing here; allowed: other kinds, or a venue's down and private_down"
            yield Problem((*here, "kind"), text)
        elif fault.target is Target.REQUEST:
            yield from _of_endpoint(fault.endpoint, (*here, "endpoint"), venues)
        else:
            yield from _of_contained(fault.contains, (*here, "contains"), venues)
        if fault.kind is Kind.TOO_MANY and fault.s is not None:
            yield Problem((*here, "s"), "is a Retry-After, which is not kept here; allowed: banned, which lasts")
        if not fault.after_s < left_s:
            text = f"{fault.after_s:g} s is after the end of the scenario; allowed: below {left_s:g}"
            yield Problem((*here, "after_s"), text)


def _of_endpoint(pattern: str, place: Place, venues: list[Venue]) -> Iterator[Problem]:
    known = [endpoint for venue in venues for endpoint in ENDPOINTS[venue]]
    if not any(fnmatchcase(endpoint, pattern) for endpoint in known):
        yield Problem(place, f"{shown(pattern)} fits no request; allowed: a pattern over {', '.join(known)}")


def _of_contained(text: str, place: Place, venues: list[Venue]) -> Iterator[Problem]:
    words = [word for venue in venues for word in WORDS[venue].values() if word]
    about = next((text.removeprefix(word) for word in words if text.startswith(word)), text)
    if not any(text in word for word in words) and not _ABOUT.fullmatch(about):
        known = f"a part of {', '.join(words)}, or an order's id or a currency behind it"
        yield Problem(place, f"{shown(text)} stands in no private event; allowed: {known}")


# --- generators


def _of_generator(generator: Generator, place: Place, priced: set[str], scenario: Scenario) -> Iterator[Problem]:
    meant = _MEANT[generator.kind]
    for name in sorted(generator.model_fields_set - meant - {"kind", "symbols"}):
        text = f"means nothing for {generator.kind.value}; allowed: {', '.join(sorted(meant))}"
        yield Problem((*place, name), text)
    if not any(getattr(generator, name) for name in ("by_bps", "noise_bps") if name in meant):
        yield Problem(place, f"moves nothing; allowed: {_mover(generator.kind)} other than 0")
    pairs = [*scenario.symbols.of(Venue.UPBIT), *scenario.symbols.of(Venue.BINANCE)]
    lacking = [symbol for symbol in generator.symbols or pairs if symbol in pairs and symbol not in priced]
    # without names it moves whatever there is: one priced market is enough
    if lacking and (generator.symbols or len(lacking) == len(pairs)):
        yield Problem(place, f"{lacking[0]} has no price to be moved yet; allowed: after a step that names one")


def _mover(kind: GeneratorKind) -> str:
    return " or ".join(name for name in ("by_bps", "noise_bps") if name in _MEANT[kind])


def _priced_by(step: Step, scenario: Scenario) -> Iterator[str]:
    """Yield the markets to which a step gives a price."""
    upbit = scenario.symbols.of(Venue.UPBIT)
    binance = scenario.symbols.of(Venue.BINANCE)
    of_base = upbit.index(f"KRW-{step.base}") if f"KRW-{step.base}" in upbit else 0
    if step.upbit_bid is not None:
        yield upbit[of_base]
    if step.binance_bid is not None and of_base < len(binance):
        yield binance[of_base]
    yield from step.books
