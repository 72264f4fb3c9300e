"""A paper scenario as people write it: prices, faults and what must come of them. Data only; `reading` makes it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.faults import Fault

Seconds = Annotated[float, Field(ge=0, le=31 * 86_400, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
"""May be zero, and a bid may be above its ask: what a venue sends by mistake is worth a scenario."""
Size = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Amount = Annotated[Decimal, Field(ge=Decimal("-1e15"), le=Decimal("1e15"), allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Code = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,15}$")]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,15}(-[A-Z0-9]{2,15})?$")]
Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**9)]


def _fault(raw: Any) -> Fault:
    if isinstance(raw, Fault):
        return raw
    try:
        return msgspec.convert(raw, Fault)
    except msgspec.ValidationError as unfit:
        raise ValueError(str(unfit)) from unfit


FaultRule = Annotated[
    Fault,
    PlainValidator(_fault),
    PlainSerializer(msgspec.to_builtins),
    WithJsonSchema({"$ref": "#/$defs/Fault"}),
]
"""A fault in the sandbox's words (docs/sandbox.md)."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class FxPoint(_Written):
    """KRW per USDT from a moment on."""

    t: Seconds
    """Seconds since the start."""
    rate: Price
    """The middle; bid and ask are a tick around it."""


class Symbols(_Written):
    """What is traded: one market a venue, or one each for several assets in the same order."""

    upbit: str | list[str]
    """Such as KRW-BTC (BTC/KRW is understood)."""
    binance: str | list[str]
    """Such as BTCUSDT (BTC/USDT is understood)."""
    exchange_rate: Price | list[FxPoint] = 1_400.0
    """KRW per USDT: one rate, or its path."""


class Fees(_Written):
    """Taker fees in percent."""

    upbit_pct: Annotated[Decimal, Field(ge=0, le=5)] = Decimal("0.05")
    binance_pct: Annotated[Decimal, Field(ge=0, le=5)] = Decimal("0.10")


class Latency(_Written):
    """How long an order travels to a venue, and its answer back."""

    upbit_ms: Annotated[float, Field(ge=0, le=60_000)] = 20.0
    binance_ms: Annotated[float, Field(ge=0, le=60_000)] = 20.0
    jitter_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    """Up to so much more each time, drawn from the seed."""


class Liquidity(_Written):
    """The levels laid behind a touch that a step names."""

    levels: Annotated[int, Field(ge=1, le=30)] = 5
    level_krw: Annotated[float, Field(gt=0, le=1e13)] = 50_000_000.0
    """What each level is worth."""
    gap_bps: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    """From one level to the next; at least a tick."""


class Book(_Written):
    """All levels of a market, best first: pairs of price and size."""

    bids: list[tuple[Price, Size]] = []
    asks: list[tuple[Price, Size]] = []


class FxTouch(_Written):
    """KRW per USDT as it can be executed."""

    bid: Price
    ask: Price


class GeneratorKind(StrEnum):
    """How generated prices move."""

    DRIFT = "drift"
    SHOCK = "shock"
    GAP = "gap"
    MEAN_REVERSION = "mean_reversion"


class Generator(_Written):
    """Prices made by a rule from the seed, from this step on.

    drift           moves evenly by `by_bps` over `seconds`, with a noise of `noise_bps` each frame
    shock           moves by `by_bps` at once and comes back over `seconds`
    gap             moves by `by_bps` at once and stays
    mean_reversion  wanders around where it was: standard deviation `noise_bps`, pulled back over `pull_s`
    """

    kind: GeneratorKind
    symbols: list[Symbol] = []
    """The markets that it moves; all if none is named, fx excepted."""
    seconds: Seconds = 60.0
    every_ms: Annotated[int, Field(ge=10, le=60_000)] = 500
    by_bps: Annotated[float, Field(ge=-9_999, le=1e8, allow_inf_nan=False)] = 0.0
    noise_bps: Annotated[float, Field(ge=0, le=5_000, allow_inf_nan=False)] = 0.0
    pull_s: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 60.0


class VenueChange(_Written):
    """What is different at a venue from this step on; what is not said stays as it is."""

    down: bool | None = None
    """Nothing is answered, and all sockets are gone."""
    frozen: bool | None = None
    """Its books stop moving, without a word; orders still meet them."""
    private_down: bool | None = None
    """The private stream is gone; requests are answered."""
    maintenance: bool | None = None
    """Orders are refused for a maintenance."""
    halted: dict[Symbol, str] | None = None
    """Markets that take no orders, with the venue's word for it; {} for none."""
    wallets: dict[Code, str] | None = None
    """Wallets that do not work, with the venue's word for it."""
    fill_share: Share | None = None
    """The part of each level that is left when an order of ours arrives."""
    match_after_s: Seconds | None = None
    """Seconds between taking an order on and matching it."""
    visible_after_s: Seconds | None = None
    """Seconds during which a query does not find a new order."""
    clock_ahead_ms: Annotated[int, Field(ge=-86_400_000, le=86_400_000)] | None = None
    """How far the venue's clock is ahead of ours."""
    tick: dict[Symbol, Annotated[Decimal, Field(gt=0)]] | None = None
    """Ticks that hold from now on."""
    deposit: dict[Code, Amount] | None = None
    """What a person moves in, once; below zero, out."""


