"""Both private streams against the sandbox's venues: what happens to an account is told, and told right."""

import asyncio
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from arbitrage.clock import SystemClock
from arbitrage.domain.events import BalancesSeen, FundsMoved, PrivateUp, ReplyKind
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Side
from arbitrage.domain.plans import Fill
from arbitrage.exchange.binance_stream import LONGEST_LIFE, binance_stream
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.exchange.upbit_stream import upbit_stream
from arbitrage.sandbox.keys import BINANCE_KEYS, UPBIT_KEYS
from arbitrage.sandbox.options import Manners
from tests.binance_venue import a_binance
from tests.stream_diary import BRISK, Told, running
from tests.upbit_venue import a_lively_upbit
from tests.venue_fakes import eventually


def to_upbit(venue, told, keys=UPBIT_KEYS):
    signer = UpbitSigner(ApiKeys(keys.access, keys.secret))
    return upbit_stream(f"{venue.ws_url}/private", signer, told.append, SystemClock(), BRISK)


def to_binance(venue, told, secret=BINANCE_KEYS.secret, skew=Nanos(0)):  # noqa: B008 - a number
    keys = ApiKeys(BINANCE_KEYS.access, secret)
    return binance_stream(venue.ws_url, keys, told.append, SystemClock(), lambda: skew, BRISK)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
async def upbit(told):
    async with a_lively_upbit() as venue, running(to_upbit(venue, told)) as stream:
        await eventually(lambda: stream.is_up)
        yield venue


@pytest.fixture
async def binance(told):
    async with a_binance(SystemClock()) as venue, running(to_binance(venue, told)) as stream:
        await eventually(lambda: stream.is_up)
        yield venue


def lose(sockets, word):
    """Let a venue's private events that hold a word never arrive."""
    send = sockets.send_event

    def send_others(connection, frame):
        text = frame.decode() if isinstance(frame, bytes) else frame
        if word not in text:
            send(connection, frame)

    sockets.send_event = send_others


async def bought_on_upbit(venue, client_id, volume, price="200000000"):
    _, created, _ = await venue.buy(
        volume=f"{volume:f}", price=price, time_in_force="ioc", identifier=client_id, ord_type="limit"
    )
    _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))
    while found["state"] == "wait":
        await asyncio.sleep(0.005)
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))
    return Fill(
        quantity=Decimal(found["executed_volume"]),
        funds=sum((Decimal(trade["funds"]) for trade in found["trades"]), Decimal(0)),
        fee=Decimal(found["paid_fee"]),
        fee_currency="KRW",
    )


async def bought_on_binance(venue, client_id, quantity="1", price="86000"):
    reply = await venue.order(quantity=quantity, price=price, timeInForce="IOC", newClientOrderId=client_id)
    fills = reply.body["fills"]
    return Fill(
        quantity=Decimal(reply.body["executedQty"]),
        funds=Decimal(reply.body["cummulativeQuoteQty"]),
        fee=sum((Decimal(fill["commission"]) for fill in fills), Decimal(0)),
        fee_currency="BTC",
    )


# --- Upbit


async def test_upbit_tells_of_a_filled_order_what_a_question_would(upbit, told):
    fill = await bought_on_upbit(upbit, "arb-1", upbit.there() * 2)
    await eventually(lambda: told.ended("arb-1"))
    replies = told.replies("arb-1")
    quantities = [reply.fill.quantity for reply in replies]

    assert [reply.kind for reply in replies[:-1]] == [ReplyKind.ACCEPTED] * (len(replies) - 1)
    assert replies[-1].fill == fill
    assert quantities == sorted(quantities)
    assert fill.quantity > upbit.there()


async def test_upbit_tells_the_end_of_an_order_that_was_filled_in_part(upbit, told):
    fill = await bought_on_upbit(upbit, "arb-1", upbit.there() * 2, price=f"{upbit.touch(Side.SELL):f}")
    await eventually(lambda: told.ended("arb-1"))

    assert told.ended("arb-1")[-1].fill == fill
    assert 0 < fill.quantity <= upbit.there()


async def test_upbit_events_that_were_lost_are_made_good_by_the_next_one(upbit, told):
    lose(upbit.private.sockets, '"trade_uuid":"')
    fill = await bought_on_upbit(upbit, "arb-1", upbit.there() * 2)
    await eventually(lambda: told.ended("arb-1"))

    assert told.ended("arb-1")[-1].fill == fill


async def test_upbit_tells_balances_free_and_locked_together(upbit, told):
    before = upbit.floor.core.account.balance("KRW").free
    await upbit.buy(price="10000000", volume="0.001", identifier="arb-1")
    await eventually(lambda: told.of(BalancesSeen))

    assert told.of(BalancesSeen)[0].balances["KRW"] == before
    assert not told.of(BalancesSeen)[0].is_whole


async def test_upbit_is_connected_again_with_a_token_that_was_never_used(upbit, told):
    for _ in range(2):
        ups = told.ups_and_downs().count("up")
        for connection in tuple(upbit.private.sockets.connections):
            connection.abort()
        await eventually(lambda ups=ups: told.ups_and_downs().count("up") > ups)

    assert told.ups_and_downs() == ["up", "down", "up", "down", "up"]


