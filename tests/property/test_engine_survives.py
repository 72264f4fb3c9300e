"""Nothing that a decoder can produce makes the engine raise, and nothing of it makes a plan out of what is not true."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrage.domain.events import BookRejected, Event, Tick, VenueDown, VenueUp
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Intent, Publish, SubmitHedge, SubmitPlan
from arbitrage.domain.plans import Order
from arbitrage.exchange.shadow import ShadowGateway
from tests import builders as make

numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, -1.0, 1e-320, 1e-20, 1e-9, 1.0, 1_400.0, 85_000.0, 1.2e8, 9e11, 1e12, 1e300]),
    st.floats(80_000.0, 90_000.0),
    st.floats(1.1e8, 1.3e8),
)
levels = st.lists(st.tuples(numbers, numbers), max_size=4)
MARKETS = [(Venue.UPBIT, "KRW-USDT"), (Venue.UPBIT, "KRW-BTC"), (Venue.BINANCE, "BTCUSDT"), (Venue.BINANCE, "XYZ")]
sequences = st.one_of(st.integers(0, 50), st.sampled_from([2**62]))
true_books = st.integers(-200, 200).map(lambda bps: bps)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Frames of all kinds, true and false, in time."""
    told: list[Event] = []
    at = 0
    for kind in draw(st.lists(st.integers(0, 9), min_size=1, max_size=25)):
        at += draw(st.integers(0, 3_000))
        now, (venue, symbol) = make.after_ms(at), draw(st.sampled_from(MARKETS))
        if kind <= 3:
            told.append(make.snapshot(venue, symbol, draw(levels), draw(levels), now, draw(sequences)))
        elif kind == 4:
            bid, ask = draw(numbers), draw(numbers)
            told.append(make.touch(bid, ask, draw(sequences), now, draw(numbers)))
        elif kind == 5:
            told.append(VenueDown(now, venue, "gone"))
        elif kind == 6:
            told.extend(VenueUp(now, each) for each in Venue)
        elif kind == 7:
            told.extend((BookRejected(now, venue, symbol, "malformed"), Tick(now)))
        else:
            told.extend(true_market(draw(true_books), now))
    return [*told, Tick(make.after_ms(at + 1))]


def true_market(premium_bps: int, at: Instant) -> list[Event]:
    bid = round(85_000.0 * 1_401 * (1 + premium_bps / 10_000) / 1_000) * 1_000.0
    return [make.fx(at=at), make.binance_book(84_999.99, 85_000.0, at=at), make.upbit_book(bid, bid + 1_000, at=at)]


def orders_of(intent: Intent) -> tuple[Order, ...]:
    """The orders that leave with an intent."""
    match intent:
        case SubmitPlan():
            return intent.orders
        case SubmitHedge():
            return (intent.order,)
        case _:
            return ()


@settings(max_examples=400)
@given(events())
def test_whatever_is_told_the_engine_goes_on_and_every_plan_is_within_its_limits(told: list[Event]) -> None:
    story = make.Story()
    gateway = ShadowGateway(story.engine.market, latency=0)  # type: ignore[arg-type]  # no way at all
    gateway.observe(make.UniverseChanged(make.NOON, make.universe()))
    queue = list(told)
    while queue:
        event = queue.pop(0)
        for intent in story.tell(event):
            for order in orders_of(intent):
                gateway.submit(order)
        queue[:0] = gateway.observe(event)
    views = [intent.view for intent in story.intents if isinstance(intent, Publish)]

    for plan in (i.approved.what for i in story.intents if isinstance(i, SubmitPlan)):
        assert 10.0 <= plan.net_edge_bps <= 500.0
        assert Decimal(5_000) <= plan.notional_krw <= 100_000_000
        assert all(leg.limit_price > 0 and leg.quantity > 0 for leg in plan.legs)
    assert all(amount >= 0 for owned in views[-1].inventory.values() for amount in owned.values())
