"""Orders as a venue holds them: what was asked for, how it stands, what was traded, why it was refused. Facts only."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Side

_ZERO = Decimal(0)


class OrderKind(StrEnum):
    """What bounds an order: a price, a quantity of base, or an amount of quote."""

    LIMIT = "limit"
    MARKET = "market"
    MARKET_FUNDS = "market_funds"


class TimeInForce(StrEnum):
    """How long an order stays: until cancelled, this moment, this moment in full, or only without taking."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class SelfTrade(StrEnum):
    """What happens where an order would meet another of the same account."""

    ALLOW = "allow"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_TAKER = "cancel_taker"
    REDUCE = "reduce"


class VenueState(StrEnum):
    """How an order stands: taken on but not matched yet, resting, or over in one of five ways."""

    ACCEPTED = "accepted"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    PREVENTED = "prevented"


class RejectReason(StrEnum):
    """Why a venue does not take an order on: a closed list, which each venue puts in its own words."""

    BAD_REQUEST = "bad_request"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    HALTED = "halted"
    BAD_TICK = "bad_tick"
    BAD_LOT = "bad_lot"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    NO_FUNDS = "no_funds"
    NO_LIQUIDITY = "no_liquidity"
    WOULD_TAKE = "would_take"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A "no" with its reason, what was seen, and what is allowed."""

    reason: RejectReason
    seen: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What a client asks for. LIMIT has price and quantity, MARKET a quantity, MARKET_FUNDS an amount of quote."""

    symbol: str
    side: Side
    kind: OrderKind
    client_id: str = ""
    price: Decimal | None = None
    quantity: Decimal | None = None
    funds: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    self_trade: SelfTrade = SelfTrade.ALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    """One fill of one order. `fee` is in `fee_currency`; `is_maker` says that the order was resting.

    `order_quantity`, `order_funds`, `order_fee` and `order_locked` are what the order came to, and what it still held,
    with this fill: what a stream tells of it, however many fills have followed by the time it is told.
    """

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    funds: Decimal
    fee: Decimal
    fee_currency: str
    is_maker: bool
    at: Instant
    order_quantity: Decimal
    order_funds: Decimal
    order_fee: Decimal
    order_locked: Decimal


@dataclass(slots=True, kw_only=True, eq=False)
class VenueOrder:
    """An order that was taken on. `locked` is what it still holds of `locked_currency`; the rest only grows.

    `instrument` is the market as it was then: its lot and fee hold for the order to the end. A self-trade rule takes
    `prevented_quantity` of base away, and from an order by funds `prevented_funds` of quote.
    """

    order_id: int
    request: OrderRequest
    instrument: Instrument
    created_at: Instant
    locked_currency: str
    locked: Decimal
    state: VenueState = VenueState.ACCEPTED
    executed_quantity: Decimal = _ZERO
    executed_funds: Decimal = _ZERO
    fee: Decimal = _ZERO
    prevented_quantity: Decimal = _ZERO
    prevented_funds: Decimal = _ZERO
    updated_at: Instant = Instant(0)  # noqa: RUF009 - an integer under another name
    trades: list[VenueTrade] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Say whether nothing can happen to the order any more."""
        return self.state not in (VenueState.ACCEPTED, VenueState.OPEN)

    @property
    def left(self) -> Decimal:
        """Return the base quantity that is still wanted; nothing for an order by funds."""
        if self.request.quantity is None:
            return _ZERO
        return self.request.quantity - self.executed_quantity - self.prevented_quantity

    @property
    def funds_left(self) -> Decimal:
        """Return the quote that is still to be spent; nothing for an order by quantity."""
        if self.request.funds is None:
            return _ZERO
        return self.request.funds - self.executed_funds - self.prevented_funds

    @property
    def has_all(self) -> bool:
        """Say whether nothing is wanted any more, to the last unit."""
        return self.left <= 0 and self.funds_left <= 0


@dataclass(frozen=True, slots=True)
class Traded:
    """An order was filled, in part or in full."""

    order: VenueOrder
    trade: VenueTrade


@dataclass(frozen=True, slots=True)
class Rested:
    """An order stays in the book."""

    order: VenueOrder


@dataclass(frozen=True, slots=True)
class Ended:
    """An order is over; its `state` says how."""

    order: VenueOrder


Change = Traded | Rested | Ended
"""What happened to an order, in the order of its happening: what private streams tell of."""
