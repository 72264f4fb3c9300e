"""Upbit's private REST in the sandbox: what becomes of orders, as a client sees it."""

from decimal import Decimal
from typing import Any

import pytest

from arbitrage.domain.instruments import Side
from arbitrage.domain.money import plain
from tests.clocks import ManualClock
from tests.upbit_venue import a_lively_upbit, an_upbit

MARKET_BUY = {"ord_type": "price", "price": "100000", "volume": None}


async def test_a_new_order_is_answered_before_it_is_matched_even_if_it_was_matched_at_once() -> None:
    async with an_upbit() as venue:
        price = plain(venue.touch(Side.SELL))
        status, created, _ = await venue.buy(price=price, volume="0.001")
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))

    assert (status, created["state"], created["executed_volume"], created["trades_count"]) == (201, "wait", "0", 0)
    assert "trades" not in created
    assert (found["state"], found["executed_volume"], found["remaining_volume"]) == ("done", "0.001", "0")
    assert found["trades"][0].keys() == {
        "market",
        "uuid",
        "price",
        "volume",
        "funds",
        "trend",
        "created_at",
        "side",
    }


async def test_the_match_comes_after_the_answer() -> None:
    async with a_lively_upbit(match_after_s=0.05) as venue:
        _, created, _ = await venue.buy(price=plain(venue.touch(Side.SELL)), volume="0.001")
        _, soon, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))
        later = await venue.order_when("done", uuid=created["uuid"])

    assert soon["state"] == "wait"
    assert later["executed_volume"] == "0.001"


async def test_a_fee_is_set_aside_on_top_and_paid_on_top() -> None:
    async with an_upbit({"KRW": Decimal(1_000_000)}) as venue:
        await venue.buy()
        _, resting, _ = await venue.get("/v1/accounts")
        price = venue.touch(Side.SELL)
        _, bought, _ = await venue.buy(price=plain(price), volume="0.001")
        _, order, _ = await venue.get("/v1/order", ("uuid", bought["uuid"]))
        _, after, _ = await venue.get("/v1/accounts")
    spent = sum(Decimal(trade["funds"]) for trade in order["trades"])

    assert resting == [
        {
            "currency": "KRW",
            "balance": "994997.5",
            "locked": "5002.5",
            "avg_buy_price": "0",
            "avg_buy_price_modified": True,
            "unit_currency": "KRW",
        }
    ]
    assert Decimal(order["paid_fee"]) == spent * Decimal("0.0005")
    assert Decimal(after[0]["balance"]) == Decimal("994997.5") - spent * Decimal("1.0005")
    assert (after[1]["currency"], after[1]["balance"]) == ("BTC", "0.001")


async def test_a_market_buy_ends_cancelled_because_won_are_left_over() -> None:
    async with an_upbit() as venue:
        _, created, _ = await venue.buy(**MARKET_BUY)
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))
    spent = sum(Decimal(trade["funds"]) for trade in found["trades"])

    assert (created["ord_type"], created["price"], created["locked"]) == ("price", "100000", "100050")
    assert "volume" not in created
    assert "remaining_volume" not in created
    assert found["state"] == "cancel"
    assert Decimal(99_000) < spent < Decimal(100_000)


async def test_a_market_sale_has_no_price_and_sets_no_fee_aside() -> None:
    async with an_upbit() as venue:
        status, created, _ = await venue.buy(side="ask", ord_type="market", price=None, volume="0.01")
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))

    assert status == 201
    assert "price" not in created
    assert (created["reserved_fee"], created["locked"]) == ("0", "0.01")
    assert (found["state"], found["locked"]) == ("done", "0")
    assert Decimal(found["paid_fee"]) > 0


@pytest.mark.parametrize(
    ("time_in_force", "share", "state", "executed"),
    [("ioc", "0.5", "cancel", True), ("fok", "0.5", "cancel", False), ("fok", "1", "done", True)],
)
async def test_what_is_not_filled_at_once_is_cancelled(
    time_in_force: str, share: str, state: str, executed: bool
) -> None:
    async with an_upbit(fill_share=Decimal(share)) as venue:
        price, volume = plain(venue.touch(Side.SELL)), plain(venue.there())
        _, created, _ = await venue.buy(price=price, volume=volume, time_in_force=time_in_force)
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))

    assert created["time_in_force"] == time_in_force
    assert (found["state"], Decimal(found["executed_volume"]) > 0) == (state, executed)


async def test_best_takes_the_best_price_and_no_other() -> None:
    async with an_upbit() as venue:
        ask = venue.touch(Side.SELL)
        status, created, _ = await venue.buy(ord_type="best", price="50000000", volume=None, time_in_force="ioc")
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))

    assert (status, created["ord_type"], created["price"]) == (201, "best", "50000000")
    assert "volume" not in created
    assert {Decimal(trade["price"]) for trade in found["trades"]} == {ask}


