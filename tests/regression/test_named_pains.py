"""What users of other bots lost money by. Each test carries the repository and the number of the thread it is from."""

from decimal import Decimal
from pathlib import Path

import pytest

from arbitrage.domain.events import (
    BalancesSeen,
    BootChecked,
    Command,
    FundsMoved,
    PrivateDown,
    PrivateUp,
    ReplyKind,
    Tick,
)
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import AdoptPlan
from arbitrage.domain.plans import Direction, LegEnd, Outcome
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.exchange.outcomes import Question, failure_outcome, upbit_outcome
from arbitrage.live_shell.in_flight import InFlight
from arbitrage.wire.http_reply import LineFailure, LineFault
from tests import builders as make
from tests.flight_builders import ended, said
from tests.funded_story import OWNED, Funded, Restarted, Trading, command
from tests.safety_builders import premium

D = Decimal
R = ReplyKind
U, B = Venue.UPBIT, Venue.BINANCE
DUST = D("0.0001")
"""Less than either venue takes as an order: 5,000 KRW and 5 USDT are about 0.00006 BTC here, and 1.1 of that."""


# --- 1: one leg filled, the other not


def test_blackbird_417_one_leg_filled_and_the_other_not() -> None:
    story = Trading()
    story.tell(ended(story.upbit, ms=30), said(story.binance, R.REFUSED, ms=40))
    (hedge,) = story.hedges()
    story.settle(90)

    assert story.ends()[-1].outcome is Outcome.ONE_LEG
    assert story.ends()[-1].neutral_after == 60_000_000
    assert abs(story.net()) < DUST
    assert hedge.client_id not in {story.upbit.client_id, story.binance.client_id}


@pytest.mark.parametrize("binance", ["1", "0.4", "0"])
@pytest.mark.parametrize("upbit", ["1", "0.4", "0"])
def test_r2_30_every_mix_of_filled_partial_and_zero_is_evened_out(upbit: str, binance: str) -> None:
    story = Trading()
    story.end_last(upbit, binance)

    assert len(story.hedges()) == (upbit != binance)
    assert abs(story.net()) < DUST


def test_r2_38_a_market_that_is_closed_on_one_venue_does_not_keep_the_other_leg_from_being_looked_at() -> None:
    body = b'{"error": {"name": "market_offline", "message": "closed"}}'
    closed = upbit_outcome(Question.PLACE, 403, body).kind
    story = Trading()
    story.tell(said(story.upbit, closed, ms=20), ended(story.binance, ms=30))
    story.settle(90)

    assert (story.ends()[-1].upbit_end, story.ends()[-1].binance_end) == (LegEnd.EMPTY, LegEnd.FILLED)
    assert abs(story.net()) < DUST


# --- 2: a cancel races a fill


@pytest.mark.parametrize(("part", "hedged"), [("1", 0), ("0.4", 1), ("0", 1)])
def test_hummingbot_8094_a_fill_that_overtakes_the_cancel_is_not_lost(part: str, hedged: int) -> None:
    story = Trading()
    story.tell(ended(story.upbit, ms=10), said(story.binance, R.ACCEPTED, ms=10))
    story.pass_time(2_000)
    under_way = story.view().flights
    story.tell(ended(story.binance, part, 2_100))
    if hedged:
        story.settle(2_200)

    assert story.cancelled() == [story.binance]
    assert [line.plan_id for line in under_way] == [story.plan.plan_id]
    assert len(story.hedges()) == hedged
    assert abs(story.net()) < DUST


def test_hummingbot_8468_a_fill_that_stream_cancel_and_query_all_tell_is_hedged_once() -> None:
    story = Trading()
    story.tell(ended(story.upbit, ms=10), said(story.binance, R.ACCEPTED, ms=10))
    story.pass_time(2_000)
    story.tell(*(said(story.binance, kind, "0.4", 2_100) for kind in (R.ACCEPTED, R.ENDED, R.ENDED, R.ENDED)))
    story.settle(2_200)
    story.tell(said(story.binance, R.ENDED, "0.4", 2_300))

    assert len(story.hedges()) == 1
    assert abs(story.hedges()[0].quantity - story.upbit.quantity * D("0.6")) < DUST
    assert abs(story.net()) < DUST


