"""Which refusals are worth telling: every one is counted, each reason is told at most once a second."""

from collections import Counter

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.verdicts import Refusal
from arbitrage.domain.views import RefusalLine

_QUIET = Nanos(NS_PER_S)


class RefusalLog:
    """Counts refusals by code, and remembers when each was last told."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, Instant] = {}

    def count(self, refusals: tuple[Refusal, ...], at: Instant) -> tuple[tuple[Refusal, int], ...]:
        """Count a refused opportunity; return the reasons to tell of now, each with how often it was given since."""
        due = []
        for refusal in refusals:
            code = refusal.code.value
            self._counts[code] += 1
            self._untold[code] += 1
            told_at = self._told_at.get(code)
            if told_at is None or at - told_at >= _QUIET:
                self._told_at[code] = at
                due.append((refusal, self._untold.pop(code)))
        return tuple(due)

    def lines(self) -> tuple[RefusalLine, ...]:
        """Show the counts, most frequent first."""
        return tuple(RefusalLine(code=code, count=count) for code, count in self._counts.most_common())
