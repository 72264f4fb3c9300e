"""Our orders at the sandbox's Upbit: what is told of them, and what happened in truth."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from arbitrage.domain.events import ReplyKind, VenueTrouble
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Purpose
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.upbit import Patience
from arbitrage.exchange.upbit_limits import DEFAULT, ORDER
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.exchange.upbit_words import OrderForm
from arbitrage.sandbox.keys import UPBIT_KEYS
from arbitrage.sandbox.options import Manners
from tests.http_peer import a_peer, reply
from tests.rehearsal import a_rehearsal
from tests.upbit_orders import a_desk, an_order
from tests.upbit_venue import a_lively_upbit, an_upbit
from tests.venue_fakes import eventually

HURRIED = Patience(place_s=0.15, ask_s=0.3, cancel_s=0.3)
PLACING = "POST /v1/orders"


def best_buy(venue, client_id="arb-1", quantity="0.001"):
    return an_order(client_id, quantity=Decimal(quantity), limit_price=venue.touch(Side.SELL))


async def test_an_order_is_accepted_first_and_its_end_is_asked_for():
    async with a_lively_upbit() as venue, a_desk(venue.rest_url) as desk:
        order = best_buy(venue)
        placed = await desk.place(order)
        found = await desk.settle(order)

    funds = order.limit_price * order.quantity
    assert (placed.kind, placed.fill, placed.venue) == (ReplyKind.ACCEPTED, None, Venue.UPBIT)
    assert (found.fill.quantity, found.fill.funds) == (order.quantity, funds)
    assert (found.fill.fee, found.fill.fee_currency) == (funds * Decimal("0.0005"), "KRW")


async def test_what_an_order_does_not_take_at_once_is_cancelled():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        there = venue.there()
        partly = best_buy(venue, quantity=str(there + Decimal("0.1")))
        never = an_order("arb-2", limit_price=Decimal(10_000_000))
        for order in (partly, never):
            await desk.place(order)
        fills = [(await desk.settle(order)).fill for order in (partly, never)]

    assert [fill.quantity for fill in fills] == [there, 0]
    assert (fills[1].funds, fills[1].fee) == (0, 0)


async def test_a_sale_brings_its_funds_and_costs_its_fee():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        order = an_order(side=Side.SELL, limit_price=venue.touch(Side.BUY))
        await desk.place(order)
        fill = (await desk.settle(order)).fill

    assert fill.funds == order.limit_price * order.quantity
    assert fill.fee == fill.funds * Decimal("0.0005")


async def test_our_order_leaves_a_persons_resting_order_alone():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        price = venue.touch(Side.SELL) - 1_000
        await venue.post(
            PLACING.split()[1], market="KRW-BTC", side="ask", ord_type="limit", volume="0.01", price=str(price)
        )
        await desk.place(order := an_order(limit_price=price))
        ours = await desk.settle(order)
        theirs = await desk.account.open_orders()

    assert ours.fill.quantity == 0
    assert [(order.client_id, order.is_open, order.quantity) for order in theirs] == [("", True, Decimal("0.01"))]


@pytest.mark.parametrize(
    ("case", "changes", "reason"),
    [
        ("too little", {"quantity": Decimal("0.00000001")}, "400 under_min_total_bid"),
        ("too much", {"quantity": Decimal(5)}, "400 insufficient_funds_bid"),
        ("off the tick", {"limit_price": Decimal("137001001.5")}, "400 invalid_price_bid"),
        ("no such market", {"symbol": "KRW-NOPE"}, "400 notfoundmarket"),
        ("an id that cannot be written", {"client_id": 'a"b'}, "not sent: its id or its market cannot be written"),
    ],
)
async def test_an_order_that_cannot_be_is_refused(case, changes, reason):
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        order = replace(best_buy(venue), **changes)
        reply = await desk.place(order)
        found = await desk.find(replace(order, client_id="arb-1"))

    assert (reply.kind, reply.reason) == (ReplyKind.REFUSED, reason), case
    assert found.kind is ReplyKind.MISSING


async def test_a_repeated_id_proves_nothing_and_never_buys_twice():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        order = best_buy(venue)
        first, second = await desk.place(order), await desk.place(order)
        held = await desk.account.balances()

    assert (first.kind, second.kind) == (ReplyKind.ACCEPTED, ReplyKind.UNKNOWN)
    assert held["BTC"].total == Decimal("2.001")


async def test_a_cancel_is_a_request_and_then_a_question():
    async with a_lively_upbit(match_after_s=0.2) as venue, a_desk(venue.rest_url) as desk:
        order = best_buy(venue)
        await desk.place(order)
        desk.orders.cancel(order)
        soon = await desk.answer(2)
        end = await desk.settle(order)

    assert soon.kind in (ReplyKind.ACCEPTED, ReplyKind.ENDED)
    assert end.fill.quantity in (0, order.quantity)  # the race may go either way, and the end says which


async def test_a_cancel_of_what_is_over_or_was_never_there_ends_in_the_truth():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        await desk.place(order := best_buy(venue))
        await desk.settle(order)
        seen = len(desk.told())
        desk.orders.cancel(order)
        over = await desk.answer(seen + 1)
        desk.orders.cancel(an_order("arb-never"))
        never = await desk.answer(1, "arb-never")

    assert (over.kind, over.fill.quantity) == (ReplyKind.ENDED, order.quantity)
    assert never.kind is ReplyKind.MISSING


@pytest.mark.parametrize(
    ("kind", "more", "told", "is_there", "is_trouble"),
    [
        ("hang_after_execution", {}, ReplyKind.UNKNOWN, True, True),
        ("drop_before", {}, ReplyKind.UNKNOWN, False, True),
        ("drop_after", {}, ReplyKind.UNKNOWN, True, True),
        ("error_5xx", {}, ReplyKind.UNKNOWN, False, True),
        ("error_5xx", {"status": 504, "executed": True}, ReplyKind.UNKNOWN, True, True),
        ("html_502", {"executed": True}, ReplyKind.UNKNOWN, True, True),
        ("empty_200", {}, ReplyKind.UNKNOWN, True, True),
        ("empty_200", {"executed": False}, ReplyKind.UNKNOWN, False, True),
        ("truncated_body", {}, ReplyKind.UNKNOWN, True, True),
        ("too_many", {}, ReplyKind.BUSY, False, True),
        ("banned", {}, ReplyKind.BUSY, False, True),
        ("maintenance", {}, ReplyKind.BUSY, False, True),
        ("delay_after", {"s": 0.05}, ReplyKind.ACCEPTED, True, False),
    ],
)
async def test_a_fault_is_told_as_what_it_proves_and_the_order_is_sent_once(kind, more, told, is_there, is_trouble):
    async with a_rehearsal() as rehearsal, a_desk(rehearsal.sandbox.upbit_rest_url, patience=HURRIED) as desk:
        await rehearsal.fault(kind, Venue.UPBIT, endpoint=PLACING, **more)
        reply = await desk.place(an_order(limit_price=Decimal(10_000_000)))
        await eventually(lambda: desk.lines.idle)
        rows = [row for row in (await rehearsal.truth("requests"))["rows"] if row["endpoint"] == PLACING]
        ids = await rehearsal.client_ids()

    assert (reply.kind, reply.fill) == (told, None)
    assert any(isinstance(event, VenueTrouble) for event in desk.events) is is_trouble
    assert ids == (["arb-1"] if is_there else [])
    assert len(rows) == 1


async def test_a_miss_is_only_a_miss_while_the_venue_does_not_show_new_orders():
    async with a_lively_upbit(visible_after_s=0.1) as venue, a_desk(venue.rest_url) as desk:
        await desk.place(order := best_buy(venue))
        at_first = await desk.find(order)
        later = await desk.settle(order)

    assert at_first.kind is ReplyKind.MISSING
    assert later.fill.quantity == order.quantity


async def test_without_a_connection_nothing_is_sent_and_that_is_said():
    async with an_upbit() as venue, a_desk(venue.rest_url) as desk:
        for _ in range(3):
            desk.lines.send(b"GET /hang HTTP/1.1\r\n", lambda what: None, 5.0)  # never finished
        placed = await desk.place(an_order())
        asked = await desk.find(an_order())

    assert (placed.kind, placed.reason) == (ReplyKind.BUSY, "not sent: no connection is idle")
    assert (asked.kind, asked.reason) == (ReplyKind.UNKNOWN, "not asked: no connection is idle")


async def test_the_venues_limit_is_kept_with_room_for_orders_that_reduce():
    async with an_upbit(manners=Manners()) as venue, a_desk(venue.rest_url) as desk:
        replies = [await desk.place(an_order(f"arb-{number}", limit_price=Decimal(10_000_000))) for number in range(9)]
        reducing = an_order("arb-r", limit_price=Decimal(10_000_000), purpose=Purpose.REDUCE)
        unwind = await desk.place(reducing)

    assert [reply.kind for reply in replies] == [ReplyKind.ACCEPTED] * 8 + [ReplyKind.BUSY]
    assert replies[8].reason == "not sent: our rate limit"
    assert unwind.kind is ReplyKind.ACCEPTED


async def test_what_the_venue_says_is_left_counts():
    async with an_upbit(manners=Manners()) as venue, a_desk(venue.rest_url) as desk:
        for number in range(6):
            await venue.buy(identifier=f"somebody-{number}")
        await desk.place(an_order(limit_price=Decimal(10_000_000)))
        left = desk.limiter.left(ORDER, desk.told()[0].at)

    assert left == 12 - 6 - 1


async def test_a_key_that_is_not_accepted_is_refused():
    async with an_upbit() as venue, a_desk(venue.rest_url, keys=ApiKeys(UPBIT_KEYS.access, "another")) as desk:
        reply = await desk.place(best_buy(venue))

    assert (reply.kind, reply.reason) == (ReplyKind.REFUSED, "401 jwt_verification")
    assert "another" not in repr(desk.events)


async def test_a_ban_stops_everything():
    async with a_rehearsal() as rehearsal, a_desk(rehearsal.sandbox.upbit_rest_url) as desk:
        await rehearsal.fault("banned", Venue.UPBIT, endpoint=PLACING)
        await desk.place(an_order())
        asked = await desk.find(an_order())

    assert desk.limiter.left(DEFAULT, asked.at) == 0
    assert (asked.kind, asked.reason) == (ReplyKind.UNKNOWN, "not asked: our rate limit")


@pytest.mark.parametrize(
    ("case", "status", "changes"),
    [
        ("about another order", 201, {"identifier": "arb-2"}),
        ("about nobody's order", 201, {"identifier": None}),
        ("about another market", 201, {"market": "KRW-ETH"}),
        ("without numbers", 201, {"executed_volume": None}),
        ("sent elsewhere", 302, {}),
    ],
)
async def test_a_reply_that_cannot_be_believed_proves_nothing(case, status, changes):
    row = {"uuid": "u", "market": "KRW-BTC", "side": "bid", "state": "done", "executed_volume": "0", "paid_fee": "0"}
    body = json.dumps({**row, "identifier": "arb-1", **changes}).encode()
    async with a_peer() as peer, a_desk(peer.url) as desk:
        for _ in range(2):
            peer.will(reply(body, status))
        placed, asked = await desk.place(an_order()), await desk.find(an_order())

    assert (placed.kind, placed.fill, asked.kind, asked.fill) == (ReplyKind.UNKNOWN, None) * 2, case


async def test_an_order_leaves_as_it_was_signed():
    async with a_peer() as peer, a_desk(peer.url, signer=UpbitSigner(ApiKeys("key", "hush"), lambda: "n")) as desk:
        desk.orders.send(order := an_order())
        await eventually(lambda: peer.requests)

    signed, _ = OrderForm(order.symbol, order.side).fill_in(order)
    head = peer.requests[0].decode()
    assert head.startswith("POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1")
    assert f"Authorization: Bearer {UpbitSigner(ApiKeys('key', 'hush'), lambda: 'n').token(signed)}\r\n" in head
    assert "hush" not in head


async def test_what_is_written_once_for_a_market_is_kept_apart_by_side_and_market():
    wanted = [("KRW-BTC", Side.BUY), ("KRW-BTC", Side.SELL), ("KRW-ETH", Side.SELL), ("KRW-BTC", Side.BUY)]
    async with a_peer() as peer, a_desk(peer.url) as desk:
        requests = [desk.orders.sign(an_order(symbol=symbol, side=side)) for symbol, side in wanted]

    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in requests]
    assert [(body["market"], body["side"]) for body in bodies] == [
        ("KRW-BTC", "bid"),
        ("KRW-BTC", "ask"),
        ("KRW-ETH", "ask"),
        ("KRW-BTC", "bid"),
    ]