# --- 3: partial fills, minima, dust, fees in base


def test_hummingbot_855_what_is_below_the_minimum_is_kept_and_taken_along_by_the_next_plan() -> None:
    """Each plan buys so much too little; twice that is above the least that a venue takes."""
    story, short = Trading(), D("0.00003")
    part = str(1 - short / story.binance.quantity)
    story.end_last(binance=part)
    first, hedges = story.net(), len(story.hedges())
    story.tell(*premium(0, at=make.after_ms(1_000)))
    story.offer(1_500)
    story.end_last(binance=part, at=make.after_ms(1_600))
    (hedge,) = story.hedges()

    assert (hedges, story.ends()[0].hedges) == (0, ())
    assert abs(first + short) < D("0.0000001")
    assert abs(hedge.quantity - 2 * short) < D("0.0000001")
    assert abs(story.net()) < D("0.00001")


def test_freqtrade_4324_a_fee_in_base_leaves_no_leg_short() -> None:
    """Binance hands less over than was bought; both what the plan sells and what a way out sells fit into that."""
    bought = Trading()
    bought.tell(ended(bought.upbit, ms=10), ended(bought.binance, ms=20))
    alone = Trading()
    alone.tell(ended(alone.binance, ms=10), said(alone.upbit, R.REFUSED, ms=20))
    (hedge,) = alone.hedges()
    received = alone.binance.quantity * (1 - D("0.001"))

    assert (bought.hedges(), bought.ends()[-1].outcome) == ([], Outcome.BOTH)
    assert 0 <= bought.net() < D("0.00000001")
    assert received - DUST < hedge.quantity <= received


# --- 4: what became of an order is not known


def test_hummingbot_8457_a_failure_of_the_way_is_never_an_order_that_is_not_there() -> None:
    words = {kind: failure_outcome(LineFailure(kind, "lost")).kind for kind in LineFault}
    story = Trading()
    story.tell(ended(story.upbit, ms=10), said(story.binance, R.UNKNOWN, ms=10))
    for ms in range(1_000, 50_001, 1_000):
        story.pass_time(ms, ms)
        story.tell(*(said(story.binance, word, ms=ms + 1) for word in words.values()))
    waiting = story.hedges()
    story.tell(ended(story.binance, ms=50_500))

    assert set(words.values()) == {R.UNKNOWN}
    assert waiting == []
    assert all(sender.inspects == [] for sender in story.senders.values())
    assert story.ends()[-1].outcome is Outcome.BOTH


@pytest.mark.parametrize(
    "words", [[R.UNKNOWN], [R.MISSING], [R.UNKNOWN, R.ACCEPTED], [R.UNKNOWN, R.MISSING], [R.ACCEPTED, R.UNKNOWN]]
)
def test_nautilus_trader_4215_nothing_is_sent_again_after_a_time_out(words: list[ReplyKind]) -> None:
    """The other leg has filled, so that each of these words could be taken for a reason to send another order."""
    story = Trading()
    story.tell(ended(story.upbit, ms=5), *(said(story.binance, word, ms=10 * n) for n, word in enumerate(words, 1)))
    story.pass_time(55_000)
    story.tell(ended(story.binance, ms=56_000))

    assert story.sent == [story.upbit, story.binance]
    assert set(story.asked()) == {story.binance}
    assert story.ends()[-1].outcome is Outcome.BOTH


