"""The daemon's own words as typed models. What is not known is null, and never zero instead."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A model that takes what it knows and leaves the rest, so that a newer daemon can be looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Link(Model):
    """How the picture was come by: whether Redis answers now, and how old the picture is."""

    reachable: bool
    problem: str = Field(description="one line; empty if all is well")
    picture_age_s: float | None
    namespace: str = Field(description="the daemon's keys; empty if none ever ran")


class GateLayer(Model):
    """One condition of the mode."""

    name: str
    passed: bool
    seen: str
    fix: str


class Trip(Model):
    """A pause that ends by itself."""

    name: str
    since: datetime
    why: str


class Breaker(Model):
    """All trips together."""

    active: bool
    trips: list[Trip]


class Latch(Model):
    """A stop that stays until it is cleared."""

    name: str
    since: datetime
    who: str
    why: str
    day: str
    stops: str
    cleared_by: str


class Daily(Model):
    """Today's result and losses in KRW; a loss is 0 or above."""

    day: str
    plans: int
    result_krw: Decimal
    loss_krw: Decimal
    limit_krw: Decimal | None
    in_flight_krw: Decimal
    loss_24h_krw: Decimal
    total_loss_krw: Decimal


class LimitRow(Model):
    """A limit in its own unit, and how much of it is used."""

    name: str
    used: Decimal | None
    limit: Decimal
    unit: str
    share: float | None


class Score(Model):
    """The day's ended plans by outcome."""

    open: int
    scored: int
    outcomes: dict[str, int]
    result_krw: Decimal


class Flight(Model):
    """A plan in flight, and the base that it leaves open as far as is proven."""

    plan_id: str
    base: str
    direction: str
    age_s: float
    exposure: Decimal
    waits_for: str


class Book(Model):
    """One book's touch."""

    health: str
    age_ms: float | None
    bid: float | None
    ask: float | None


class VenueHealth(Model):
    """How a venue's feed does."""

    connected: bool
    since: datetime | None
    reason: str
    book_age_ms: float | None
    clock_skew_ms: float | None
    messages_per_s: float
    messages: int
    rejected: int
    books: dict[str, Book]


class Stream(Model):
    """A private stream, of Live only."""

    up: bool
    reason: str


class Fx(Model):
    """KRW per USDT, executable; and a bank's KRW per USD."""

    bid: float | None
    ask: float | None
    age_ms: float | None
    reference: float | None
    reference_day: str | None


class Edge(Model):
    """The edge at the touch, in bps."""

    bps: float | None
    best_today_bps: float | None


class Unexplained(Model):
    """A difference that no plan and no transfer explains."""

    venue: str
    currency: str
    difference: Decimal


class Status(Model):
    """The same facts as `arbitrage status --json`."""

    at: datetime
    mode: str
    version: str
    started_at: datetime
    heartbeat_age_s: float
    stopped: bool
    running: bool
    gate: list[GateLayer]
    circuit_breaker: Breaker
    latches: list[Latch]
    daily: Daily
    limits: list[LimitRow]
    trading_state: str
    trading_state_reason: str
    view_age_s: float
    plans: Score
    refusals: dict[str, int]
    flights: list[Flight]
    runway: dict[str, dict[str, int]]
    private_streams: dict[str, Stream]
    unexplained: list[Unexplained]
    inventory: dict[str, dict[str, Decimal]]
    positions: dict[str, Decimal]
    portfolio_krw: Decimal | None
    venues: dict[str, VenueHealth]
    fx: Fx
    edges: dict[str, dict[str, Edge]]
    left_out: dict[str, str]
    notices: dict[str, str]


class LegRow(Model):
    """One leg: what was ordered, and, once the plan has ended, what it came to."""

    venue: str
    symbol: str
    side: str
    quantity: Decimal
    limit_price: Decimal
    end: str | None = None
    filled: Decimal | None = None
    funds: Decimal | None = None


class PlanRow(Model):
    """A plan. `outcome` is null while it is open."""

    plan_id: str
    base: str
    direction: str
    decided_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    notional_krw: Decimal
    net_edge_bps: float
    expected_krw: Decimal
    result_krw: Decimal | None = None
    neutral_ms: float | None = None
    hedges: int = 0
    legs: list[LegRow]


class RefusalRow(Model):
    """An opportunity that was refused, with each reason and how often it was given."""

    at: datetime
    base: str
    direction: str
    net_edge_bps: float
    reasons: list[str]
    times: list[int]


class AlertRow(Model):
    """Something that a person must know of; open until `acked_at`."""

    id: str
    at: datetime
    last_at: datetime
    severity: str
    kind: str
    text: str
    runbook: str
    count: int
    acked_by: str
    acked_at: datetime | None
    sent: bool


class LogLine(Model):
    """A line of the daemon's log."""

    at: str
    level: str
    event: str
    text: str


class Point(Model):
    """One second of the series."""

    at: datetime
    edges: list[tuple[str, str, float | None]]
    fx: tuple[float, float] | None
    premium: dict[str, float] | None
    reference: float | None
    result_krw: float
    exposure: dict[str, str]
    msgs: dict[str, float]
