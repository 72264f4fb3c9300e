"""The audit: what venues say that we own and have open, against what we believe."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from arbitrage.audit import SETTLED_FOR, Audit
from arbitrage.domain.events import (
    BalancesSeen,
    Command,
    FundsMoved,
    OpenOrder,
    OpenOrdersSeen,
    OperatorCommand,
    ReplyKind,
)
from arbitrage.domain.guarding import GuardAct, LatchKind
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.intents import CancelOrder, SubmitHedge
from arbitrage.domain.plans import Purpose
from tests import builders as make
from tests.deck_builders import Deck
from tests.flight_builders import an_order, ended, said

D = Decimal
U, B = Venue.UPBIT, Venue.BINANCE
UPBIT = {"BTC": D(1), "KRW": D(1_000_000_000)}
BINANCE = {"BTC": D(1), "USDT": D(1_000_000)}


class Audited(Deck):
    """A deck whose account is audited; nothing is in flight unless a test opens it."""

    def __init__(self, *, opened: bool = False) -> None:
        super().__init__(opened=opened)
        self.audit = Audit(self.safety, self.deck, self.inventory)
        self.audit.adopt(make.universe())

    def see(self, venue: Venue, balances: Mapping[str, Decimal], ms: float = 0, *, whole: bool = True) -> None:
        self.audit.balances(BalancesSeen(make.after_ms(ms), venue, balances, whole))

    def latches(self) -> list[str]:
        return [latch.name for latch in self.safety.keeper.latches]

    def notes(self) -> list[str]:
        """Every piece of evidence since the last time."""
        report = self.safety.keeper.report(make.NOON)
        return [f"{entry.act} {entry.name}: {entry.why}" for entry in report.entries] if report else []


def accept(ms: float = 0) -> OperatorCommand:
    at = make.after_ms(ms)
    return OperatorCommand(at=at, command=Command.ACCEPT, who="mina", why="my own coins", given_at=at)


def test_what_a_venue_tells_first_is_believed() -> None:
    story = Audited()
    story.see(U, {"BTC": D(3), "KRW": D(5), "DOGE": D(10**6)})

    assert story.inventory.shown()["upbit"] == {"BTC": D(3), "KRW": D(5)}
    assert (story.latches(), story.audit.unexplained()) == ([], ())


@pytest.mark.parametrize(
    ("currency", "off", "noticed"),
    [("KRW", "1", False), ("KRW", "1.01", True), ("BTC", "0.00000002", False), ("BTC", "-0.00000003", True)],
)
def test_what_venues_round_is_no_difference(currency: str, off: str, noticed: bool) -> None:
    story = Audited()
    story.see(U, UPBIT)
    story.see(U, {**UPBIT, currency: UPBIT[currency] + D(off)}, 10_000)

    assert bool(story.audit.unexplained()) is noticed
    assert story.inventory.owned(U, currency) == UPBIT[currency] + (0 if noticed else D(off))


def test_a_difference_that_is_seen_once_stops_nothing_and_twice_everything() -> None:
    story, gone = Audited(), {**UPBIT, "KRW": UPBIT["KRW"] - 50_000}
    story.see(U, UPBIT)
    story.see(U, gone, 10_000)
    once = story.latches()
    story.see(U, gone, 40_000)

    assert (once, story.latches()) == ([], ["unexplained_funds"])
    assert story.audit.unexplained() == (("upbit", "KRW", D(-50_000)),)
    assert "upbit: -50000 KRW that no plan and no transfer explains" in story.notes()[-1]
    assert story.inventory.owned(U, "KRW") == UPBIT["KRW"]


def test_a_difference_that_goes_away_was_a_fill_on_its_way() -> None:
    story = Audited()
    for ms, krw in ((0, 0), (10_000, -7), (20_000, 0), (30_000, -7)):
        story.see(U, {**UPBIT, "KRW": UPBIT["KRW"] + krw}, ms)

    assert story.latches() == []


def test_a_transfer_that_the_venue_tells_of_is_booked_and_explains_it() -> None:
    story = Audited()
    story.see(B, BINANCE)
    story.audit.funds(FundsMoved(make.after_ms(5_000), B, "USDT", D(-2_500)))
    for ms in (10_000, 20_000):
        story.see(B, {**BINANCE, "USDT": BINANCE["USDT"] - 2_500}, ms)

    assert (story.latches(), story.audit.unexplained()) == ([], ())
    assert f"{GuardAct.SEEN} binance funds: -2500 USDT were moved by a person" in story.notes()


def test_a_transfer_before_the_first_balances_is_in_them_already() -> None:
    story = Audited()
    story.audit.funds(FundsMoved(make.NOON, B, "USDT", D(500)))
    story.see(B, BINANCE, 10)

    assert story.inventory.owned(B, "USDT") == BINANCE["USDT"]


def test_coins_of_a_pair_that_is_new_are_taken_over_and_those_of_the_others_compared_as_ever() -> None:
    story = Audited()
    story.see(U, UPBIT)
    story.audit.adopt(make.universe("BTC", "DOGE", "ETH"))
    for ms in (10_000, 20_000):
        story.see(U, {**UPBIT, "BTC": D("0.5"), "DOGE": D(7_000), "ADA": D(9)}, ms)
    owned = {currency: story.inventory.owned(U, currency) for currency in ("BTC", "DOGE", "ETH")}

    assert owned == {"BTC": D(1), "DOGE": D(7_000), "ETH": D(0)}
    assert story.audit.unexplained() == (("upbit", "BTC", D("-0.5")),)
    assert "seen upbit funds: taken over, as nothing was known of them: 7000 DOGE" in story.notes()


def test_what_was_taken_over_is_compared_from_then_on() -> None:
    story = Audited()
    story.see(U, UPBIT)
    story.audit.adopt(make.universe("BTC", "DOGE"))
    story.see(U, {**UPBIT, "DOGE": D(7_000)}, 10_000)
    calm = story.latches()
    for ms in (20_000, 30_000):
        story.see(U, UPBIT, ms)

    assert (calm, story.latches()) == ([], ["unexplained_funds"])
    assert story.audit.unexplained() == (("upbit", "DOGE", D(-7_000)),)


def test_of_an_order_in_a_coin_that_nobody_knows_of_yet_balances_say_nothing() -> None:
    story = Audited()
    story.see(U, UPBIT)
    story.deck.open(story.plan, make.pair(), (story.upbit, story.binance), make.NOON)
    story.audit.adopt(make.universe("BTC", "DOGE"))
    story.see(U, {**UPBIT, "DOGE": D(7_000)}, 10_000)

    assert story.audit.agrees(an_order(symbol="KRW-DOGE"))
    assert story.audit.agrees(story.upbit)


def test_a_currency_that_went_down_to_nothing_is_known_and_not_taken_over() -> None:
    story = Audited()
    story.see(U, {"KRW": D(5)})
    for ms in (10_000, 20_000):
        story.see(U, {"KRW": D(5), "BTC": D(3)}, ms)

    assert story.latches() == ["unexplained_funds"]
    assert story.inventory.owned(U, "BTC") == 0


def test_while_plans_are_in_flight_and_just_after_nothing_is_compared() -> None:
    story = Audited()
    story.see(U, UPBIT)
    story.deck.open(story.plan, make.pair(), (story.upbit, story.binance), make.NOON)
    sold = {"BTC": D("0.99"), "KRW": UPBIT["KRW"] + 1_199_400}
    story.see(U, sold, 100)
    in_flight = story.audit.unexplained()
    story.hear(ended(story.upbit, ms=200), ended(story.binance, ms=200))
    settled = 200 + SETTLED_FOR / 1_000_000
    story.see(U, UPBIT, settled - 1)
    just_after = story.audit.unexplained()
    story.see(U, sold, settled)

    assert (in_flight, just_after, story.audit.unexplained()) == ((), (), ())


def test_parts_of_balances_are_laid_over_what_was_told_and_not_compared() -> None:
    story = Audited()
    story.see(U, UPBIT)
    story.see(U, {"KRW": D(1)}, 10_000, whole=False)

    assert story.audit.unexplained() == ()
    assert story.inventory.owned(U, "KRW") == UPBIT["KRW"]


def test_a_person_who_accepts_makes_the_venues_right_and_clears_this_latch_only() -> None:
    story, gone = Audited(), {**UPBIT, "BTC": D("0.5")}
    story.see(U, UPBIT)
    story.safety.keeper.latch(LatchKind.DAY_STEP, make.NOON, "odd")
    for ms in (10_000, 20_000):
        story.see(U, gone, ms)
    story.audit.accept(accept(30_000))

    assert (story.latches(), story.audit.unexplained()) == (["day_step"], ())
    assert story.inventory.owned(U, "BTC") == D("0.5")


def test_accepting_in_mid_plan_does_not_count_its_fills_twice() -> None:
    story, sold = Audited(), {"BTC": D("0.49"), "KRW": UPBIT["KRW"] + 1_199_400}
    story.see(U, UPBIT)
    story.deck.open(story.plan, make.pair(), (story.upbit, story.binance), make.NOON)
    story.hear(ended(story.upbit))
    story.see(U, sold, 100)
    story.audit.accept(accept(200))
    story.hear(ended(story.binance, ms=300))

    assert story.inventory.shown()["upbit"] == sold


def test_accepting_before_anything_was_told_changes_nothing() -> None:
    story = Audited()
    story.audit.accept(accept())

    assert story.inventory.shown()["upbit"] == UPBIT


# --- what balances say of an order


def test_balances_agree_with_an_absent_order_if_they_are_as_before() -> None:
    story = Audited()
    story.see(B, BINANCE)
    story.deck.open(story.plan, make.pair(), (story.upbit, story.binance), make.NOON)
    story.see(B, BINANCE, 15_000)
    as_before = story.audit.agrees(story.binance)
    story.see(B, {**BINANCE, "USDT": BINANCE["USDT"] - 850}, 18_000)

    assert (as_before, story.audit.agrees(story.binance)) == (True, False)


def test_balances_that_were_never_told_agree_with_nothing() -> None:
    story = Audited()

    assert not story.audit.agrees(story.binance)
    assert not story.audit.agrees(an_order(symbol="KRW-DOGE"))


def test_in_a_recovery_where_nothing_is_known_to_compare_with_balances_say_nothing_against_it() -> None:
    story = Audited(opened=True)
    story.see(B, {"BTC": D(7), "USDT": D(0)})

    assert story.audit.agrees(story.binance)


def test_what_the_same_plan_has_filled_is_no_reason_against_a_hedge_being_absent() -> None:
    """Upbit's leg filled, its way back was lost: the balances show the leg, and not the way back."""
    story = Audited()
    story.see(U, UPBIT)
    story.books(upbit=118_000_000)
    story.deck.open(story.plan, make.pair(), (story.upbit, story.binance), make.NOON)
    brought = story.hear(ended(story.upbit), said(story.binance, ReplyKind.REFUSED))
    (back,) = (intent.order for intent in brought if isinstance(intent, SubmitHedge))
    story.hear(said(back, ReplyKind.UNKNOWN, ms=100))
    sold = {"BTC": D("0.99"), "KRW": UPBIT["KRW"] + 1_199_400}
    story.see(U, sold, 15_000)
    without = story.audit.agrees(back)
    story.see(U, UPBIT, 16_000)

    assert (back.venue, without, story.audit.agrees(back)) == (U, True, False)