def test_ccxt_2599_an_id_is_used_once_whatever_its_order_came_to() -> None:
    """Each way out is refused, turned away, or comes to nothing, some after it was not known for a while."""
    story = Trading()
    story.tell(ended(story.upbit, ms=10), said(story.binance, R.REFUSED, ms=20))
    for number, words in enumerate([(R.REFUSED,), (R.BUSY,), (R.UNKNOWN, R.REFUSED), (R.UNKNOWN, R.ENDED)] * 2):
        at = 6_000 * number + 100
        story.tell(*(said(story.hedges()[-1], word, "0" if word is R.ENDED else None, at) for word in words))
        story.pass_time(at + 6_000, at + 1_000)

    assert len(story.ids()) == 2 + 9
    assert len(set(story.ids())) == len(story.ids())


# --- 5: a restart


def test_nautilus_trader_3176_a_restart_asks_for_what_it_sent_and_sends_nothing_again(tmp_path: Path) -> None:
    first = Trading()
    story = Restarted(tmp_path, first)
    story.pass_time(2_000)
    before = story.sent
    story.tell(ended(first.upbit, ms=2_100), ended(first.binance, ms=2_200))
    story.pass_time(3_000, 3_000)
    story.offer(3_500)

    assert before == []
    assert {first.upbit, first.binance} == set(story.asked())
    assert len(story.sent) == 2
    assert not {order.client_id for order in story.sent} & set(first.ids())


@pytest.mark.parametrize("binance", ["1", "0"])
def test_nautilus_trader_3176_a_plan_that_ended_is_not_gone_on_with_where_redis_was_not_told(
    tmp_path: Path, binance: str
) -> None:
    first = Trading()
    first.end_last(binance=binance)
    story = Restarted(tmp_path, first, open_in_redis=(first.plan,))
    story.tell(ended(first.upbit, ms=100), ended(first.binance, binance, 100))

    assert (story.sent, story.asked()) == ([], [])
    assert story.ends() == []


def test_hummingbot_366_what_a_plan_moved_is_owned_after_a_crash_where_redis_was_not_told(tmp_path: Path) -> None:
    crashed = Trading()
    crashed.tell(ended(crashed.upbit, "1", 10), ended(crashed.binance, "1", 10), Tick(make.after_ms(20)))

    believed = Restarted(tmp_path, crashed).believed

    assert {venue.value: balances for venue, balances in believed.items()} == crashed.view().inventory
    assert believed[Venue.UPBIT]["BTC"] < OWNED[Venue.UPBIT]["BTC"]


def test_hummingbot_366_an_order_that_a_crash_left_open_is_remembered_and_cancelled(tmp_path: Path) -> None:
    first = Trading()
    story = Restarted(tmp_path, first)
    story.tell(ended(first.upbit, ms=100), said(first.binance, R.ACCEPTED, ms=100))
    story.pass_time(3_000)
    story.tell(ended(first.binance, "0", 3_100))
    story.settle(3_200)

    assert story.cancelled() == [first.binance]
    assert abs(story.net()) < DUST


def test_nautilus_trader_3104_a_restart_comes_to_the_net_of_the_venues_with_ways_out_counted(tmp_path: Path) -> None:
    first = Trading()
    first.tell(ended(first.upbit, ms=10), said(first.binance, R.REFUSED, ms=20))
    (hedge,) = first.hedges()
    story = Restarted(tmp_path, first)
    story.tell(ended(first.upbit, ms=100), said(first.binance, R.MISSING, ms=100), ended(hedge, ms=100))
    waiting = story.sent
    story.tell(said(first.binance, R.REFUSED, ms=200))

    assert hedge in story.asked()
    assert (waiting, story.sent) == ([], [])
    assert abs(story.net()) < DUST


def test_bytex_30_a_position_that_does_not_match_stops_new_plans() -> None:
    story = Trading()
    story.end_last()
    for ms in (10_000, 20_000):
        story.tell(BalancesSeen(make.after_ms(ms), U, {**OWNED[U], "BTC": OWNED[U]["BTC"] - 1}, is_whole=True))
    story.pass_time(21_000, 20_000)

    assert story.latches() == ["unexplained_funds"]
    assert story.offer(21_500) == 1
    assert RefusalCode.LATCHED in story.refusals()