class Order(_Written):
    """A person's command."""

    command: Literal["halt", "resume", "flatten", "accept"]
    reason: str = "the scenario says so"
    latch: str = ""
    """resume: only this latch."""


class Step(_Written):
    """What happens at a moment. The four prices are the touch of one pair: of the first, or of `base`."""

    t: Seconds
    """Seconds since the start; steps stand in the order of time."""
    note: str = ""
    """A word to the reader."""
    base: Code | None = None
    upbit_bid: Price | None = None
    upbit_ask: Price | None = None
    binance_bid: Price | None = None
    binance_ask: Price | None = None
    books: dict[Symbol, Book] = {}
    """Whole books by market, KRW-USDT included."""
    fx: Price | FxTouch | None = None
    """KRW per USDT from now on; 0 stops its frames."""
    generate: list[Generator] = []
    faults: list[FaultRule] = []
    """What goes wrong from now on, in the sandbox's words; `after_s` counts from this step."""
    venues: dict[Venue, VenueChange] = {}
    operator: Order | None = None
    crash_after_s: Seconds | None = None
    """The process is killed this long after the step, and starts again 2 s later from what it wrote down."""
    restart_after_s: Seconds = 2.0
    stop: bool = False
    """The process is asked to end (SIGTERM) and started again `restart_after_s` later."""
    clock_step_s: Annotated[float, Field(ge=-86_400 * 3, le=86_400 * 3)] = 0.0
    """The machine's wall clock is set by so much."""
    state_down: bool | None = None
    """The state store cannot be written."""
    disk_full: bool | None = None
    """The intent log cannot be written."""


class RiskProfile(_Written):
    """The limits: every field of RiskLimits by its name, and the older short names; the cautious profile for the rest.

    `slippage_bps` is the simulated one: how much worse than it looks a book is once an order is there.
    """

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    max_position_krw: Annotated[Decimal, Field(gt=0)] | None = None
    max_daily_loss_krw: Annotated[Decimal, Field(gt=0)] | None = None
    slippage_bps: Annotated[Decimal, Field(ge=0, lt=10_000)] = Decimal(0)


class Bounds(_Written):
    """At least and at most."""

    min: Decimal | None = None
    max: Decimal | None = None


class Expectations(_Written):
    """What must have come of it. What is not named is not asked, except that no rule of safety may be broken."""

    trades: Count | Bounds | None = None
    """Plans that were sent."""
    min_trades: Count | None = None
    max_trades: Count | None = None
    orders: Count | Bounds | None = None
    """Orders that left, hedges included."""
    outcomes: dict[Literal["both", "uneven", "one_leg", "missed"], Count | Bounds] = {}
    """Ended plans by how they ended."""
    hedges: Count | Bounds | None = None
    refusals: dict[str, Count | Bounds] = {}
    """How often a reason was given, by its code."""
    pnl_krw: Bounds | None = None
    """The sum of all plan results."""
    min_pnl: Decimal | None = None
    max_pnl: Decimal | None = None
    exposure: dict[Code, Decimal | Bounds] | Decimal | None = None
    """Base that plans have left open at the end, over both venues: by asset, or of each."""
    circuit_breaker_triggered: bool | None = None
    """Whether the breaker tripped, or a loss latch held, at any time."""
    trips: list[str] | None = None
    """Exactly the trips that happened, in any order."""
    latches: list[str] | None = None
    """Exactly the latches that were set, in any order."""
    trading_state: Literal["ACTIVE", "REDUCING", "HALTED"] | None = None
    """At the end."""
    max_time_to_neutral_ms: Annotated[float, Field(gt=0)] | None = None
    """Of the slowest plan that filled."""
    unknown_orders: Count | Bounds | None = None
    """Orders of which for a while nothing was proven."""
    restarts: Count | None = None
    safety_violations: Count = 0
    """Broken rules of safety (docs/scenarios.md names them); none unless a scenario shows what a rule is for."""


class Scenario(_Written):
    """One scenario, whole."""

    name: Name
    description: str = ""
    seed: Annotated[int, Field(ge=0, le=2**53)] = 1
    starts_at: datetime | None = None
    """When it begins, with its offset: 2026-11-22T12:00:00+09:00 if not said."""
    symbols: Symbols
    balances: dict[Venue, dict[Code, Amount]] | None = None
    """What each venue holds; enough of everything if not said."""
    fees: Fees = Fees()
    latency: Latency = Latency()
    liquidity: Liquidity = Liquidity()
    frames_every_ms: Annotated[int, Field(ge=10, le=60_000)] = 500
    """How often a market that does not move sends its book again."""
    risk_profile: RiskProfile = RiskProfile()
    faults: list[FaultRule] = []
    """What goes wrong from the start on."""
    steps: Annotated[list[Step], Field(min_length=1, max_length=100_000)]
    lasts_s: Seconds | None = None
    """When it ends; 30 s after the last step (and what it generates) if not said."""
    expected_outcomes: Expectations = Expectations()
