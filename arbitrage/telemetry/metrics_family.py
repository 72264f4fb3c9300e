"""What a metric is: its name, its meaning, its labels, and how it is read off a picture. It collects nothing itself.

Names follow the conventions of Prometheus: base units, `_total` for what only rises, and no label without a bound.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from arbitrage.domain.alerts import TargetLine
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.views import EngineView
from arbitrage.state.health import StateHealth
from arbitrage.state.keys import RunFacts

PREFIX: Final = "arbitrage_"

UNKNOWN: Final = math.nan
"""What is not known is not zero; a rule that compares it with anything finds nothing."""

Sample = tuple[tuple[str, ...], float]
"""Label values, in the order of the labels' names, and a value."""

AnyFamily = CounterMetricFamily | GaugeMetricFamily | InfoMetricFamily


class Kind(StrEnum):
    """What a metric's value may do: rise, move, be spread over buckets, or be told in labels."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All that a scrape shows, taken at once: facts that do not change any more.

    `view` is the newest, None before the first; `key_expiries` tells when the API key of a venue ends, where that is
    known; `unclean_ends` is how many runs of the last ten minutes nobody had asked to end; alerts go to `targets`, and
    `open_alerts` counts by severity those that nobody has acknowledged.
    """

    at: Instant
    facts: RunFacts
    view: EngineView | None = None
    state: StateHealth = field(default_factory=StateHealth)
    key_expiries: Mapping[str, Instant | None] = field(default_factory=dict)
    unclean_ends: int = 0
    targets: tuple[TargetLine, ...] = ()
    open_alerts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A metric as people read of it. `name` is without the prefix, and for a counter without `_total`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Return the name under which it is asked for."""
        return f"{PREFIX}{self.name}{ {Kind.COUNTER: '_total', Kind.INFO: '_info'}.get(self.kind, '') }"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPicture(Described):
    """A metric that is read off the whole picture."""

    read: Callable[[Picture], Iterable[Sample]]

    def samples(self, picture: Picture) -> Iterable[Sample]:
        """Return what a picture shows of it."""
        return self.read(picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfView(Described):
    """A metric that is read off the engine's view; before the first there is none."""

    read: Callable[[EngineView], Iterable[Sample]]

    def samples(self, picture: Picture) -> Iterable[Sample]:
        """Return what a picture shows of it."""
        return () if picture.view is None else self.read(picture.view)


def family_of(metric: OfPicture | OfView, picture: Picture) -> AnyFamily:
    """Return a metric as the library collects it."""
    name = PREFIX + metric.name
    if metric.kind is Kind.INFO:
        info = InfoMetricFamily(name, metric.help)
        for labels, _ in metric.samples(picture):
            info.add_metric((), dict(zip(metric.labels, labels, strict=True)))
        return info
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(name, metric.help, labels=metric.labels)
    for labels, value in metric.samples(picture):
        family.add_metric(labels, value)
    return family


def only(value: float | None) -> Iterable[Sample]:
    """Return the one sample of a metric without labels."""
    return (((), known(value)),)


def known(value: float | None, scale: float = 1.0) -> float:
    """Return a value in base units; what is None is not known."""
    return UNKNOWN if value is None else value * scale


def one_of(words: Iterable[str], held: Iterable[str]) -> Iterable[Sample]:
    """Return a sample for each word of a closed list: 1 for those that are held, 0 for the others."""
    now = frozenset(held)
    return [((word,), float(word in now)) for word in words]


def seconds(at: Instant | None) -> float:
    """Return an instant in seconds since 1970; 0 where it never was."""
    return 0.0 if at is None else at / NS_PER_S