# --- 6: a late reply, and fills that nobody told


def test_barter_rs_206_a_reply_that_comes_after_the_end_brings_no_order_back() -> None:
    story = Trading()
    story.tell(ended(story.upbit, ms=10), ended(story.binance, ms=20))
    story.tell(*(said(order, R.ACCEPTED, part, 28) for order in (story.upbit, story.binance) for part in (None, "0")))
    story.tell(ended(story.upbit, ms=30), ended(story.binance, ms=30))
    story.pass_time(1_000)

    assert story.view().flights == ()
    assert [intent for intent in story.intents if isinstance(intent, AdoptPlan)] == []
    assert story.offer(1_500) == 2


def test_lean_interactivebrokers_249_fills_that_a_lost_stream_did_not_tell_are_asked_for() -> None:
    story = Trading()
    story.tell(*(PrivateDown(make.after_ms(5), venue, "reset") for venue in Venue))
    story.pass_time(1_000)
    asked = set(story.asked())
    story.tell(*(PrivateUp(make.after_ms(1_100), venue) for venue in Venue))
    story.tell(ended(story.upbit, ms=1_200), ended(story.binance, "0.4", 1_300))
    story.settle(1_400)

    assert asked == {story.upbit, story.binance}
    assert story.ends()[-1].outcome is Outcome.UNEVEN
    assert abs(story.net()) < DUST


# --- 10: a stop that does not stop, or stops the wrong thing


@pytest.mark.parametrize("kind", [Command.HALT, Command.FLATTEN])
def test_hummingbot_2534_after_a_stop_nothing_new_is_sent_on_any_pair(kind: Command) -> None:
    story = Trading("BTC", "ETH")
    story.end_last()
    story.tell(command(kind, 100))
    for ms in range(1_000, 10_001, 1_000):
        for base in ("BTC", "ETH"):
            story.pass_time(ms, ms, base)
            story.offer(ms + 500, base)

    assert len(story.sent) == 2
    assert RefusalCode.LATCHED in story.refusals()


@pytest.mark.parametrize("first", ["halt", "fill"])
def test_freqtrade_4837_a_stop_does_not_hold_the_way_out(first: str) -> None:
    story = Trading()
    events = [command(Command.HALT, 20), ended(story.upbit, ms=20)]
    story.tell(*(events if first == "halt" else reversed(events)), said(story.binance, R.REFUSED, ms=40))
    story.settle(90)

    assert story.latches() == ["operator"]
    assert story.ends()[-1].outcome is Outcome.ONE_LEG
    assert abs(story.net()) < DUST


def test_freqtrade_4023_a_flatten_works_while_everything_is_stopped() -> None:
    """The position is not known for a minute, which halts; only then does the venue say that the leg was refused."""
    story = Trading()
    story.tell(ended(story.upbit, ms=10), said(story.binance, R.UNKNOWN, ms=10))
    story.pass_time(62_000)
    story.tell(said(story.binance, R.REFUSED, ms=62_100), command(Command.HALT, 62_200))
    story.pass_time(64_000, 63_000)
    held = story.hedges()
    story.tell(command(Command.FLATTEN, 64_100))
    story.pass_time(65_000, 65_000)
    story.settle(65_100)

    assert story.latches() == ["unexplained_exposure", "operator"]
    assert held == []
    assert abs(story.net()) < DUST


def test_hummingbot_1145_what_we_own_may_fall_in_price_without_a_stop() -> None:
    """Every coin is worth a fifth less in the end, and no plan has lost anything."""
    story = Trading()
    story.end_last()
    before = story.view().portfolio_krw
    for n in range(1, 226):
        at, ask = make.after_ms(1_000 * n), 85_000.0 * 0.999**n
        bid = round(ask * 1_401.0 / 1_000) * 1_000.0
        books = (make.binance_book(ask - 0.01, ask, at=at), make.upbit_book(bid, bid + 1_000, at=at))
        story.tell(make.fx(at=at), *books, Tick(at))
    after = story.view().portfolio_krw

    assert before is not None
    assert after is not None
    assert after < before * D("0.95")
    assert (story.view().guard.trips, story.latches()) == ((), [])


