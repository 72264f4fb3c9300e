"""Where the state lives in Redis: the server's address, the name of every key, and the facts of a run.

It reads and writes nothing. No key has a TTL: what matters is never forgotten by a timer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from arbitrage.domain.instants import Instant

Command = tuple[str | bytes | int, ...]
"""One Redis command: its name, its key, its arguments."""

COMMAND: Final = "do"
"""The field of a row in the command stream that says what is wanted."""

RESET_INVENTORY: Final = "reset_inventory"
"""The command to start over with the virtual capital."""

HALT: Final = "halt"
"""The command to start no new plan, with the fields `who` and `why`."""

FLATTEN: Final = "flatten"
"""The command to bring everything to neutral and then to halt, with the same fields."""

ACK: Final = "ack"
"""The command to acknowledge alerts, that of the field `alert` or all of them, with the same fields."""


class Secret(Protocol):
    """A value that does not show itself, as pydantic's SecretStr."""

    def get_secret_value(self) -> str:
        """Return the value itself."""
        ...


class RedisSettings(Protocol):
    """The part of the settings that says where Redis is."""

    @property
    def redis_host(self) -> str: ...

    @property
    def redis_port(self) -> int: ...

    @property
    def redis_db(self) -> int: ...

    @property
    def redis_username(self) -> str | None: ...

    @property
    def redis_password(self) -> Secret | None: ...


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis answers. Its text and its repr never show the password."""

    host: str
    port: int
    db: int = 0
    password: str | None = field(default=None, repr=False)
    username: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.db}"

    @classmethod
    def of(cls, settings: RedisSettings) -> Self:
        """Take the address out of the settings."""
        password = settings.redis_password
        secret = password.get_secret_value() if password else ""
        where = (settings.redis_host, settings.redis_port, settings.redis_db)
        return cls(*where, secret or None, settings.redis_username)

    def credentials(self) -> tuple[str, ...]:
        """Return what AUTH is told, or nothing at all. Without a user name it is the default user's password."""
        if self.password is None:
            return ()
        return (self.username, self.password) if self.username else (self.password,)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the engine does not know and people ask for: written once at start.

    `layers` are the gate's layers (name, passed, seen, fix); `trading_day_tz` tells which day a plan belongs to.
    `config_digest` tells one set of settings from another, `limits` are the risk limits by name.
    """

    mode: str
    app_env: str
    version: str
    started_at: Instant
    pid: int
    live_mode: bool = False
    safety_mode: bool = True
    dry_run: bool = True
    layers: tuple[Mapping[str, str | bool], ...] = ()
    trading_day_tz: str = "Asia/Seoul"
    config_digest: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Return the prefix of this run's keys."""
        return namespace_of(self.mode, self.app_env)


def namespace_of(mode: str, app_env: str) -> str:
    """Return the prefix of all keys of a mode; modes never share a key."""
    return f"arbitrage:{mode}:{app_env}"


class StateKeys:
    """Every key of one namespace, in one place.

    epoch, fence    strings: the state's random word, the number of the run that may write
    applied         string: the number of the last batch of rows that was written under this fence
    run             JSON: the facts of the run
    journal         stream: every start, plan, plan end, and what happened to the guard
    refused         stream: the refusals that were told
    order_counts    hash: orders ever, by mode
    order_days      sorted set: the trading days that have an `orders` hash
    plans_open      hash: plan id -> plan
    plans_closed    stream: ended plans
    trades          sorted set: plan id by start in ms, of the last 24 hours
    refusals        hash: code -> how often
    inventory, positions, portfolio, view   JSON, the newest
    metrics         hash: the numbers that dashboards read
    series          stream: one row a second of the last hour, for charts (`arbitrage/state/series.py`)
    heartbeat       hash: when the daemon was last alive, or that it stopped on purpose
    commands        stream: what operators ask of the daemon; commands_seen: the last row that was obeyed
    alerts          hash: id -> alert, the open ones and those of late; alert_log: stream of what became of each
    alert_targets   hash: name -> whether alerts reach it
    log             stream: the last lines of the log

    and of the guard, which in Live has a namespace of its own:

    guard           hash: epoch, fence, sequence, day, day_units, total_units, reserved_units, stopped ("1" while a
                    latch without scope holds), and how many plans, results and latches there are
    guard_reserved  hash: plan id -> worst case in won units
    guard_results   sorted set: "plan id:won units" by end in ms, of the last 48 hours
    guard_latches   hash: name -> latch
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.epoch = f"{namespace}:epoch"
        self.fence = f"{namespace}:fence"
        self.applied = f"{namespace}:applied"
        self.run = f"{namespace}:run"
        self.journal = f"{namespace}:journal"
        self.refused = f"{namespace}:refused"
        self.order_counts = f"{namespace}:orders:count"
        self.order_days = f"{namespace}:orders:days"
        self.plans_open = f"{namespace}:plans:open"
        self.plans_closed = f"{namespace}:plans:closed"
        self.trades = f"{namespace}:trades"
        self.refusals = f"{namespace}:refusals"
        self.inventory = f"{namespace}:inventory"
        self.positions = f"{namespace}:positions"
        self.portfolio = f"{namespace}:portfolio"
        self.view = f"{namespace}:view"
        self.metrics = f"{namespace}:metrics:live_trader"
        self.series = f"{namespace}:series"
        self.heartbeat = f"{namespace}:heartbeat"
        self.commands = f"{namespace}:commands"
        self.commands_seen = f"{namespace}:commands:seen"
        self.alerts = f"{namespace}:alerts"
        self.alert_log = f"{namespace}:alerts:log"
        self.alert_targets = f"{namespace}:alerts:targets"
        self.log = f"{namespace}:log"
        self.guard = f"{namespace}:guard"
        self.guard_reserved = f"{namespace}:guard:reserved"
        self.guard_results = f"{namespace}:guard:results"
        self.guard_latches = f"{namespace}:guard:latches"

    def orders(self, day: str) -> str:
        """Return the hash of one trading day's orders: client id -> order."""
        return f"{self.namespace}:orders:{day}"

    def score(self, day: str) -> str:
        """Return the hash of one trading day's score: plans, each outcome, result in won units."""
        return f"{self.namespace}:score:{day}"
