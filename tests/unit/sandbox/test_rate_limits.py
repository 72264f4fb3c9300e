"""Counting requests: what passes, what is refused, and how patience ends."""

from arbitrage.domain.instants import NS_PER_S
from arbitrage.sandbox.rate_limits import Limiter, limiter


def a_limiter(patience: int = 2) -> Limiter:
    return Limiter(limit=3, window_s=1, first_block_s=2, patience=patience)


def statuses(limit: Limiter, requests: int, at_s: float) -> list[int]:
    return [limit.ask("me", int(at_s * NS_PER_S)).status for _ in range(requests)]


def test_a_window_lets_its_limit_through_and_tells_what_is_left() -> None:
    limit = a_limiter()
    verdicts = [limit.ask("me", 0) for _ in range(4)]

    assert [verdict.left for verdict in verdicts] == [2, 1, 0, 0]
    assert [verdict.status for verdict in verdicts] == [200, 200, 200, 429]


def test_the_next_window_starts_anew() -> None:
    limit = a_limiter()

    assert statuses(limit, 4, at_s=0.5) == [200, 200, 200, 429]
    assert statuses(limit, 3, at_s=1.0) == [200, 200, 200]


def test_who_goes_on_is_blocked_and_longer_the_next_time() -> None:
    limit = a_limiter()

    assert statuses(limit, 6, at_s=0.0) == [200, 200, 200, 429, 429, 418]
    assert statuses(limit, 1, at_s=1.9) == [418]
    assert statuses(limit, 6, at_s=2.0) == [200, 200, 200, 429, 429, 418]
    assert statuses(limit, 1, at_s=5.9) == [418]
    assert statuses(limit, 1, at_s=6.0) == [200]


def test_weights_count_in_full_or_not_at_all() -> None:
    limit = Limiter(limit=10, window_s=60, first_block_s=1)

    assert limit.ask("me", 0, weight=9).used == 9
    assert limit.ask("me", 0, weight=2).status == 429
    assert limit.ask("me", 0, weight=1).used == 10
    assert limit.ask("me", 50 * NS_PER_S, weight=1).retry_after_s == 10


def test_one_client_does_not_spend_what_another_may() -> None:
    limit = a_limiter()
    statuses(limit, 4, at_s=0)

    assert limit.ask("you", 0).passes


def test_a_limit_can_be_switched_off() -> None:
    free = limiter(1, 1, first_block_s=1, on=False)

    assert all(free.ask("me", 0).passes for _ in range(100))


def test_what_costs_nothing_needs_room_and_does_not_calm_the_venue_down() -> None:
    limit = a_limiter()
    said = []
    for weight in (3, 0, 1, 0, 1):
        said.append(limit.ask("me", 0, weight).status)

    assert said == [200, 429, 429, 418, 418]
