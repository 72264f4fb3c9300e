"""Coins that cannot be moved: each holds back its own pair, for as long as that lasts, and no way out."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from arbitrage.books.book import Book
from arbitrage.domain.events import Event, Tick, UniverseChanged
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.execution.hedging import way_out
from arbitrage.live_shell.account_terms import AccountTerms
from arbitrage.live_shell.wallets import TOO_OLD, UNKNOWN, Wallets
from arbitrage.opportunity.finder import PairFinder, PlanRules
from arbitrage.opportunity.watched import Watched
from arbitrage.virtual_loop import VirtualClock
from arbitrage.wire.http import VenueFailed
from tests import builders as make
from tests.background import beside
from tests.plan_builders import a_plan
from tests.unit.live_shell.many_markets import BASES, Hall, played

PAUSED = "the wallet of BTC is paused"
WITHIN_S = 5.0
"""What the safety design allows between a flip and the last new plan."""


class Page:
    """Upbit's page of wallets: the state of each network by coin, and whether it answers."""

    def __init__(self) -> None:
        self.states: dict[str, set[str]] = {"BTC": {"working"}, "ETH": {"working"}}
        self.is_down = False

    async def ask(self) -> Mapping[str, frozenset[str]]:
        await asyncio.sleep(0.1)
        if self.is_down:
            raise VenueFailed("upbit", "GET /v1/status/wallet answered 502", 502)
        return {currency: frozenset(states) for currency, states in self.states.items()}


class Desk:
    """Wallets in front of somebody who hears, with two pairs listed unless said otherwise."""

    def __init__(self, *bases: str) -> None:
        self.page = Page()
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.told: list[Event] = []
        self.wallets = Wallets(self.page.ask, self.clock, self.told.append)
        self.list(make.universe(*bases or ("BTC", "ETH")))

    def list(self, universe: Universe) -> None:
        """Let the instruments be told."""
        self.wallets.hear(UniverseChanged(self.clock.now(), universe))

    def held(self) -> dict[str, str]:
        """What is held back by now, with its reason."""
        newest = [event.universe for event in self.told if isinstance(event, UniverseChanged)][-1]
        return {pair.base: pair.upbit.held_back for pair in newest.pairs if pair.upbit.held_back}


def test_a_coin_that_is_paused_at_the_start_holds_back_its_own_pair_and_no_start() -> None:
    async def story() -> None:
        desk = Desk()
        desk.page.states["BTC"] = {"paused"}
        at_first = desk.held()
        async with beside(desk.wallets.keep()):
            await asyncio.sleep(0.5)

            assert at_first == {"BTC": UNKNOWN, "ETH": UNKNOWN}
            assert await desk.wallets.problems() == ()
            assert desk.held() == {"BTC": PAUSED}

    played(story())


@pytest.mark.parametrize("flips_at_s", [8.0, 9.3, 12.25, 12.35])
def test_a_flip_is_obeyed_within_five_seconds_both_ways(flips_at_s: float) -> None:
    async def story() -> None:
        desk = Desk()
        async with beside(desk.wallets.keep()):
            await asyncio.sleep(flips_at_s)
            before = desk.held()
            desk.page.states["BTC"] = {"paused"}
            await asyncio.sleep(WITHIN_S)
            during = desk.held()
            desk.page.states["BTC"] = {"working"}
            await asyncio.sleep(WITHIN_S)

        assert (before, during, desk.held()) == ({}, {"BTC": PAUSED}, {})

    played(story())


def test_nothing_is_told_again_while_nothing_changes() -> None:
    async def story() -> None:
        desk = Desk()
        desk.page.states["ETH"] = {"paused"}
        with capture_logs() as lines:
            async with beside(desk.wallets.keep()):
                await asyncio.sleep(600)
                desk.list(make.universe("BTC", "ETH"))
                await asyncio.sleep(600)
                desk.page.states["ETH"] = {"working"}
                await asyncio.sleep(600)

        assert len(desk.told) == 4  # as listed, as found, as listed again, as mended
        assert [line["coins"] for line in lines if line["event"] == "wallets_stuck"] == [["ETH"], []]

    played(story())


def test_a_question_that_fails_changes_nothing() -> None:
    async def story() -> None:
        desk = Desk()
        desk.page.states["ETH"] = {"paused"}
        async with beside(desk.wallets.keep()):
            await asyncio.sleep(20)
            desk.page.is_down = True
            await asyncio.sleep(6)
            desk.page.is_down = False
            await asyncio.sleep(20)

        assert len(desk.told) == 2
        assert desk.held() == {"ETH": "the wallet of ETH is paused"}

    played(story())


def test_a_minute_without_an_answer_holds_everything_back_until_there_is_one() -> None:
    async def story() -> None:
        desk = Desk()
        async with beside(desk.wallets.keep()):
            await asyncio.sleep(20)
            desk.page.is_down = True
            await asyncio.sleep(55)
            soon = desk.held()
            await asyncio.sleep(8)
            late, problems = desk.held(), await desk.wallets.problems()
            desk.page.is_down = False
            await asyncio.sleep(2)

        assert (soon, late) == ({}, {"BTC": TOO_OLD, "ETH": TOO_OLD})
        assert problems == ("upbit: GET /v1/status/wallet answered 502",)
        assert desk.held() == {}

    played(story())


