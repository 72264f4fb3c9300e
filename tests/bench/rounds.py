"""The harness: variants take turns in rounds, so that what the machine does meanwhile hits all alike. It knows none.

A round's figure of a variant is the median of its turn. Ratios are made within a round, never across rounds.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Turn = Callable[[], Awaitable[Sequence[float]]]
"""Measures one variant once: some samples, or a single figure."""

Say = Callable[[str], None]
"""Tells whoever waits how far it is."""


@dataclass(slots=True)
class Series:
    """What was measured of one variant: the figure of each round, and all samples for the percentiles."""

    unit: str
    rounds: list[float] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)

    def add(self, samples: Sequence[float]) -> None:
        """Add a turn. Raises ValueError for one without a sample: a variant that did nothing is not fast."""
        if not samples:
            raise ValueError("a turn brought no sample")
        self.rounds.append(median(samples))
        self.samples.extend(samples)

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return median(self.rounds)

    def percentile(self, share: float) -> float:
        """Return the sample below which a share of all samples lies."""
        return sorted(self.samples)[min(len(self.samples) - 1, int(share * len(self.samples)))]


@dataclass(slots=True)
class Findings:
    """Everything that a run found: series by name, and a line for each thing that could not be measured."""

    series: dict[str, Series] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, name: str, unit: str, samples: Sequence[float]) -> None:
        """Add a turn's samples to a series."""
        self.series.setdefault(name, Series(unit)).add(samples)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure's median over the rounds, and its lowest and highest round."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Sum rounds up. Raises StatisticsError where there is none."""
        return cls(median(values), min(values), max(values))


async def take_turns(
    findings: Findings, unit: str, turns: Mapping[str, Turn], rounds: int, say: Say = lambda line: None
) -> None:
    """Let all variants take turns: A B C, A B C, and so on. With several rounds a lap before them warms each up."""
    for each in turns.values() if rounds > 1 else ():
        await each()
    for number in range(rounds):
        for name, turn in turns.items():
            findings.take(name, unit, await turn())
            say(f"round {number + 1}/{rounds}  {name}: {findings.series[name].rounds[-1]:,.2f} {unit}")


def ratios(above: Series, below: Series) -> list[float]:
    """Return one variant's figure over another's, round by round."""
    return [a / b for a, b in zip(above.rounds, below.rounds, strict=True)]


def differences(above: Series, below: Series) -> list[float]:
    """Return by how much one variant's figure is above another's, round by round."""
    return [a - b for a, b in zip(above.rounds, below.rounds, strict=True)]
