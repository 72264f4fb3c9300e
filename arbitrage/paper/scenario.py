"""A paper scenario as people write it: prices, faults and what must come of them. Data only; `reading` makes it."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from arbitrage.domain.guarding import Trip
from arbitrage.domain.instruments import Venue
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.paper.fault_rule import FaultRule
from arbitrage.paper.risk_profile import RiskProfile
from arbitrage.paper.written import (
    Amount,
    BinanceMarket,
    Code,
    Count,
    Exact,
    Flag,
    Float,
    FrameGap,
    Holding,
    LatchName,
    Milliseconds,
    Moment,
    Name,
    Price,
    Reason,
    Seconds,
    Share,
    Size,
    Symbol,
    Text,
    UpbitMarket,
    Whole,
    Written,
)


class FxPoint(Written):
    """KRW per USDT from a moment on."""

    t: Seconds
    """Seconds since the start."""
    rate: Price
    """The middle; bid and ask are a tick around it."""


UpbitMarkets = Annotated[list[UpbitMarket], Field(min_length=1, max_length=30)]
BinanceMarkets = Annotated[list[BinanceMarket], Field(min_length=1, max_length=30)]
FxPath = Annotated[list[FxPoint], Field(min_length=1, max_length=100_000)]


class Symbols(Written):
    """What is traded: one market a venue, or one each for several assets in the same order."""

    upbit: UpbitMarket | UpbitMarkets
    """Such as KRW-BTC (BTC/KRW is understood)."""
    binance: BinanceMarket | BinanceMarkets
    """Such as BTCUSDT (BTC/USDT is understood)."""
    exchange_rate: Price | FxPath = 1_400.0
    """KRW per USDT: one rate, or its path."""

    def of(self, venue: Venue) -> list[str]:
        """Return the markets of a venue."""
        named = self.upbit if venue is Venue.UPBIT else self.binance
        return [named] if isinstance(named, str) else named


class Fees(Written):
    """Taker fees in percent."""

    upbit_pct: Annotated[Exact, Field(ge=0, le=5)] = Decimal("0.05")
    binance_pct: Annotated[Exact, Field(ge=0, le=5)] = Decimal("0.10")


class Latency(Written):
    """How long an order travels to a venue, and its answer back."""

    upbit_ms: Milliseconds = 20.0
    binance_ms: Milliseconds = 20.0
    jitter_ms: Milliseconds = 0.0
    """Up to so much more each time, drawn from the seed."""


class Liquidity(Written):
    """The levels laid behind a touch that a step names."""

    levels: Annotated[Whole, Field(ge=1, le=30)] = 5
    level_krw: Annotated[Float, Field(gt=0, le=1e13, allow_inf_nan=False)] = 50_000_000.0
    """What each level is worth."""
    gap_bps: Annotated[Float, Field(gt=0, le=1_000, allow_inf_nan=False)] = 1.0
    """From one level to the next; at least a tick."""


Levels = Annotated[list[tuple[Price, Size]], Field(max_length=100)]


class Book(Written):
    """All levels of a market, best first: pairs of price and size."""

    bids: Levels = Field(default_factory=list)
    asks: Levels = Field(default_factory=list)


class FxTouch(Written):
    """KRW per USDT as it can be executed."""

    bid: Price
    ask: Price


class GeneratorKind(StrEnum):
    """How generated prices move."""

    DRIFT = "drift"
    SHOCK = "shock"
    GAP = "gap"
    MEAN_REVERSION = "mean_reversion"


class Generator(Written):
    """Prices made by a rule from the seed, from this step on.

    drift           moves evenly by `by_bps` over `seconds`, with a noise of `noise_bps` each frame
    shock           moves by `by_bps` at once and comes back over `seconds`
    gap             moves by `by_bps` at once and stays
    mean_reversion  wanders around where it was: standard deviation `noise_bps`, pulled back over `pull_s`
    """

    kind: GeneratorKind
    symbols: list[Symbol] = Field(default_factory=list)
    """The markets that it moves; all if none is named, fx excepted."""
    seconds: Seconds = 60.0
    every_ms: FrameGap = 500
    by_bps: Annotated[Float, Field(ge=-9_999, le=1e8, allow_inf_nan=False)] = 0.0
    noise_bps: Annotated[Float, Field(ge=0, le=5_000, allow_inf_nan=False)] = 0.0
    pull_s: Annotated[Float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 60.0


class VenueChange(Written):
    """What is different at a venue from this step on; what is not said stays as it is."""

    down: Flag | None = None
    """Nothing is answered, and all sockets are gone."""
    frozen: Flag | None = None
    """Its books stop moving, without a word; orders still meet them."""
    private_down: Flag | None = None
    """The private stream is gone; requests are answered."""
    maintenance: Flag | None = None
    """Orders are refused for a maintenance."""
    halted: dict[Symbol, Reason] | None = None
    """Markets that take no orders, with the venue's word for it; {} for none."""
    wallets: dict[Code, Reason] | None = None
    """Upbit's wallets that do not work, with its word for it: their pairs open nothing new; {} for none."""
    fill_share: Share | None = None
    """The part of each level that is left when an order of ours arrives."""
    match_after_s: Seconds | None = None
    """Seconds between taking an order on and matching it."""
    visible_after_s: Seconds | None = None
    """Seconds during which a query does not find a new order."""
    clock_ahead_ms: Annotated[Whole, Field(ge=-86_400_000, le=86_400_000)] | None = None
    """How far the venue's clock is ahead of ours."""
    tick: dict[Symbol, Annotated[Exact, Field(gt=0)]] | None = None
    """Ticks that hold from now on."""
    deposit: dict[Code, Amount] | None = None
    """What a person moves in, once; below zero, out."""


