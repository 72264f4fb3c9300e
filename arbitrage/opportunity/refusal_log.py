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

    def count(self, refusals: tuple[Refusal, ...], at: Instant) -> int:
        """Count a refused opportunity; return how many to tell of now (this one included), or 0 to keep quiet."""
        due = False
        for refusal in refusals:
            code = refusal.code.value
            self._counts[code] += 1
            self._untold[code] += 1
            told_at = self._told_at.get(code)
            due = due or told_at is None or at - told_at >= _QUIET
        if not due:
            return 0
        times = 0
        for refusal in refusals:
            times = max(times, self._untold.pop(refusal.code.value, 0))
            self._told_at[refusal.code.value] = at
        return times

    def lines(self) -> tuple[RefusalLine, ...]:
        """Show the counts, most frequent first."""
        return tuple(RefusalLine(code=code, count=count) for code, count in self._counts.most_common())
