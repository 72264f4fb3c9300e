"""The laws of the simulated market: what holds for every seed, and that it offers what the sandbox promises."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random
from statistics import median

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.grid import UNIT, single_step
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.market_book import MarketBook, Moved
from arbitrage.sandbox.model import SLOT_MS, Jump, MarketModel

BASES = ("BTC", "ETH", "XRP", "SOL")
SLOTS_A_MINUTE = 60_000 // SLOT_MS
MINUTES = 10
MINIMUM_EDGE = 0.0010
UPBIT_FEE = 0.0005
BINANCE_FEE = 0.0010


def a_model(seed: int = 1, bases: tuple[str, ...] = BASES) -> MarketModel:
    return MarketModel(coins_of(bases), seed)


def moves(model: MarketModel, slots: int) -> Iterator[Moved]:
    for _ in range(slots):
        yield from model.advance()


def all_books(model: MarketModel) -> list[MarketBook]:
    return [*model.books(Venue.UPBIT).values(), *model.books(Venue.BINANCE).values()]


def picture(book: MarketBook) -> tuple[object, ...]:
    return book.listing.code, book.update_id, tuple(book.bids.prices), tuple(book.asks.quantities)


def test_the_same_seed_makes_the_same_market() -> None:
    first, second = a_model(seed=7), a_model(seed=7)
    for model in (first, second):
        list(moves(model, 500))

    assert [picture(book) for book in all_books(first)] == [picture(book) for book in all_books(second)]


def test_another_seed_makes_another_market() -> None:
    assert [picture(book) for book in all_books(a_model(1))] != [picture(book) for book in all_books(a_model(2))]


@pytest.mark.parametrize("seed", range(5))
def test_no_book_is_ever_crossed_or_off_its_grid(seed: int) -> None:
    for moved in moves(a_model(seed, ("BTC", "XRP", "LINK")), 400):
        book = moved.book
        ladders = (book.bids, book.asks)

        assert book.bids.prices[0] < book.asks.prices[0]
        assert book.bids.prices == sorted(set(book.bids.prices), reverse=True)
        assert book.asks.prices == sorted(set(book.asks.prices))
        assert all(price % book.listing.grid.tick(price) == 0 for side in ladders for price in side.prices)
        assert all(size > 0 and size % book.listing.lot == 0 for side in ladders for size in side.quantities)
        assert all(len(side.prices) == len(side.quantities) == book.habits.depth for side in ladders)


def test_differences_rebuild_the_book_and_count_in_its_update_id() -> None:
    model = a_model()
    copies = {
        book.listing.code: [dict(zip(side.prices, side.quantities, strict=True)) for side in (book.bids, book.asks)]
        for book in all_books(model)
    }
    ids = {book.listing.code: book.update_id for book in all_books(model)}
    for moved in moves(model, 500):
        book = moved.book
        copy = copies[book.listing.code]
        for levels, changes in zip(copy, (moved.bids, moved.asks), strict=True):
            levels.update(changes)
        sides = [{price: size for price, size in levels.items() if size} for levels in copy]

        assert sides[0] == dict(zip(book.bids.prices, book.bids.quantities, strict=True))
        assert sides[1] == dict(zip(book.asks.prices, book.asks.quantities, strict=True))
        assert book.update_id == ids[book.listing.code] + len(moved.bids) + len(moved.asks)
        ids[book.listing.code] = book.update_id


def edges(model: MarketModel, base: str) -> dict[str, float]:
    """The design's edge at the touch, in both directions."""
    upbit, binance = model.books(Venue.UPBIT), model.books(Venue.BINANCE)
    on_upbit, on_binance, fx = upbit[f"KRW-{base}"], binance[f"{base}USDT"], upbit["KRW-USDT"]
    fx_bid, fx_ask = fx.bids.prices[0] / UNIT, fx.asks.prices[0] / UNIT
    sold = on_upbit.bids.prices[0] * (1 - UPBIT_FEE)
    bought = on_binance.asks.prices[0] / (1 - BINANCE_FEE) * fx_ask * (1 + UPBIT_FEE)
    got = on_binance.bids.prices[0] * (1 - BINANCE_FEE) * fx_bid * (1 - UPBIT_FEE)
    paid = on_upbit.asks.prices[0] * (1 + UPBIT_FEE)
    return {"sell_upbit": sold / bought - 1, "buy_upbit": got / paid - 1}


@pytest.fixture(scope="module")
def edge_lines() -> dict[tuple[str, str], list[float]]:
    """The edges of ten minutes, slot by slot, by coin and direction."""
    model, lines = a_model(seed=1), defaultdict(list)
    for _ in range(MINUTES * SLOTS_A_MINUTE):
        model.advance()
        for base in BASES:
            for direction, edge in edges(model, base).items():
                lines[base, direction].append(edge)
    return lines


def episodes(line: Sequence[float]) -> list[Sequence[float]]:
    """The stretches of a line above the minimum edge; gaps of up to half a second belong to them."""
    stretches: list[list[int]] = []
    for slot in (slot for slot, edge in enumerate(line) if edge > MINIMUM_EDGE):
        if not stretches or slot - stretches[-1][-1] > 500 // SLOT_MS:
            stretches.append([])
        stretches[-1].append(slot)
    return [line[slots[0] : slots[-1] + 1] for slots in stretches]


def test_most_of_the_time_nothing_pays(edge_lines: dict[tuple[str, str], list[float]]) -> None:
    every = [edge for line in edge_lines.values() for edge in line]

    assert median(every) < -0.0015
    assert sum(edge > 0 for edge in every) / len(every) < 0.05