class Order(Written):
    """A person's command."""

    command: Literal["halt", "resume", "flatten", "accept"]
    reason: Reason = "the scenario says so"
    latch: Literal[""] | LatchName = ""
    """resume: only this latch; all if none is named."""


class Step(Written):
    """What happens at a moment. The four prices are the touch of one pair: of the first, or of `base`.

    A venue's bid and ask are named together or not at all; what is not named stays as it is. A book with one empty side
    is written as a whole book.
    """

    t: Seconds
    """Seconds since the start; steps stand in the order of time."""
    note: Text = ""
    """A word to the reader."""
    base: Code | None = None
    upbit_bid: Price | None = None
    upbit_ask: Price | None = None
    binance_bid: Price | None = None
    binance_ask: Price | None = None
    books: dict[Symbol, Book] = Field(default_factory=dict)
    """Whole books by market, KRW-USDT included."""
    fx: Price | FxTouch | None = None
    """KRW per USDT from now on; 0 stops its frames."""
    generate: list[Generator] = Field(default_factory=list)
    faults: list[FaultRule] = Field(default_factory=list)
    """What goes wrong from now on, in the sandbox's words; `after_s` counts from this step."""
    venues: dict[Venue, VenueChange] = Field(default_factory=dict)
    operator: Order | None = None
    crash_after_s: Seconds | None = None
    """The process is killed this long after the step, and starts again 2 s later from what it wrote down."""
    restart_after_s: Seconds = 2.0
    stop: Flag = False
    """The process is asked to end (SIGTERM) and started again `restart_after_s` later."""
    clock_step_s: Annotated[Float, Field(ge=-86_400 * 3, le=86_400 * 3, allow_inf_nan=False)] = 0.0
    """The machine's wall clock is set by so much."""
    state_down: Flag | None = None
    """The state store cannot be written."""
    disk_full: Flag | None = None
    """The intent log cannot be written."""


class Bounds(Written):
    """At least and at most."""

    min: Amount | None = None
    max: Amount | None = None


class Expectations(Written):
    """What must have come of it. What is not named is not asked, except that no rule of safety may be broken."""

    trades: Count | Bounds | None = None
    """Plans that were sent."""
    min_trades: Count | None = None
    max_trades: Count | None = None
    orders: Count | Bounds | None = None
    """Orders that left, hedges included."""
    outcomes: dict[Literal["both", "uneven", "one_leg", "missed"], Count | Bounds] = Field(default_factory=dict)
    """Ended plans by how they ended."""
    hedges: Count | Bounds | None = None
    refusals: dict[RefusalCode, Count | Bounds] = Field(default_factory=dict)
    """How often a reason was given, by its code."""
    pnl_krw: Bounds | None = None
    """The sum of all plan results."""
    min_pnl: Amount | None = None
    max_pnl: Amount | None = None
    exposure: dict[Code, Amount | Bounds] | Amount | None = None
    """Base that plans have left open at the end, over both venues: by asset, or of each."""
    circuit_breaker_triggered: Flag | None = None
    """Whether the breaker tripped, or a loss latch held, at any time."""
    trips: list[Trip] | None = None
    """Exactly the trips that happened, in any order."""
    latches: list[LatchName] | None = None
    """Exactly the latches that were set, in any order."""
    trading_state: Literal["ACTIVE", "REDUCING", "HALTED"] | None = None
    """At the end."""
    max_time_to_neutral_ms: Annotated[Float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Of the slowest plan that filled. Fails if none filled, or one is still open at the end."""
    unknown_orders: Count | Bounds | None = None
    """Orders of which for a while nothing was proven."""
    restarts: Count | None = None
    safety_violations: Count = 0
    """Broken rules of safety (docs/scenarios.md names them); none unless a scenario shows what a rule is for."""


class Scenario(Written):
    """One scenario, whole."""

    name: Name
    description: Text = ""
    seed: Annotated[Whole, Field(ge=0, le=10**15)] = 1
    starts_at: Moment | None = None
    """When it begins, with its offset: 2026-11-22T12:00:00+09:00 if not said."""
    symbols: Symbols
    balances: dict[Venue, dict[Code, Holding]] | None = None
    """What each venue holds; a venue that is not named, enough of everything."""
    fees: Fees = Fees()
    latency: Latency = Latency()
    liquidity: Liquidity = Liquidity()
    frames_every_ms: FrameGap = 500
    """How often a market that does not move sends its book again."""
    binance_touches: Flag = False
    """Binance tells a touch that moves at once, as its bookTicker does; whole books come every `frames_every_ms`."""
    risk_profile: RiskProfile = RiskProfile()
    faults: list[FaultRule] = Field(default_factory=list)
    """What goes wrong from the start on."""
    steps: Annotated[list[Step], Field(min_length=1, max_length=100_000)]
    lasts_s: Seconds | None = None
    """When it ends; 30 s after the last step (and what it generates) if not said."""
    expected_outcomes: Expectations = Expectations()
