"""Lines and bars of characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.watch.spark import bar, spark


def test_a_line_climbs_from_the_oldest_to_the_newest():
    assert spark([(age, -age) for age in range(80)], 80, 8) == "▁▂▃▄▅▆▇█"


def test_a_character_shows_the_highest_of_its_part():
    assert spark([(9, 7.0), (8, 0.0), (1, 0.0)], 10, 2) == "█▁"


def test_what_is_not_known_is_a_dot_and_never_a_zero():
    assert spark([(0.5, 5.0), (1.5, None), (2.5, float("nan")), (3.5, 9.0)], 4, 4) == "█··▁"
    assert spark([], 300, 5) == "·····"


def test_the_largest_numbers_that_there_are_have_a_line_too():
    assert spark([(0, 1.7e308), (1, -1.7e308)], 2, 2) == "▁█"


def test_what_never_moves_lies_flat():
    assert spark([(0, 3.0), (1, 3.0)], 2, 2) == "▁▁"


@given(st.lists(st.tuples(st.floats(-10, 1_000), st.none() | st.floats())), st.integers(1, 60))
def test_a_line_is_as_wide_as_it_was_told(samples, width):
    assert len(spark(samples, 300, width)) == width


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0.0, "····"), (0.5, "██··"), (1.0, "████"), (7.0, "████"), (-1.0, "····"), (float("nan"), "████")],
)
def test_a_bar_shows_how_much_is_used(share, drawn):
    assert bar(share, 4) == drawn
