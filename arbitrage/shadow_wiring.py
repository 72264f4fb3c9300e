"""ShadowWiring: what Shadow Live has around the engine. No key, no signer, no sender; nothing to wait for."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from arbitrage.domain.errors import StateHeld
from arbitrage.domain.events import Event
from arbitrage.domain.instants import Instant, from_ms
from arbitrage.domain.remembered import Remembered
from arbitrage.engine import Engine
from arbitrage.exchange.shadow import ShadowGateway
from arbitrage.live_shell.links import Work
from arbitrage.local_keeping import LocalKeeping
from arbitrage.ports import Emit, Later, Sink
from arbitrage.runner import Runner
from arbitrage.settings import Settings
from arbitrage.state.guard_wiring import ForeignPolicy
from arbitrage.wiring import Verify


class ShadowWiring:
    """Real prices in, would-be orders out (`Wiring`)."""

    on_foreign: Final = ForeignPolicy.HEAL
    permit: Final = None
    stands_by: Final = False
    failure: Final[StateHeld | None] = None
    sinks: Final[tuple[Sink, ...]] = ()
    key_expiries: Final[Mapping[str, Instant | None]] = {}

    def __init__(self, settings: Settings, emit: Emit) -> None:
        self.virtual_capital_krw: Decimal | None = settings.shadow_capital_krw
        self.hear_market = emit
        self._latency = from_ms(settings.shadow_latency_ms)

    async def take(self) -> str:
        """Let everybody in: what is virtual may be followed twice (Wiring)."""
        return ""

    def gateway(self, engine: Engine, verify: Verify, later: Later | None = None) -> ShadowGateway:
        """Return the gateway, which follows the books as an observer (Wiring)."""
        self._gateway = ShadowGateway(engine.market, self._latency, later)
        return self._gateway

    @property
    def observers(self) -> tuple[ShadowGateway, ...]:
        """Return who looks at each event (Wiring)."""
        return (self._gateway,)

    def attach(self, runner: Runner) -> None:
        """Wake nobody: plans go on with each tick (Wiring)."""

    def left_behind(self, keeping: LocalKeeping, past: Remembered) -> Iterator[Event]:
        """Yield the end of each virtual plan that an earlier run left in flight (Wiring)."""
        return iter(keeping.abandoned(past))

    def work(self) -> Work:
        """Yield nothing (Wiring)."""
        return iter(())

    async def wind_down(self) -> None:
        """Leave at once: nothing is open (Wiring)."""

    async def close(self) -> None:
        """Give nothing back (Wiring)."""
