"""What a sandbox can be told: where it listens, its seed and speed, and the venues' manners. Plain values only."""

from dataclasses import dataclass, field
from pathlib import Path

from arbitrage.domain.errors import ConfigurationError
from arbitrage.sandbox.listing import COINS


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the venues treat their clients. The defaults are the documented ones; tests compress the times.

    `binance_notice_s` is how long before the end of a connection's life `serverShutdown` is sent; the venue promises
    no lead time. `limits` false switches every rate limit off.
    """

    limits: bool = True
    upbit_idle_s: float = 120.0
    upbit_status_s: float = 10.0
    binance_ping_s: float = 20.0
    binance_pong_s: float = 60.0
    binance_lifetime_s: float = 86_400.0
    binance_notice_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """How to run a sandbox. Raises ConfigurationError for a speed or port out of bounds.

    `speed` multiplies how fast the market moves; `tape` replays a recording instead. `faults` is a script of what is
    to go wrong, `balances` what the accounts start with, `keep` where balances are kept over a restart.
    `control_port` None takes the one after `port`, or a free one where that is taken.
    """

    host: str = "127.0.0.1"
    port: int = 8900
    seed: int = 1
    speed: float = 1.0
    tape: Path | None = None
    symbols: tuple[str, ...] = tuple(COINS)
    manners: Manners = field(default_factory=Manners)
    faults: Path | None = None
    balances: Path | None = None
    keep: Path | None = None
    control_port: int | None = None

    def __post_init__(self) -> None:
        if not 0.01 <= self.speed <= 1_000:
            raise ConfigurationError(f"speed must be between 0.01 and 1000: {self.speed}")
        for port in (self.port, self.control_port or 0):
            if not 0 <= port <= 65_535:
                raise ConfigurationError(f"port must be between 0 and 65535: {port}")
