"""Wiring: what differs between Shadow and Live, as a protocol. Nothing below it asks which mode it is in."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from arbitrage.domain.errors import StateHeld
from arbitrage.domain.events import Event
from arbitrage.domain.instants import Instant
from arbitrage.domain.remembered import Remembered
from arbitrage.engine import Engine
from arbitrage.live_shell.links import Work
from arbitrage.local_keeping import LocalKeeping
from arbitrage.ports import Emit, Gateway, Later, Observer, Sink
from arbitrage.runner import Runner
from arbitrage.state.guard_wiring import ForeignPolicy
from liveguard.mode_gate import LivePermit

Verify = Callable[[], Awaitable[Sequence[str]]]
"""How to learn what speaks against trusting the state store with real losses."""


class Wiring(Protocol):
    """One mode's surroundings of the engine. `failure` says why the right to write was lost, once it was."""

    @property
    def on_foreign(self) -> ForeignPolicy: ...

    @property
    def permit(self) -> LivePermit | None: ...

    @property
    def virtual_capital_krw(self) -> Decimal | None: ...

    @property
    def failure(self) -> StateHeld | None: ...

    @property
    def stands_by(self) -> bool:
        """Tell whether a second daemon may wait for the first one's end."""
        ...

    @property
    def sinks(self) -> tuple[Sink, ...]: ...

    @property
    def observers(self) -> tuple[Observer, ...]: ...

    @property
    def key_expiries(self) -> Mapping[str, Instant | None]:
        """Tell when each venue's API key ends, as far as that is known."""
        ...

    @property
    def hear_market(self) -> Emit: ...

    async def take(self) -> str:
        """Ask for the right to write; return who has it, "" for us. Raises StateUnavailable."""
        ...

    def gateway(self, engine: Engine, verify: Verify, later: Later | None = None) -> Gateway:
        """Return where orders go. What need not be done between two orders is done `later`, or at once without it."""
        ...

    def attach(self, runner: Runner) -> None:
        """Give the runner what it needs beside the gateway."""
        ...

    def left_behind(self, keeping: LocalKeeping, past: Remembered) -> Iterator[Event]:
        """Yield what an earlier run left to do, and what has to be known before anything else."""
        ...

    def work(self) -> Work:
        """Yield what has to run beside the daemon."""
        ...

    async def wind_down(self) -> None:
        """Finish what is in flight; start nothing new."""
        ...

    async def close(self) -> None:
        """Give back the right to write."""
        ...
