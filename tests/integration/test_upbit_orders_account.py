"""Questions about our account at the sandbox's Upbit."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from arbitrage.clock import SystemClock
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, after
from arbitrage.domain.instruments import Side
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.upbit_account import CLOSED_PAGE, OPEN_PAGE
from arbitrage.sandbox.options import Manners
from arbitrage.wire.http import VenueFailed
from tests.clocks import NOON, ManualClock
from tests.http_peer import a_peer, reply
from tests.upbit_orders import a_desk, an_order
from tests.upbit_venue import an_upbit

A_DAY = Nanos(86_400 * NS_PER_S)


async def test_balances_are_what_is_free_and_what_is_locked():
    async with an_upbit({"KRW": Decimal(1_000_000), "BTC": Decimal("0.5")}) as venue, a_desk(venue.rest_url) as desk:
        await venue.buy()
        held = await desk.account.balances()

    assert held == {"KRW": Balance(Decimal("994997.5"), Decimal("5002.5")), "BTC": Balance(Decimal("0.5"), Decimal(0))}


async def test_open_orders_are_everybodys_over_all_pages():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        for number in range(OPEN_PAGE + 1):
            await venue.buy(identifier=f"person-{number}")
        found = await desk.account.open_orders()

    assert len({order.client_id for order in found}) == OPEN_PAGE + 1
    assert all(order.is_open and order.executed == 0 for order in found)


async def test_closed_orders_are_read_over_weeks():
    clock = ManualClock(Instant(SystemClock().now() - 20 * A_DAY))
    async with an_upbit(clock=clock) as venue, a_desk(venue.rest_url) as desk:
        began = clock.now()
        for number in range(3):
            await desk.place(an_order(f"arb-{number}", limit_price=venue.touch(Side.SELL)))
            clock.advance(8 * 86_400)
        found = await desk.account.closed_orders(began)
        newer = await desk.account.closed_orders(after(began, A_DAY))

    assert [order.client_id for order in found] == ["arb-0", "arb-1", "arb-2"]
    assert [order.client_id for order in newer] == ["arb-1", "arb-2"]
    assert [(order.is_open, order.executed) for order in found] == [(False, Decimal("0.001"))] * 3


async def test_what_a_market_allows_is_read():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        chance = await desk.account.chance("KRW-BTC")
        with pytest.raises(VenueFailed, match="answered 400 notfoundmarket"):
            await desk.account.chance("KRW-NOPE")

    assert (chance.bid_fee, chance.ask_fee) == (Decimal("0.0005"), Decimal("0.0005"))
    assert (chance.min_total, chance.max_total) == (Decimal(5_000), Decimal(1_000_000_000))
    assert (chance.is_active, chance.takes_ioc) == (True, True)


@pytest.mark.parametrize(
    ("case", "permissions", "known", "moves_money"),
    [
        ("may manage pockets", {"view_account", "manage_pockets"}, True, False),
        ("may withdraw", {"view_account", "manage_pockets", "withdraw"}, True, True),
        ("may not see what it may", {"view_account"}, False, None),
    ],
)
async def test_a_key_tells_what_it_may_do_where_it_may_see_that(case, permissions, known, moves_money):
    knobs = {"permissions": frozenset(permissions), "key_expires_in_s": 3_600}
    async with an_upbit(**knobs) as venue, a_desk(venue.rest_url) as desk:
        info = await desk.account.key_info()

    assert (info.permissions == permissions) is known, case
    assert info.moves_money is moves_money
    assert info.expires_at == NOON + 3_600 * NS_PER_S


@pytest.mark.parametrize(
    ("status", "body", "moves_money"),
    [
        (403, b'{"error":{"name":"out_of_scope","message":"x"}}', False),
        (403, b"<html>", None),
        (404, b"{}", None),
        (200, b"{}", True),
    ],
)
async def test_a_question_about_withdrawals_shows_whether_the_key_sees_them(status, body, moves_money):
    keys = b'[{"access_key":"sandbox-upbit-access-key","expire_at":"2027-05-01T00:00:00+09:00"}]'
    async with a_peer() as peer, a_desk(peer.url) as desk:
        for part in (reply(keys), reply(b"{}", 404), reply(body, status)):
            peer.will(part)
        info = await desk.account.key_info()

    assert info.moves_money is moves_money


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b'{"error":{"name":"server_error","message":"x"}}', "GET /v1/accounts answered 500 server_error"),
        (200, b"<html>", "GET /v1/accounts answered a reply that cannot be read"),
        (200, b'[{"currency":"KRW","balance":"-1","locked":"0"}]', "a reply that cannot be believed"),
        (200, b'[{"currency":"KRW","balance":"Infinity","locked":"0"}]', "a reply that cannot be believed"),
        (302, b"", "GET /v1/accounts answered 302"),
    ],
)
async def test_an_answer_that_is_none_is_a_failure_with_one_line(status, body, words):
    async with a_peer() as peer, a_desk(peer.url) as desk:
        peer.will(reply(body, status, b"Location: http://127.0.0.1:1/\r\n"))
        with pytest.raises(VenueFailed, match=f"^upbit: {words}") as failure:
            await desk.account.balances()

    assert "\n" not in str(failure.value)
    assert len(peer.requests) == 1


async def test_lists_leave_orders_their_share_of_the_limit():
    async with an_upbit(manners=Manners()) as venue, a_desk(venue.rest_url) as desk:
        for _ in range(10):
            await desk.account.balances()
        with pytest.raises(VenueFailed, match="not asked: our rate limit"):
            await desk.account.balances()
        found = await desk.find(an_order())

    assert found.reason == "404 order_not_found"


def rows(count, created_at, first=0):
    """Write a list of closed orders out, all of one second."""
    row = (
        '{"uuid":"u-%d","market":"KRW-BTC","side":"bid","state":"done","executed_volume":"1","paid_fee":"1",'
        '"created_at":"%s"}'
    )
    return reply(("[" + ",".join(row % (first + n, created_at) for n in range(count)) + "]").encode())


async def test_a_closed_list_that_fills_its_page_is_read_on_from_its_newest():
    since = Instant(SystemClock().now() - A_DAY)
    newest = datetime.fromtimestamp(since // NS_PER_S + 60, tz=UTC)
    async with a_peer() as peer, a_desk(peer.url) as desk:
        peer.will(rows(CLOSED_PAGE, newest.isoformat()))
        peer.will(rows(2, newest.isoformat(), first=CLOSED_PAGE - 1))
        found = await desk.account.closed_orders(since)

    assert len(found) == CLOSED_PAGE + 1
    assert f"start_time={int(newest.timestamp()) * 1_000}".encode() in peer.requests[1]


async def test_a_closed_list_that_goes_on_for_ever_is_given_up():
    async def answer(peer, writer):
        writer.write(rows(CLOSED_PAGE, "2026-11-22T12:00:00+09:00"))

    async with a_peer() as peer, a_desk(peer.url) as desk:
        peer.habit = answer
        with pytest.raises(VenueFailed, match="not asked: our rate limit"):
            await desk.account.closed_orders(NOON)