# --- 11: a shutdown that leaves orders behind


def test_hummingbot_3561_a_shutdown_starts_nothing_and_sees_what_is_in_flight_to_its_end() -> None:
    story, flying = Trading("BTC", "ETH"), InFlight()
    story.tell(BootChecked(make.after_ms(5), ("the daemon is stopping",), is_final=False))
    story.offer(8, "ETH")
    story.tell(said(story.binance, R.ACCEPTED, ms=10), ended(story.upbit, ms=20))
    story.pass_time(2_000)
    story.tell(ended(story.binance, "0.4", 2_200))
    for intent in story.intents:
        flying.publish(intent)
    still = flying.plans
    story.settle(2_300)
    flying.publish(story.intents[-1])

    assert story.cancelled() == [story.binance]
    assert still == [story.plan.plan_id]
    assert (flying.landed.is_set(), len(story.plans())) == (True, 1)
    assert Trading("BTC", "ETH").offer(8, "ETH") == 2  # which nothing but the stop kept back
    assert abs(story.net()) < DUST


# --- 14: one side runs dry


def test_hummingbot_2228_the_runway_is_told_before_a_side_runs_dry_and_then_neither_leg_leaves() -> None:
    """Upbit has the coins of three plans and a half."""
    owned = {U: {"BTC": D("0.035"), "KRW": D(0)}, B: {"BTC": D(0), "USDT": D(10**6)}}
    story = Trading(owned=owned, max_position_size=D(1_200_000))
    there, back = [], []
    for number in range(4):
        story.end_last(at=make.after_ms(1_000 * number + 100))
        story.tell(*premium(0, at=make.after_ms(1_000 * number + 500)))
        there.append(story.runway())
        back.append(story.runway(Direction.BUY_UPBIT))
        story.offer(1_000 * number + 900)

    assert there == [2, 1, 0, 0]
    assert back == sorted(back)
    assert back[0] < back[-1]
    assert len(story.sent) == 2 * len(story.plans()) == 8
    assert RefusalCode.INVENTORY_DRY in story.refusals()


@pytest.mark.parametrize(("venue", "currency"), [(U, "BTC"), (B, "USDT")])
def test_hummingbot_4785_no_leg_leaves_where_the_other_side_has_nothing_to_trade_with(
    venue: Venue, currency: str
) -> None:
    story = Funded(owned={**OWNED, venue: {**OWNED[venue], currency: D("0.00001")}})
    story.offer(100)

    assert story.sent == []
    assert story.refusals() == {RefusalCode.INVENTORY_DRY}


def test_arbbot_112_a_person_who_rebalances_lengthens_the_runway_and_is_no_gain() -> None:
    owned = {**OWNED, U: {**OWNED[U], "BTC": D("0.2")}}
    story = Funded(owned=owned)
    before = story.runway()
    story.tell(FundsMoved(make.after_ms(100), U, "BTC", D(1)), FundsMoved(make.after_ms(200), B, "BTC", D(-1)))
    for at in (make.after_ms(5_000), make.after_ms(10_000)):
        story.tell(BalancesSeen(at, U, {**owned[U], "BTC": D("1.2")}, is_whole=True))
        story.tell(BalancesSeen(at, B, {**owned[B], "BTC": D(4)}, is_whole=True))
    story.pass_time(11_000, 11_000)

    assert (before, story.runway()) == (2, 14)
    assert story.view().score_today.result_units == 0
    assert (story.latches(), story.view().why_not, story.view().unexplained) == ([], "", ())
