"""The suite is worth something only if a gateway that breaks a law is found: each of these breaks one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from arbitrage.domain.events import Event, LegReport, OrderReply, ReplyKind
from arbitrage.domain.plans import Order
from arbitrage.exchange.shadow import ShadowGateway
from arbitrage.exchange.simulated import SimulatedExchange
from tests.conformance import test_gateway_laws as laws
from tests.conformance.bench import Bench, Stand
from tests.conformance.virtual_benches import SimulatedPair, a_shadow_bench, a_simulated_bench
from tests.flight_builders import a_fill


class TellsTwice(SimulatedPair):
    def observe(self, event: Event) -> Sequence[Event]:
        return [*(told := super().observe(event)), *told]


class TellsNothing(SimulatedPair):
    def observe(self, event: Event) -> Sequence[Event]:
        return [told for told in super().observe(event) if not isinstance(told, LegReport | OrderReply)]


class RaisesOnAStranger(SimulatedPair):
    def submit(self, *orders: Order) -> None:
        if strange := [order.symbol for order in orders if order.symbol not in ("KRW-BTC", "BTCUSDT")]:
            raise KeyError(strange)
        super().submit(*orders)


class InventsAFill(SimulatedPair):
    def observe(self, event: Event) -> Sequence[Event]:
        told = super().observe(event)
        return [_filled(each, self.last) if isinstance(each, OrderReply) and not each.fill else each for each in told]

    def ask(self, order: Order) -> None:
        self.last = order
        super().ask(order)


class BuysAgainOnACancel(SimulatedPair):
    def cancel(self, order: Order) -> None:
        self.venues[order.venue].submit(replace(order, client_id=f"{order.client_id}-again"))


class ForgetsOnAnAnswer(SimulatedPair):
    def observe(self, event: Event) -> Sequence[Event]:
        told = super().observe(event)
        return [replace(each, fill=None) if isinstance(each, OrderReply) else each for each in told]


class TakesItsFeeInKrw(SimulatedExchange):
    def advance(self, now: Any) -> list[Event]:
        return [_with(each, fee_currency="KRW") for each in super().advance(now)]


class FillsTooMuch(ShadowGateway):
    def observe(self, event: Event) -> Sequence[Event]:
        return [_with(each, quantity=Decimal(9)) for each in super().observe(event)]


class FillsAtAnyPrice(ShadowGateway):
    def submit(self, *orders: Order) -> None:
        for order in orders:
            super().submit(replace(order, limit_price=order.limit_price * (2 if order.side.sign > 0 else 1) // 2 * 2))

    def observe(self, event: Event) -> Sequence[Event]:
        return [_with(each, funds=Decimal(10**9)) for each in super().observe(event)]


class SaysNothingOfIt(ShadowGateway):
    def submit(self, *orders: Order) -> None:
        super().submit(*(replace(order, client_id="somebody-elses") for order in orders))


def _with(event: Event, **changes: Any) -> Event:
    return replace(event, fill=replace(event.fill, **changes)) if isinstance(event, LegReport) else event


def _filled(reply: OrderReply, order: Order) -> OrderReply:
    return replace(reply, kind=ReplyKind.ENDED, fill=a_fill(order))


def simulated(pair: type[SimulatedPair]) -> Stand:
    return Stand("broken", partial(a_simulated_bench, pair=pair))


def shadow(gateway: type[ShadowGateway]) -> Stand:
    return Stand("broken", partial(a_shadow_bench, gateway=gateway))


@pytest.mark.parametrize(
    ("stand", "law"),
    [
        (simulated(TellsTwice), laws.test_every_order_comes_to_one_end_which_is_not_told_during_a_call),
        (simulated(TellsNothing), laws.test_every_order_comes_to_one_end_which_is_not_told_during_a_call),
        (simulated(InventsAFill), laws.test_an_order_that_nobody_sent_is_never_told_as_filled),
        (simulated(BuysAgainOnACancel), laws.test_a_cancel_after_the_end_changes_nothing),
        (simulated(ForgetsOnAnAnswer), laws.test_a_question_after_the_end_is_answered_with_the_same_fill_each_time),
        (shadow(SaysNothingOfIt), laws.test_every_order_comes_to_one_end_which_is_not_told_during_a_call),
    ],
)
def test_a_gateway_that_breaks_a_law_is_found(stand: Stand, law: Callable[..., None]) -> None:
    with pytest.raises(AssertionError):
        law(stand=stand)


@pytest.mark.parametrize("stand", [shadow(FillsTooMuch), shadow(FillsAtAnyPrice)])
def test_a_fill_beyond_the_order_or_its_limit_is_found(stand: Stand) -> None:
    with pytest.raises(AssertionError):
        laws.test_a_fill_is_never_more_than_was_ordered_and_never_worse_than_the_limit(stand=stand, sized=Bench.order)


def test_a_fee_in_the_wrong_currency_is_found() -> None:
    stand = Stand("broken", partial(a_simulated_bench, exchange=TakesItsFeeInKrw))

    with pytest.raises(AssertionError):
        laws.test_upbit_takes_its_fee_on_top_and_binance_takes_its_own_from_what_is_received(
            stand=stand, sized=Bench.order
        )


def test_a_gateway_that_raises_on_a_strange_market_is_found() -> None:
    with pytest.raises(AssertionError, match="NOPE"):
        laws.test_an_order_that_is_none_is_taken_without_a_word_and_comes_to_nothing(
            stand=simulated(RaisesOnAStranger), case="of a market that is not there", changes={"symbol": "NOPE-NOPE"}
        )