def test_jumps_give_a_few_opportunities_a_minute_in_both_directions(
    edge_lines: dict[tuple[str, str], list[float]],
) -> None:
    found = {key: episodes(line) for key, line in edge_lines.items()}
    total = sum(map(len, found.values()))
    seconds_above = sum(len(one) for ones in found.values() for one in ones) * SLOT_MS / 1_000
    by_direction = [sum(len(ones) for (_, d), ones in found.items() if d == way) for way in ("sell_upbit", "buy_upbit")]

    assert 2 <= total / MINUTES <= 6
    assert min(by_direction) >= total / 3
    assert 1.5 <= seconds_above / total <= 5


def test_an_opportunity_seldom_lacks_the_room_that_limits_need(
    edge_lines: dict[tuple[str, str], list[float]],
) -> None:
    best = [max(one) for line in edge_lines.values() for one in episodes(line)]
    without_room = [edge for edge in best if edge < MINIMUM_EDGE + 0.0003]

    assert len(without_room) <= len(best) / 10


@pytest.mark.parametrize(("venue", "code"), [(Venue.UPBIT, "KRW-BTC"), (Venue.BINANCE, "BTCUSDT")])
def test_a_price_hardly_moves_while_an_order_is_under_way(venue: Venue, code: str) -> None:
    model = a_model()
    book, bids = model.books(venue)[code], []
    for _ in range(SLOTS_A_MINUTE):
        model.advance()
        bids.append(book.bids.prices[0])
    moved_bps = [abs(later / bid - 1) * 10_000 for bid, later in zip(bids, bids[200 // SLOT_MS :], strict=False)]

    assert 0 < median(moved_bps) < 1


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_first_opportunity_comes_within_20_seconds(seed: int) -> None:
    model = a_model(seed)
    paid = False
    while not paid and model.slot < 20_000 // SLOT_MS:
        model.advance()
        paid = any(edge > MINIMUM_EDGE for base in BASES for edge in edges(model, base).values())

    assert paid


def test_jumps_take_turns_in_the_mean_and_fade_before_the_next() -> None:
    rng = Random(1)
    jump = Jump(rng)
    offs: list[tuple[float, float]] = []
    for _ in range(100_000):
        jump.step(rng)
        offs.append((jump.off_bps(Venue.UPBIT), jump.off_bps(Venue.BINANCE)))
    leaps = [
        (sum(map(abs, before)), now) for before, now in pairwise(offs) if max(map(abs, now)) > max(map(abs, before))
    ]
    dear = [upbit > binance for _, (upbit, binance) in leaps]
    turned = [before != now for before, now in pairwise(dear)]

    assert all(before < 0.01 and 40 <= sum(map(abs, now)) <= 60 for before, now in leaps)
    assert sum(dear) / len(dear) == pytest.approx(0.5, abs=0.1)
    assert sum(turned) / len(turned) == pytest.approx(0.75, abs=0.1)
    assert sum(upbit != 0 for _, (upbit, _) in leaps) / len(leaps) == pytest.approx(0.5, abs=0.15)


def test_four_pairs_make_between_100_and_200_frames_a_second() -> None:
    model = a_model()
    seconds = 20
    seen = list(moves(model, seconds * 1_000 // SLOT_MS))
    upbit = sum(moved.book.listing.venue is Venue.UPBIT for moved in seen)
    touches = sum(moved.book.listing.venue is Venue.BINANCE and moved.touch_moved for moved in seen)
    depths = len(BASES) * 10 * seconds

    assert 100 <= (upbit + touches + depths) / seconds <= 200
    assert upbit / (5 * 10 * seconds) == pytest.approx(0.5, abs=0.15)


def test_touches_are_worth_hundreds_of_thousands_to_tens_of_millions_of_krw() -> None:
    worths = [
        Decimal(moved.book.bids.prices[0] * moved.book.bids.quantities[0]) / UNIT**2
        for moved in moves(a_model(), 2_000)
        if moved.book.listing.venue is Venue.UPBIT and moved.book.listing.base != "USDT"
    ]

    assert Decimal(20_000) < min(worths)
    assert max(worths) <= 61_000_000
    assert Decimal(1_000_000) < sorted(worths)[len(worths) // 2] < Decimal(20_000_000)


def test_a_coin_that_upbit_does_not_have_is_listed_on_binance_only() -> None:
    model = a_model(bases=("BTC", "BNB"))

    assert list(model.books(Venue.UPBIT)) == ["KRW-USDT", "KRW-BTC"]
    assert list(model.books(Venue.BINANCE)) == ["BTCUSDT", "BNBUSDT"]


def test_unknown_coins_are_named() -> None:
    with pytest.raises(ConfigurationError, match="does not list NOPE; it knows BTC"):
        coins_of(("BTC", "NOPE"))


@pytest.mark.parametrize("tick", ["1000000", "1000", "1", "0.3"])
@pytest.mark.parametrize("shock", ["0.01", "1"])
def test_a_tick_as_large_as_the_price_makes_a_thin_market_and_no_crash(tick: str, shock: str) -> None:
    model = a_model()
    books = [*model.books(Venue.UPBIT).values(), *model.books(Venue.BINANCE).values()]
    model.shocks.update({book.listing.code: Decimal(shock) for book in books})
    for book in books:
        book.regrid(single_step(tick))
    for _ in moves(model, 200):
        pass

    assert all(min(book.bids.prices) > 0 and book.bids.prices[0] < book.asks.prices[0] for book in books)