async def test_an_order_that_crosses_ones_own_cancels_the_one_that_rests() -> None:
    async with an_upbit() as venue:
        bid = venue.touch(Side.BUY)
        _, resting, _ = await venue.buy(price=plain(bid + 1_000), volume="0.001", time_in_force="post_only")
        _, crossing, _ = await venue.buy(side="ask", price=plain(bid + 1_000), volume="0.001")
        _, first, _ = await venue.get("/v1/order", ("uuid", resting["uuid"]))
        _, second, _ = await venue.get("/v1/order", ("uuid", crossing["uuid"]))

    assert (resting["smp_type"], crossing["smp_type"]) == ("none", "cancel_maker")
    assert (first["state"], first["prevented_volume"]) == ("cancel", "0.001")
    assert Decimal(first["prevented_locked"]) == (bid + 1_000) * Decimal("0.001")
    assert second["state"] == "wait"


async def test_a_cancel_is_answered_before_it_is_carried_out() -> None:
    async with a_lively_upbit(cancel_after_s=0.05) as venue:
        _, created, _ = await venue.buy()
        status, cancelled, _ = await venue.delete("/v1/order", ("uuid", created["uuid"]))
        twice, _, _ = await venue.delete("/v1/order", ("uuid", created["uuid"]))
        found = await venue.order_when("cancel", uuid=created["uuid"])
        late, error, _ = await venue.delete("/v1/order", ("uuid", created["uuid"]))
        _, (won, *_), _ = await venue.get("/v1/accounts")

    assert (status, cancelled["state"], twice) == (200, "wait", 200)
    assert found["locked"] == "5002.5"  # the venue goes on showing what the order would need
    assert won["locked"] == "0"
    assert (late, error["error"]["name"]) == (404, "order_not_found")


async def test_a_cancel_is_answered_with_the_order_as_it_was_even_if_it_was_carried_out_at_once() -> None:
    async with an_upbit() as venue:
        _, created, _ = await venue.buy()
        _, cancelled, _ = await venue.delete("/v1/order", ("uuid", created["uuid"]))
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))

    assert (cancelled["state"], found["state"]) == ("wait", "cancel")


async def test_an_order_may_fill_while_its_cancel_is_on_the_way() -> None:
    async with a_lively_upbit(cancel_after_s=0.05) as venue:
        _, created, _ = await venue.buy(price=plain(venue.touch(Side.BUY)), volume="0.001")
        await venue.order_when("wait", uuid=created["uuid"])
        status, _, _ = await venue.delete("/v1/order", ("uuid", created["uuid"]))
        venue.shock("0.9")
        found = await venue.order_when("done", uuid=created["uuid"])

    assert status == 200
    assert found["executed_volume"] == "0.001"


async def test_an_identifier_finds_its_order_and_is_burnt() -> None:
    async with an_upbit() as venue:
        _, created, _ = await venue.buy(identifier="mine-1")
        _, found, _ = await venue.get("/v1/order", ("identifier", "mine-1"))
        status, error, _ = await venue.buy(identifier="mine-1")
        await venue.delete("/v1/order", ("identifier", "mine-1"))
        again, _, _ = await venue.buy(identifier="mine-1")

    assert created["identifier"] == "mine-1"
    assert found["uuid"] == created["uuid"]
    assert (status, error["error"]["name"], again) == (400, "duplicated_identifier", 400)


@pytest.mark.parametrize(
    "wrong", [{"price": "10000001"}, {"volume": "0.0001"}, {"market": "KRW-NOPE"}, {"side": "both"}, {"price": "-1"}]
)
async def test_an_identifier_is_burnt_by_an_order_that_is_refused(wrong: dict[str, str]) -> None:
    async with an_upbit() as venue:
        first, _, _ = await venue.buy(**wrong, identifier="mine-1")
        _, error, _ = await venue.buy(identifier="mine-1")

    assert first == 400
    assert error["error"]["name"] == "duplicated_identifier"


async def test_a_rehearsed_order_is_checked_and_not_made() -> None:
    async with an_upbit({"KRW": Decimal("5002.5")}) as venue:
        order = {"market": "KRW-BTC", "side": "bid", "volume": "0.0005", "price": "10000000", "ord_type": "limit"}
        status, tried, headers = await venue.post("/v1/orders/test", **order, identifier="mine-1")
        too_much, error, _ = await venue.post("/v1/orders/test", **{**order, "volume": "0.001"})
        _, open_orders, _ = await venue.get("/v1/orders/open")
        found, _, _ = await venue.get("/v1/order", ("uuid", tried["uuid"]))
        real, _, _ = await venue.buy(identifier="mine-1")

    assert (status, tried["state"], tried["locked"]) == (201, "wait", "5002.5")
    assert headers["Remaining-Req"].startswith("group=order-test; min=480; sec=")
    assert (too_much, error["error"]["name"]) == (400, "insufficient_funds_bid")
    assert (open_orders, found, real) == ([], 404, 201)


