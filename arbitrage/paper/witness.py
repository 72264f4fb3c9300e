"""The witness: hears every intent that is told, and says at the end what happened. It takes no part."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from arbitrage.domain.events import Event, OrderReply, PlanRecovered, ReplyKind
from arbitrage.domain.guarding import GuardAct
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.domain.intents import Intent, Publish, ReportGuard, ReportPlanEnd, SubmitHedge, SubmitPlan
from arbitrage.domain.money import won
from arbitrage.domain.plans import PlanEnd
from arbitrage.domain.views import EngineView
from arbitrage.paper.outcome import Observed

MOST_SAMPLES: Final = 500
"""Of the edges, over a whole scenario: more than a picture can show."""

_canonical: Final = msgspec.json.Encoder(order="sorted").encode


class Witness:
    """A sink, and a listener to what venues say. `view` is the newest that was shown."""

    def __init__(self, start: Instant, lasts_s: float) -> None:
        self.view: EngineView | None = None
        self._proven: set[str] = set()
        self._doubtful: set[str] = set()
        self.trips: set[str] = set()
        self.latches: set[str] = set()
        self.ends: list[PlanEnd] = []
        self._start = start
        self._sample_every_s = max(1.0, lasts_s / MOST_SAMPLES)
        self._next_sample_s = 0.0
        self._digest = hashlib.sha256()
        self._trades = self._hedges = 0
        self._refused: Counter[str] = Counter()
        self._edges: list[tuple[float, str, str, float]] = []
        self._results: list[tuple[float, float]] = []
        self._result_units = 0

    def publish(self, intent: Intent) -> None:
        """Take an intent in (Sink)."""
        if isinstance(intent, Publish):
            self._see(intent.view)
            return
        self._digest.update(type(intent).__name__.encode() + _canonical(intent) + b"\n")
        match intent:
            case SubmitPlan():
                self._trades += 1
            case SubmitHedge():
                self._hedges += 1
            case ReportPlanEnd(end):
                self._book(end)
            case ReportGuard():
                self._note(intent)
            case _:
                pass

    def hear(self, event: Event) -> None:
        """Hear a venue's word, or of orders that an earlier run may have sent: is anything proven of them?"""
        match event:
            case OrderReply(kind=ReplyKind.UNKNOWN | ReplyKind.MISSING):
                if event.client_id not in self._proven:
                    self._doubtful.add(event.client_id)
            case OrderReply():
                self._proven.add(event.client_id)
            case PlanRecovered():
                self._doubtful.update(order.client_id for order in event.orders)
            case _:
                pass

    def begin_run(self) -> None:
        """Add up what one run of the process counted: the next one counts from zero."""
        if self.view is not None:
            self._refused.update({line.code: line.count for line in self.view.refusals})
        self.view = None

    def observed(
        self, *, restarts: int, updates: int, virtual_s: float, trading_state: str, violations: Sequence[str]
    ) -> Observed:
        """Return what happened."""
        view = self.view
        self.begin_run()
        return Observed(
            trades=self._trades,
            orders=2 * self._trades + self._hedges,
            hedges=self._hedges,
            outcomes=dict(sorted(Counter(end.outcome.value for end in self.ends).items())),
            refusals=dict(sorted(self._refused.items())),
            pnl_krw=won(self._result_units),
            exposure=exposure_in(view) if view is not None else {},
            trips=frozenset(self.trips),
            latches=frozenset(self.latches),
            trading_state=trading_state,
            times_to_neutral_ms=tuple(
                end.neutral_after / NS_PER_MS for end in self.ends if end.neutral_after is not None
            ),
            unknown_orders=len(self._doubtful),
            still_open=sum(1 for flight in view.flights if flight.exposure) if view is not None else 0,
            restarts=restarts,
            violations=tuple(violations),
            updates=updates,
            virtual_s=virtual_s,
            digest=self._digest.hexdigest(),
            ends=tuple(self.ends),
            edges=tuple(self._edges),
            results=tuple(self._results),
        )

    def _book(self, end: PlanEnd) -> None:
        self.ends.append(end)
        self._result_units += end.result
        self._results.append((self._second(end.at), float(won(self._result_units))))

    def _note(self, report: ReportGuard) -> None:
        for entry in report.entries:
            if entry.act is GuardAct.TRIPPED:
                self.trips.add(entry.name)
            elif entry.act is GuardAct.LATCHED:
                self.latches.add(entry.name)

    def _see(self, view: EngineView) -> None:
        self.view = view
        second = self._second(view.at)
        if second < self._next_sample_s:
            return
        self._next_sample_s = second + self._sample_every_s
        self._edges.extend((second, line.base, line.direction, line.bps) for line in view.edges if line.bps is not None)

    def _second(self, at: Instant) -> float:
        return (at - self._start) / NS_PER_S


def exposure_in(view: EngineView) -> dict[str, Decimal]:
    """Return the base that plans have left open, ended or in flight, by asset."""
    open_now = {base: left for base, left in view.positions.items()}
    for flight in view.flights:
        open_now[flight.base] = open_now.get(flight.base, Decimal(0)) + flight.exposure
    return open_now
