"""The collar: a price is held against its own book, the other venue and the last minute, and against nothing it fails.

Upbit's fall of 3 December 2024 and Bithumb's print of 6 February 2026 are among the cases.
"""

from math import inf, nan

import pytest

from arbitrage.domain.book_views import Reference
from arbitrage.domain.verdicts import Refusal
from liveguard.collar import Collar
from tests.safety_builders import LIMITS

COLLAR = Collar(LIMITS)  # one percent of its own mid, six of the other venue's, three for a way out
FLAT = Reference(100.0, 100.0, 100.0, 100.0)


def opens(price: float, reference: Reference | None = FLAT) -> list[str]:
    refusals: list[Refusal] = []
    COLLAR.judge_open(price, "BTC", reference, refusals)
    return [refusal.seen.split(" against ")[1].split(" 1")[0] for refusal in refusals]


def reduces(price: float, reference: Reference | None = FLAT) -> bool:
    refusals: list[Refusal] = []
    COLLAR.judge_reduce(price, "BTC", reference, refusals)
    return not refusals


@pytest.mark.parametrize("price", [99.0, 100.0, 101.0])
def test_a_price_inside_all_three_passes(price: float) -> None:
    assert opens(price) == []


@pytest.mark.parametrize("price", [98.99, 101.01])
def test_a_price_off_its_own_book_and_minute_is_refused_twice(price: float) -> None:
    assert opens(price) == ["own mid", "last minute"]


@pytest.mark.parametrize(
    ("case", "price", "reference", "refused"),
    [
        ("other venue lower, at the bound", 106.0, Reference(106.0, 100.0, 106.0, 106.0), []),
        ("other venue lower, beyond", 106.01, Reference(106.0, 100.0, 106.0, 106.0), ["other venue's mid"]),
        ("other venue higher, at the bound", 94.0, Reference(94.0, 100.0, 94.0, 94.0), []),
        ("other venue higher, beyond", 93.99, Reference(94.0, 100.0, 94.0, 94.0), ["other venue's mid"]),
        ("fell within the minute", 95.0, Reference(95.0, 95.0, 97.0, 100.0), ["last minute"]),
        ("fell, and stayed in reach", 96.1, Reference(96.0, 96.0, 97.0, 100.0), []),
        ("rose within the minute", 103.0, Reference(103.0, 103.0, 97.0, 101.0), ["last minute"]),
        ("KRW-BTC of 130 M at 88 M", 88.0e6, Reference(88e6, 129e6, 88e6, 130e6), ["other venue's mid"]),
        ("one venue prints -17 percent", 83.0, Reference(100.0, 100.0, 100.0, 100.0), [
            "own mid", "other venue's mid", "last minute",
        ]),
    ],
)  # fmt: skip
def test_each_bound_stands_alone(case: str, price: float, reference: Reference, refused: list[str]) -> None:
    assert [text.split(" 9")[0].split(" 8")[0] for text in opens(price, reference)] == refused


def test_a_coin_may_cost_next_to_nothing() -> None:
    cheap = Reference(0.00001, 0.00001, 0.00001, 0.00001)

    assert opens(0.00001, cheap) == []
    assert reduces(0.00001, cheap)


BROKEN = [None, nan, inf, -inf, 0.0, -100.0]


@pytest.mark.parametrize("bad", BROKEN)
@pytest.mark.parametrize("where", ["mid", "elsewhere", "low", "high"])
@pytest.mark.parametrize("price", [100.0, 0.0, -100.0, nan, inf])
def test_nothing_passes_against_what_is_no_price(bad: float | None, where: str, price: float) -> None:
    known = {"mid": 100.0, "elsewhere": 100.0, "low": 100.0, "high": 100.0, where: bad}
    # an infinite high bounds nothing by itself: the low and the mid still do
    expected = bad == inf and where == "high" and price == 100.0

    assert (opens(price, Reference(**known)) == []) is expected  # type: ignore[arg-type]  # None among them


@pytest.mark.parametrize("bad", BROKEN)
@pytest.mark.parametrize("price", [100.0, 0.0, -100.0, nan])  # a limit price that is infinite comes as NaN
def test_everything_broken_lets_nothing_pass(bad: float | None, price: float) -> None:
    broken = Reference(bad, bad, bad, bad)

    assert opens(price, broken)
    assert not reduces(price, broken)
    assert opens(price, None)
    assert not reduces(price, None)


@pytest.mark.parametrize(
    ("price", "passes"), [(96.99, False), (97.0, True), (103.0, True), (103.01, False), (nan, False)]
)
def test_a_way_out_has_a_wider_collar_of_its_own_mid_alone(price: float, passes: bool) -> None:
    assert reduces(price) is passes
    assert reduces(price, Reference(100.0, None, None, None)) is passes
    assert reduces(price, Reference(100.0, 1.0, 1.0, 1.0)) is passes


def test_a_price_of_nothing_is_outside_of_its_book_and_of_its_minute() -> None:
    assert len(opens(0.0, Reference(0.0, 0.0, 0.0, 0.0))) == 2


def test_a_refusal_names_the_bounds() -> None:
    refusals: list[Refusal] = []
    COLLAR.judge_open(200.0, "BTCUSDT", FLAT, refusals)
    COLLAR.judge_open(200.0, "BTCUSDT", None, refusals)
    COLLAR.judge_reduce(200.0, "BTCUSDT", FLAT, refusals)

    assert [str(refusal) for refusal in refusals] == [
        "outside_collar: BTCUSDT at 200.0 against own mid 100.0 (limit 1.00%)",
        "outside_collar: BTCUSDT at 200.0 against other venue's mid 100.0 (limit 6.00%)",
        "outside_collar: BTCUSDT at 200.0 against last minute 100.0 to 100.0 (limit 1.00%)",
        "outside_collar: BTCUSDT at 200.0 against nothing",
        "outside_collar: BTCUSDT at 200.0 against own mid 100.0 (limit 3.00%)",
    ]
