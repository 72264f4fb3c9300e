"""A simulated venue's private stream: what it says by itself, lost, late or twice as the fault plan has it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from arbitrage.domain.events import BalancesSeen, FundsMoved, OrderReply
from arbitrage.domain.instruments import Venue
from arbitrage.paper.wire_names import WORDS
from arbitrage.ports import Clock, Emit
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.faults import Kind

Said = OrderReply | BalancesSeen | FundsMoved


class PrivateStream:
    """One venue's. `listener` hears it while it `is_up`."""

    def __init__(self, venue: Venue, plan: FaultPlan, clock: Clock, way_s: Callable[[], float]) -> None:
        self.listener: Emit | None = None
        self.is_up = True
        self._venue = venue
        self._plan = plan
        self._clock = clock
        self._way_s = way_s

    def tell(self, said: Said, about: str = "") -> None:
        """Say something; `about` is what else its frame holds, such as an order's id."""
        word = WORDS[self._venue][type(said)]
        if self.listener is None or not self.is_up or not word:
            return
        fault = self._plan.on_event(self._venue, f"{word} {about}")
        if fault is not None and fault.kind is Kind.EVENT_LOST:
            return
        late_s = fault.seconds if fault is not None else 0.0
        copies = 2 if fault is not None and fault.kind is Kind.EVENT_DUPLICATED else 1
        for _ in range(copies):
            arrive = partial(self._arrive, self.listener, said)
            asyncio.get_running_loop().call_later(self._way_s() + late_s, arrive)

    def _arrive(self, listener: Emit, said: Said) -> None:
        if self.is_up and listener is self.listener:
            listener(replace(said, at=self._clock.now()))