async def test_a_new_order_may_stay_unseen_for_a_while() -> None:
    clock = ManualClock()
    async with an_upbit(clock=clock, visible_after_s=2.0) as venue:
        await venue.buy(identifier="mine-1")
        soon, error, _ = await venue.get("/v1/order", ("identifier", "mine-1"))
        _, listed, _ = await venue.get("/v1/orders/open")
        clock.advance(2)
        later, _, _ = await venue.get("/v1/order", ("identifier", "mine-1"))

    assert (soon, error["error"]["name"], listed, later) == (404, "order_not_found", [], 200)


async def ids(venue: Any, path: str, *pairs: tuple[str, str]) -> list[str]:
    status, body, _ = await venue.get(path, *pairs)
    assert status == 200, body
    return [order["identifier"] for order in body]


async def test_lists_show_what_is_asked_for() -> None:
    clock = ManualClock()
    async with an_upbit(clock=clock) as venue:
        for name, market in (("a", "KRW-BTC"), ("b", "KRW-ETH"), ("c", "KRW-BTC"), ("d", "KRW-BTC")):
            price = "10000000" if market == "KRW-BTC" else "1000000"
            await venue.buy(identifier=name, market=market, price=price, volume="0.01")
            clock.advance(1)
        await venue.delete("/v1/order", ("identifier", "d"))
        await venue.buy(identifier="e", price=plain(venue.touch(Side.SELL)), volume="0.001")

        assert await ids(venue, "/v1/orders/open") == ["c", "b", "a"]
        assert await ids(venue, "/v1/orders/open", ("order_by", "asc")) == ["a", "b", "c"]
        assert await ids(venue, "/v1/orders/open", ("market", "KRW-ETH")) == ["b"]
        assert await ids(venue, "/v1/orders/open", ("limit", "2"), ("page", "2")) == ["a"]
        assert await ids(venue, "/v1/orders/open", ("states[]", "watch")) == []
        assert await ids(venue, "/v1/orders/closed") == ["e", "d"]
        assert await ids(venue, "/v1/orders/closed", ("state", "done")) == ["e"]
        assert await ids(venue, "/v1/orders/closed", ("states[]", "cancel"), ("states[]", "done")) == ["e", "d"]
        assert await ids(venue, "/v1/orders/closed", ("limit", "1")) == ["e"]
        assert await ids(venue, "/v1/orders/uuids", ("identifiers[]", "a"), ("identifiers[]", "d")) == ["d", "a"]


async def test_the_closed_list_looks_seven_days_back_and_no_further() -> None:
    clock = ManualClock()
    async with an_upbit(clock=clock) as venue:
        await venue.buy(identifier="old")
        await venue.delete("/v1/order", ("identifier", "old"))
        at_ms = clock.now() // 1_000_000
        clock.advance(7 * 86_400)

        assert await ids(venue, "/v1/orders/closed") == ["old"]
        clock.advance(1)
        assert await ids(venue, "/v1/orders/closed") == []
        assert await ids(venue, "/v1/orders/closed", ("start_time", str(at_ms - 1_000))) == ["old"]
        assert await ids(venue, "/v1/orders/closed", ("end_time", "2026-11-22T12:00:01+09:00")) == ["old"]
        status, error, _ = await venue.get(
            "/v1/orders/closed", ("start_time", str(at_ms)), ("end_time", str(at_ms + 8 * 86_400_000))
        )

    assert (status, error["error"]["name"]) == (400, "validation_error")


async def test_many_are_cancelled_by_name_or_by_filter() -> None:
    async with an_upbit() as venue:
        uuids = [(await venue.buy(identifier=name))[1]["uuid"] for name in "abcd"]
        await venue.buy(identifier="x", side="ask", price="200000000", volume="0.001")
        _, named, _ = await venue.delete("/v1/orders/uuids", ("uuids[]", uuids[0]), ("uuids[]", uuids[1]))
        _, again, _ = await venue.delete("/v1/orders/uuids", ("uuids[]", uuids[0]), ("uuids[]", "unknown"))
        _, one, headers = await venue.delete("/v1/orders/open", ("cancel_side", "bid"), ("count", "1"))
        _, none, _ = await venue.delete("/v1/orders/open", ("excluded_pairs", "KRW-BTC"))
        _, rest, _ = await venue.delete("/v1/orders/open", ("excluded_pairs", "KRW-ETH"))

    assert [order["identifier"] for order in named["success"]["orders"]] == ["b", "a"]
    assert again == {
        "success": {"count": 0, "orders": []},
        "failed": {"count": 1, "orders": [{"uuid": uuids[0], "market": "KRW-BTC", "identifier": "a"}]},
    }
    assert [order["identifier"] for order in one["success"]["orders"]] == ["d"]
    assert headers["Remaining-Req"].startswith("group=order-cancel-all; min=30; sec=")
    assert none["success"]["count"] == 0
    assert [order["identifier"] for order in rest["success"]["orders"]] == ["x", "c"]


async def test_a_shock_fills_what_rests() -> None:
    async with an_upbit() as venue:
        price = venue.touch(Side.BUY)
        _, created, _ = await venue.buy(price=plain(price), volume="0.001")
        venue.shock("0.68")
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))

    assert (found["state"], found["trades"][0]["price"]) == ("done", plain(price))
