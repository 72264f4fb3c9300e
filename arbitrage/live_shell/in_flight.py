"""InFlight: which plans have begun and not ended, by what the sinks are told. For whoever has to wait for them."""

import asyncio

from arbitrage.domain.intents import AdoptPlan, Intent, ReportPlanEnd, SubmitPlan


class InFlight:
    """A sink that counts; `landed` is set while there is none. Plans of an earlier run are given to it at the start."""

    def __init__(self) -> None:
        self._plans: set[str] = set()
        self.landed = asyncio.Event()
        self.landed.set()

    @property
    def plans(self) -> list[str]:
        """Return the ids of the plans in flight."""
        return sorted(self._plans)

    def add(self, plan_id: str) -> None:
        """Count a plan that is followed from now on."""
        self._plans.add(plan_id)
        self.landed.clear()

    def publish(self, intent: Intent) -> None:
        """Count what begins and what ends (Sink)."""
        match intent:
            case SubmitPlan() | AdoptPlan():
                self.add(intent.plan.plan_id)
            case ReportPlanEnd(end):
                self._plans.discard(end.plan.plan_id)
                if not self._plans:
                    self.landed.set()
            case _:
                pass
