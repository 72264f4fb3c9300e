"""How generated prices move: one rule each, as a factor over time, from a seeded chance. It knows no market."""

import math
from collections.abc import Callable
from random import Random

from arbitrage.paper.scenario import Generator, GeneratorKind

Factor = Callable[[float], float]
"""What a price is multiplied by, so many seconds after the rule began."""


class Mover:
    """A generator at work on one market. `every_ms` is how often it moves; it ends at `ends_ms`."""

    def __init__(self, generator: Generator, began_ms: int, chance: Random) -> None:
        self.every_ms = generator.every_ms
        self.ends_ms = began_ms + (0 if generator.kind is GeneratorKind.GAP else round(generator.seconds * 1_000))
        self._began_ms = began_ms
        self._factor = _RULES[generator.kind](generator, chance)

    def factor(self, now_ms: int) -> float:
        """Return the factor at a moment, the end's once it is over."""
        at_ms = now_ms if now_ms < self.ends_ms else self.ends_ms
        return self._factor((at_ms - self._began_ms) / 1_000)


def _drift(rule: Generator, chance: Random) -> Factor:
    by, noise, lasts_s = rule.by_bps / 10_000, rule.noise_bps / 10_000, rule.seconds or 1.0

    def factor(seconds: float) -> float:
        shaken = chance.gauss(0.0, noise) if noise and seconds < lasts_s else 0.0
        return max(0.0, 1 + by * seconds / lasts_s + shaken)

    return factor


def _shock(rule: Generator, _: Random) -> Factor:
    by, lasts_s = rule.by_bps / 10_000, rule.seconds
    return lambda seconds: 1 + by * (1 - seconds / lasts_s) if lasts_s else 1.0


def _gap(rule: Generator, _: Random) -> Factor:
    return lambda _: 1 + rule.by_bps / 10_000


def _mean_reversion(rule: Generator, chance: Random) -> Factor:
    off, before_s, deviation = 0.0, 0.0, rule.noise_bps / 10_000
    usual_s = rule.every_ms / 1_000
    usual = _step(usual_s, rule.pull_s)

    def factor(seconds: float) -> float:
        nonlocal off, before_s
        wait_s, before_s = seconds - before_s, seconds
        kept, shaken = usual if abs(wait_s - usual_s) < 1e-9 else _step(wait_s, rule.pull_s)
        off = off * kept + deviation * shaken * chance.gauss(0.0, 1.0)
        return 1 + off if off > -1 else 0.0

    return factor


def _step(wait_s: float, pull_s: float) -> tuple[float, float]:
    """Return the exact step of an Ornstein-Uhlenbeck process: what is kept, and how far chance carries it."""
    kept = math.exp(-wait_s / pull_s)
    return kept, math.sqrt(1 - kept * kept)


_RULES: dict[GeneratorKind, Callable[[Generator, Random], Factor]] = {
    GeneratorKind.DRIFT: _drift,
    GeneratorKind.SHOCK: _shock,
    GeneratorKind.GAP: _gap,
    GeneratorKind.MEAN_REVERSION: _mean_reversion,
}