def test_a_start_waits_for_the_first_answer_and_says_why_there_is_none() -> None:
    async def story() -> None:
        desk = Desk()
        desk.page.is_down = True
        unlisted = Wallets(desk.page.ask, desk.clock, desk.told.append)

        assert await unlisted.problems() == ("the instruments are not known yet",)
        assert await desk.wallets.problems() == ("upbit: GET /v1/status/wallet answered 502",)
        desk.page.is_down = False
        assert await desk.wallets.problems() == ()
        assert desk.held() == {}

    played(story())


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ({"working"}, ""),
        ({"working", "paused"}, ""),  # one network carries it
        ({"withdraw_only"}, "the wallet of BTC is withdraw_only"),
        ({"paused", "deposit_only"}, "the wallet of BTC is deposit_only, paused"),
        ({"\x1b[2J\n"}, "the wallet of BTC is \\x1b[2J\\n"),
        (set(), "the wallet of BTC is "),
        (None, "the wallet of BTC is unknown"),  # the venue does not list the coin
    ],
)
def test_only_a_wallet_that_works_is_one(states: set[str] | None, why: str) -> None:
    async def story() -> None:
        desk = Desk()
        if states is None:
            del desk.page.states["BTC"]
        else:
            desk.page.states["BTC"] = states
        async with beside(desk.wallets.keep()):
            await asyncio.sleep(1)

        assert desk.held() == ({"BTC": why} if why else {})

    played(story())


def test_a_start_waits_where_no_coin_at_all_can_be_moved() -> None:
    async def story() -> None:
        desk = Desk("BTC", "ETH", "XRP", "SOL", "ADA")
        desk.page.states = {"BTC": {"paused"}, "ETH": {"paused"}}
        frozen = await desk.wallets.problems()
        async with beside(desk.wallets.keep()):
            desk.page.states = {"ADA": {"working"}}
            await asyncio.sleep(5)

            assert await desk.wallets.problems() == ()
        assert frozen == (
            "upbit: the wallet of BTC is paused",
            "upbit: the wallet of ETH is paused",
            "upbit: the wallet of XRP is unknown",
            "upbit: 2 more wallets do not work",
        )

    played(story())


def test_what_else_holds_a_pair_back_goes_on_doing_so() -> None:
    async def story() -> None:
        desk = Desk()
        other = replace(make.pair(), upbit=make.upbit(held_back="not known yet"))
        async with beside(desk.wallets.keep()):
            await asyncio.sleep(1)
            desk.list(replace(make.universe(), pairs=(other,)))
            without = desk.held()
            desk.page.states["BTC"] = {"paused"}
            await asyncio.sleep(5)

        assert (without, desk.held()) == ({"BTC": "not known yet"}, {"BTC": "not known yet"})

    played(story())


def test_every_other_event_is_passed_on() -> None:
    async def story() -> None:
        desk = Desk()
        tick = Tick(desk.clock.now())
        desk.wallets.hear(tick)

        assert desk.told[-1] is tick

    played(story())


def test_behind_the_terms_of_250_pairs_nobody_finds_no_room() -> None:
    async def story() -> None:
        hall = Hall()

        async def ask() -> Mapping[str, frozenset[str]]:
            await hall.upbit.turn(1)
            return {base: frozenset({"paused" if base == BASES[0] else "working"}) for base in BASES}

        wallets = Wallets(ask, hall.clock, hall.heard.append)
        terms = AccountTerms(hall.links, hall.clock, wallets.hear)
        terms.hear(UniverseChanged(hall.clock.now(), hall.universe))
        async with beside(terms.keep(), wallets.keep(), hall.watch_the_accounts()):
            await asyncio.sleep(70)

        assert hall.open_pairs() == len(BASES) - 1
        assert (hall.upbit.no_room, hall.binance.no_room) == (0, 0)

    played(story())


def test_a_pair_whose_coin_is_stuck_opens_nothing_and_still_has_its_way_out() -> None:
    async def story() -> None:
        desk = Desk("BTC")
        desk.page.states["BTC"] = {"paused"}
        await desk.wallets.problems()
        told = desk.told[-1]
        assert isinstance(told, UniverseChanged)
        pair = told.universe.pairs[0]
        rules = PlanRules(min_edge=0.001, max_room=0.001, max_notional_krw=1e9, max_depth_share=1.0)
        touches = {Venue.UPBIT: (Decimal(119_000_000), Decimal(119_020_000))}
        way = way_out(Decimal("0.01"), pair, a_plan(), touches, Decimal("0.01"), may_proceed=True)

        assert Watched.of(PairFinder(pair, rules), (Book(), Book())).halted == f"upbit KRW-BTC: {PAUSED}"
        assert way is not None
        assert way.venue is Venue.UPBIT

    played(story())
