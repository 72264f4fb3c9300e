"""What accounts pay and may do in each of hundreds of markets: got bit by bit, within the venues' limits."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from arbitrage.books.book import Book
from arbitrage.domain.events import UniverseChanged
from arbitrage.domain.instruments import Venue
from arbitrage.execution.hedging import way_out
from arbitrage.live_shell.account_terms import UNKNOWN, AccountTerms
from arbitrage.live_shell.links import Terms
from arbitrage.opportunity.finder import PairFinder, PlanRules
from arbitrage.opportunity.watched import Watched
from tests import builders as make
from tests.background import beside
from tests.plan_builders import a_plan
from tests.unit.live_shell.many_markets import BASES, Hall, played

FEE = Decimal("0.0004")


def terms_in(hall: Hall, *bases: str) -> AccountTerms:
    terms = AccountTerms(hall.links, hall.clock, hall.heard.append)
    terms.hear(UniverseChanged(hall.clock.now(), make.universe(*bases) if bases else hall.universe))
    return terms


def test_250_pairs_are_up_as_soon_as_the_limits_permit_and_nobody_else_finds_no_room() -> None:
    async def story() -> None:
        hall = Hall()
        terms = terms_in(hall)
        async with beside(terms.keep(), hall.watch_the_accounts()):
            await asyncio.sleep(5)
            soon, problems = hall.open_pairs(), await terms.problems()
            await asyncio.sleep(62)

        assert (problems, soon > 15) == ((), True)
        assert hall.open_pairs() == len(BASES)
        assert {*hall.upbit.asked.values(), *hall.binance.asked.values()} == {1}
        assert (hall.upbit.no_room, hall.binance.no_room) == (0, 0)
        assert {hall.told.fx.taker_fee, hall.told.pairs[-1].binance.taker_fee} == {FEE}

    played(story())


def test_a_venue_that_is_down_for_a_while_costs_that_while_and_nothing_that_was_known() -> None:
    async def story() -> None:
        hall = Hall()
        async with beside(terms_in(hall).keep()):
            await asyncio.sleep(2)
            hall.binance.is_down = True
            await asyncio.sleep(30)
            known = hall.open_pairs()
            hall.binance.is_down = False
            await asyncio.sleep(130)

        assert 0 < known < len(BASES)
        assert hall.open_pairs() == len(BASES)
        assert sum(hall.binance.asked.values()) <= len(BASES) + 31

    played(story())


def test_terms_are_asked_for_again_each_hour_and_hold_until_then() -> None:
    async def story() -> None:
        hall = Hall()
        async with beside(terms_in(hall).keep(), hall.watch_the_accounts()):
            await asyncio.sleep(3_500)
            once = {*hall.upbit.asked.values(), *hall.binance.asked.values()}
            hall.binance.told = Terms(Decimal("0.0009"))
            await asyncio.sleep(120)
            in_the_middle = hall.open_pairs()
            await asyncio.sleep(200)

        assert (once, in_the_middle) == ({1}, len(BASES))
        assert {*hall.upbit.asked.values(), *hall.binance.asked.values()} == {2}
        assert {pair.binance.taker_fee for pair in hall.told.pairs} == {Decimal("0.0009")}
        assert hall.binance.no_room == 0

    played(story())


def test_one_market_without_an_answer_holds_up_nobody_but_its_pair() -> None:
    async def story() -> None:
        hall = Hall()
        hall.binance.refused.add("ETHUSDT")
        terms = terms_in(hall, "ETH", "BTC")
        async with beside(terms.keep()):
            await asyncio.sleep(8)
            problems = await terms.problems()
        eth, btc = hall.told.pairs

        assert problems == ()
        assert (eth.binance.held_back, eth.upbit.held_back, btc.binance.held_back) == (UNKNOWN, "", "")

    played(story())


def test_before_a_pair_is_known_the_venues_own_words_say_why() -> None:
    async def story() -> None:
        hall = Hall()
        unlisted = AccountTerms(hall.links, hall.clock, hall.heard.append)
        hall.binance.refused.add("BTCUSDT")
        terms = terms_in(hall, "BTC")
        before = await terms.problems()
        async with beside(terms.keep()):
            await asyncio.sleep(1)

        assert await unlisted.problems() == ("the instruments are not known yet",)
        assert before == ("no pair's terms are known yet",)
        assert await terms.problems() == ("binance: BTCUSDT is refused",)

    played(story())


def test_what_must_be_mended_is_told_and_looked_at_again_soon() -> None:
    async def story() -> None:
        hall = Hall()
        hall.binance.told = Terms(FEE, problem="fees in BNB")
        terms = terms_in(hall, "BTC")
        async with beside(terms.keep()):
            await asyncio.sleep(1)
            first, held = await terms.problems(), hall.open_pairs()
            hall.binance.told = Terms(FEE)
            await asyncio.sleep(35)

        assert (first, held) == (("binance BTCUSDT: fees in BNB",), 0)
        assert (await terms.problems(), hall.open_pairs()) == ((), 1)
        assert set(hall.upbit.asked.values()) == {1}

    played(story())


def test_a_market_where_the_account_may_not_trade_is_halted_and_asked_for_again_after_those_not_known_yet() -> None:
    async def story() -> None:
        hall = Hall()
        hall.binance.told = Terms(FEE, why_not="not now")
        async with beside(terms_in(hall).keep()):
            await asyncio.sleep(70)
            asked = hall.binance.asked.copy()
            await asyncio.sleep(130)

        assert {pair.binance.halted for pair in hall.told.pairs} == {"not now"}
        assert len(asked) == len(BASES)
        assert min(hall.binance.asked.values()) > 1

    played(story())


def test_terms_that_turn_bad_halt_their_pair() -> None:
    async def story() -> None:
        hall = Hall()
        async with beside(terms_in(hall, "BTC").keep()):
            await asyncio.sleep(1)
            before = hall.open_pairs()
            hall.upbit.told = Terms(FEE, problem="to be mended")
            await asyncio.sleep(3_605)

        assert (before, hall.open_pairs()) == (1, 0)

    played(story())


def test_a_pair_that_is_held_back_opens_nothing() -> None:
    pair = replace(make.pair(), binance=make.binance(held_back=UNKNOWN))
    rules = PlanRules(min_edge=0.001, max_room=0.001, max_notional_krw=1e9, max_depth_share=1.0)

    assert Watched.of(PairFinder(pair, rules), (Book(), Book())).halted == f"binance BTCUSDT: {UNKNOWN}"


def test_a_pair_that_is_held_back_still_has_its_way_out() -> None:
    pair = replace(make.pair(), binance=make.binance(held_back=UNKNOWN), upbit=make.upbit(halted="not active"))
    touches = {Venue.BINANCE: (Decimal(85_000), Decimal(85_010))}
    way = way_out(Decimal("0.01"), pair, a_plan(), touches, Decimal("0.01"), may_proceed=True)

    assert way is not None
    assert way.venue is Venue.BINANCE
