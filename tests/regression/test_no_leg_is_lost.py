"""Ways in which a leg, an order or a coin was once lost from sight. Each is a story that must not come again."""

from dataclasses import replace
from decimal import Decimal

import pytest

from arbitrage.audit import Audit
from arbitrage.domain.events import (
    BalancesSeen,
    OpenOrder,
    OpenOrdersSeen,
    PlanRecovered,
    ReplyKind,
    StateForeign,
    Tick,
)
from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import AdoptPlan, CancelOrder, SubmitHedge
from arbitrage.domain.plans import OrderFill
from arbitrage.execution.numbering import opening_orders
from arbitrage.execution.order_track import OrderState
from arbitrage.ledger.result import marks_from, result_of
from tests import builders as make
from tests.deck_builders import OWNED, Deck, hedges
from tests.flight_builders import a_fill, a_plan, ended, said
from tests.safety_builders import LiveStory, premium

LATER = 60_000


def audit_of(deck: Deck, *known: Venue) -> Audit:
    audit = Audit(deck.safety, deck.deck, deck.inventory, known)
    audit.adopt(make.universe())
    return audit


def latches(deck: Deck) -> list[str]:
    return [latch.name for latch in deck.safety.keeper.latches]


def told(venue: Venue, ms: int, **changes: str) -> BalancesSeen:
    held = {**OWNED[venue], **{currency: Decimal(amount) for currency, amount in changes.items()}}
    return BalancesSeen(make.after_ms(ms), venue, held, is_whole=True)


def test_coins_that_went_while_the_daemon_was_down_are_missed_and_not_just_believed() -> None:
    deck = Deck(opened=False)
    audit = audit_of(deck, *Venue)
    for ms in (LATER, 2 * LATER):
        audit.balances(told(Venue.UPBIT, ms, BTC="0.5"))

    assert latches(deck) == ["unexplained_funds"]
    assert audit.compared == set()


def test_a_difference_that_grows_with_every_look_stops_new_plans_too() -> None:
    deck = Deck(opened=False)
    audit = audit_of(deck, *Venue)
    for n in range(1, 4):
        audit.balances(told(Venue.UPBIT, n * LATER, KRW=str(900_000 - n)))

    assert latches(deck) == ["unexplained_funds"]


def test_an_order_that_the_venue_lists_as_open_is_taken_back_also_if_no_question_is_answered() -> None:
    deck = Deck()
    audit = audit_of(deck)
    deck.hear(ended(deck.binance), said(deck.upbit, ReplyKind.UNKNOWN))
    order = OpenOrder(
        client_id=deck.upbit.client_id,
        symbol=deck.upbit.symbol,
        side=deck.upbit.side,
        quantity=deck.upbit.quantity,
        limit_price=deck.upbit.limit_price,
    )
    brought = list(audit.open_orders(OpenOrdersSeen(make.after_ms(2_500), Venue.UPBIT, (order,))))

    assert CancelOrder(deck.upbit) in brought


def test_an_order_that_the_venue_had_and_lost_is_looked_for_and_the_leg_is_hedged() -> None:
    deck = Deck()
    deck.hear(ended(deck.binance), said(deck.upbit, ReplyKind.ACCEPTED))
    (flight,) = deck.deck.flights.values()
    track = flight.tracks[deck.upbit.client_id]
    for n in range(7):
        deck.hear(said(deck.upbit, ReplyKind.MISSING, ms=3_000 * (n + 1)))

    assert track.state is OrderState.OPEN
    assert track.seems_absent(make.after_ms(22_000))


def test_a_venue_that_was_too_busy_for_an_order_is_believed_after_a_first_miss_too() -> None:
    deck = Deck()
    deck.hear(ended(deck.binance), said(deck.upbit, ReplyKind.MISSING, ms=500))
    brought = deck.hear(said(deck.upbit, ReplyKind.BUSY, ms=600))

    assert len(hedges(brought)) == 1


@pytest.mark.parametrize("kind", [LatchKind.EMPTIED_STATE, LatchKind.FOREIGN_STATE])
def test_a_state_that_is_lost_in_mid_plan_does_not_strand_the_leg_that_filled(kind: LatchKind) -> None:
    story = LiveStory()
    story.tell(*premium(80))
    upbit, binance = (sender.orders[0] for sender in story.senders.values())
    story.tell(StateForeign(make.NOON, kind, "flushed"), ended(upbit), said(binance, ReplyKind.REFUSED))

    assert [told.order.purpose for told in story.intents if isinstance(told, SubmitHedge)] == ["reduce"]


def test_an_adoption_that_a_crash_interrupts_does_not_count_the_first_half_again() -> None:
    deck = Deck()
    deck.hear(ended(deck.binance, "0.5"), ended(deck.upbit, "0.5"))
    (adopted,) = (each for each in deck.hear(ended(deck.upbit, "1", ms=5_000)) if isinstance(each, AdoptPlan))
    before = next(iter(deck.deck.flights.values())).exposure()
    after = Deck(opened=False)
    left = PlanRecovered(make.after_ms(9_000), adopted.plan, adopted.orders, adopted.booked)
    list(after.deck.recover(left, make.pair(), make.after_ms(9_000)))
    after.hear(ended(deck.upbit, "1", ms=9_500))

    assert before == -deck.upbit.quantity / 2
    assert next(iter(after.deck.flights.values())).exposure() == before


def test_what_was_left_in_a_pair_that_is_not_traded_any_more_is_shown_and_calls_a_person() -> None:
    story = LiveStory("ETH")
    plan = a_plan()
    story.tell(PlanRecovered(make.NOON, plan, opening_orders(plan)))
    story.tell(*(Tick(make.after_ms(ms)) for ms in (1_000, 62_000)))
    shown = [told.view for told in story.intents if hasattr(told, "view")][-1]

    assert [line.plan_id for line in shown.flights] == [plan.plan_id]
    assert "unexplained_exposure" in {latch.name for latch in story.safety.keeper.latches}


def test_a_fee_in_a_third_currency_is_never_free() -> None:
    plan, pair = a_plan(), make.pair()
    touches = {venue: (plan.on(venue).limit_price, plan.on(venue).limit_price) for venue in Venue}
    marks = marks_from(pair, touches, plan.fx)
    assert marks is not None

    def paid(fee: str, currency: dict[Venue, str]) -> int:
        fills = [
            OrderFill(
                client_id=each.client_id,
                venue=each.venue,
                side=each.side,
                fill=replace(a_fill(each), fee=Decimal(fee), fee_currency=currency[each.venue]),
            )
            for each in opening_orders(plan)
        ]
        return result_of(plan, pair, fills, marks)

    nothing = paid("0", {Venue.UPBIT: "KRW", Venue.BINANCE: "USDT"})
    assert paid("0.001", {Venue.UPBIT: "KRW", Venue.BINANCE: "BNB"}) < nothing
    assert paid("0", dict.fromkeys(Venue, "BNB")) < nothing


def test_a_leg_does_not_leave_whose_partner_the_last_gate_has_blocked() -> None:
    story = LiveStory()
    story.tell(*premium(0))
    reference = story.engine.market.reference
    story.safety._prices = _WithoutUpbit(reference)  # the price that the first leg is held against is gone
    story.tell(*premium(80))

    assert [len(sender.orders) for sender in story.senders.values()] == [0, 0]


class _WithoutUpbit:
    def __init__(self, reference: object) -> None:
        self._reference = reference

    def reference(self, venue: Venue, symbol: str) -> object:
        return None if venue is Venue.UPBIT else self._reference(venue, symbol)  # type: ignore[operator]  # the market's