async def test_upbit_refusing_the_keys_is_told_and_nothing_secret_is_logged(told):
    with capture_logs() as logs:
        async with a_lively_upbit() as venue:
            stranger = type(UPBIT_KEYS)("a-strange-key", "a-strange-secret")
            async with running(to_upbit(venue, told, stranger)):
                await eventually(lambda: told.ups_and_downs().count("down") > 1)

    assert not told.of(PrivateUp)
    assert told.reasons()[0] == "error frame: INVALID_AUTH"
    assert logs[0]["event"] == "private_stream_down"
    assert not any(word in str(logs) for word in ("strange", "Bearer", "eyJ"))


# --- Binance


async def test_binance_tells_of_a_filled_order_what_the_reply_tells(binance, told):
    fill = await bought_on_binance(binance, "arb-1")
    await eventually(lambda: told.ended("arb-1"))

    assert [reply.kind for reply in told.replies("arb-1")].count(ReplyKind.ENDED) == 1
    assert told.ended("arb-1")[0].fill == fill
    assert fill.quantity == 1


async def test_binance_tells_the_end_of_an_order_that_was_filled_in_part(binance, told):
    fill = await bought_on_binance(binance, "arb-1", price=str(binance.ask()))
    await eventually(lambda: told.ended("arb-1"))

    assert told.ended("arb-1")[0].fill == fill
    assert told.ended("arb-1")[0].reason == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert 0 < fill.quantity < 1


async def test_binance_events_that_come_twice_count_once(binance, told):
    send = binance.sockets.send_event
    binance.sockets.send_event = lambda connection, frame: [send(connection, frame) for _ in range(2)]
    fill = await bought_on_binance(binance, "arb-1")
    await eventually(lambda: told.ended("arb-1"))

    assert told.ended("arb-1")[-1].fill == fill


async def test_an_order_of_which_binance_lost_a_trade_does_not_end_here(binance, told):
    lose(binance.sockets, '"PARTIALLY_FILLED"')
    await bought_on_binance(binance, "arb-1")
    await eventually(lambda: told.of(BalancesSeen))

    assert not told.ended("arb-1")
    assert told.replies("arb-1")[-1].reason == "not all of its trades were told"


async def test_binance_tells_of_a_deposit_as_funds_that_moved(binance, told):
    binance.sockets.deposit("USDT", Decimal("12.5"))
    await eventually(lambda: told.of(BalancesSeen))

    assert [(moved.currency, moved.change) for moved in told.of(FundsMoved)] == [("USDT", Decimal("12.5"))]
    assert told.of(BalancesSeen)[0].balances == {"USDT": Decimal("100012.5")}


async def test_binance_is_subscribed_again_after_the_venue_ended_the_subscription(binance, told):
    binance.sockets.terminate()
    await eventually(lambda: told.ups_and_downs() == ["up", "down", "up"])
    await bought_on_binance(binance, "arb-1")
    await eventually(lambda: told.ended("arb-1"))

    assert told.reasons() == ["the venue ended the subscription"]


async def test_binance_is_left_before_it_shuts_down(told):
    manners = Manners(binance_lifetime_s=60.0, binance_notice_s=59.8)
    async with a_binance(SystemClock(), manners=manners) as venue, running(to_binance(venue, told)):
        await eventually(lambda: told.ups_and_downs()[:3] == ["up", "down", "up"])

    assert told.reasons()[0] == "the venue announced a shutdown"


async def test_binance_is_connected_again_before_the_venue_ends_the_connection(told):
    async with a_binance(SystemClock()) as venue, running(to_binance(venue, told)) as stream:
        await eventually(lambda: stream.is_up)
        now = SystemClock().now()
        stream.look_after(Instant(now + LONGEST_LIFE - NS_PER_S))
        still_up = stream.is_up
        stream.look_after(Instant(now + LONGEST_LIFE + NS_PER_S))
        await eventually(lambda: told.ups_and_downs() == ["up", "down", "up"])

    assert still_up
    assert told.reasons() == ["renewed after 82800 s"]


@pytest.mark.parametrize(
    ("ahead_s", "skew_s", "is_up"), [(0, 0, True), (10, 0, False), (10, 10, True), (-10, -10, True)]
)
async def test_binance_is_asked_in_its_own_time(told, ahead_s, skew_s, is_up):
    async with a_binance(SystemClock()) as venue:
        venue.floor.knobs.clock_ahead_ms = -1_000 * ahead_s
        async with running(to_binance(venue, told, skew=Nanos(skew_s * NS_PER_S))):
            await eventually(lambda: told)

    assert isinstance(told[0], PrivateUp) is is_up
    assert is_up or "-1021" in told.reasons()[0]


async def test_binance_refusing_the_keys_is_told_and_nothing_secret_is_logged(told):
    with capture_logs() as logs:
        async with a_binance(SystemClock()) as venue, running(to_binance(venue, told, secret="a-strange-secret")):
            await eventually(lambda: told.ups_and_downs().count("down") > 1)

    assert not told.of(PrivateUp)
    assert told.reasons()[0] == "subscription refused: -1022 the signature is not valid: check the secret key"
    assert not any(word in str(logs) for word in ("strange", BINANCE_KEYS.access))