# --- open orders


def listed(client_id: str) -> OpenOrder:
    return OpenOrder(
        client_id=client_id, symbol="KRW-BTC", side=Side.BUY, quantity=D("0.02"), limit_price=D(100_000_000)
    )


def opened(story: Audited, *client_ids: str) -> list[CancelOrder]:
    event = OpenOrdersSeen(make.NOON, U, tuple(listed(each) for each in client_ids))
    return [intent for intent in story.audit.open_orders(event) if isinstance(intent, CancelOrder)]


def test_an_order_with_our_name_that_nobody_remembers_is_cancelled_and_stops_new_plans() -> None:
    story = Audited()
    (cancel,) = opened(story, "arb-old-1-1-u-1")

    assert (cancel.order.client_id, cancel.order.symbol, cancel.order.venue) == ("arb-old-1-1-u-1", "KRW-BTC", U)
    assert cancel.order.purpose is Purpose.REDUCE
    assert story.latches() == ["orphan_order"]


def test_other_peoples_orders_are_told_of_once_and_left_alone() -> None:
    story = Audited()
    cancels = [*opened(story, "web-123", "arbitrary"), *opened(story, "web-123", "arbitrary")]

    assert (cancels, story.latches()) == ([], [])
    assert [note for note in story.notes() if "left alone" in note] == [
        "seen upbit order: web-123 is not ours; it is left alone",
        "seen upbit order: arbitrary is not ours; it is left alone",
    ]


def test_orders_in_flight_are_no_orphans() -> None:
    story = Audited(opened=True)

    assert opened(story, story.upbit.client_id) == []
    assert story.latches() == []


@pytest.mark.parametrize(
    ("client_id", "part", "latched"),
    [
        ("arb-old-1-1-u-1", "0.5", ["orphan_order"]),
        ("arb-old-1-1-u-1", "0", []),
        ("web-123", "1", []),
    ],
)
def test_a_stray_fill_of_ours_stops_new_plans(client_id: str, part: str, latched: list[str]) -> None:
    story = Audited()
    story.audit.stray(ended(an_order(client_id), part))

    assert story.latches() == latched
