"""Who comes in, for how long, and who waits before trying again."""

import pytest

from arbitrage.dashboard.lock_out import FREE_TRIES, FREE_TRIES_OF_ALL, LONGEST_WAIT_OF_ALL_S, LONGEST_WAIT_S, LockOut
from arbitrage.dashboard.sessions import LASTS_S, Entrance, LockedOut, WrongToken
from arbitrage.dashboard.tokens import Role, Tokens
from tests.clocks import ManualClock
from tests.dashboard_process import CONTROL_TOKEN, READ_TOKEN

HOME, AWAY = "127.0.0.1", "10.0.0.7"


def an_entrance(clock: ManualClock) -> Entrance:
    return Entrance(Tokens(READ_TOKEN, CONTROL_TOKEN), clock)


def guess(entrance: Entrance, times: int, client: str = AWAY) -> list[type[Exception]]:
    ends: list[type[Exception]] = []
    for number in range(times):
        try:
            entrance.show_token(f"guess {number}", client)
        except (WrongToken, LockedOut) as end:
            ends.append(type(end))
    return ends


def test_a_right_token_begins_a_session_that_lasts_a_working_day():
    clock = ManualClock()
    entrance = an_entrance(clock)
    session = entrance.begin(entrance.show_token(CONTROL_TOKEN, HOME, "mina"))
    clock.advance(LASTS_S - 1)
    at_last = entrance.find(session)
    clock.advance(1)

    assert at_last is not None
    assert (at_last.role, at_last.who) == (Role.CONTROL, "mina@dashboard (127.0.0.1)")
    assert entrance.find(session) is None
    assert session not in repr(at_last)


def test_who_logs_out_is_out_and_a_name_of_nobody_is_nobody():
    entrance = an_entrance(ManualClock())
    session = entrance.begin(entrance.show_token(READ_TOKEN, HOME))
    entrance.end(session)
    entrance.end("nobody")

    assert [entrance.find(name) for name in (session, "", "nobody")] == [None, None, None]


def test_who_guesses_is_locked_out_and_then_even_a_right_token_is_not_looked_at():
    clock = ManualClock()
    entrance = an_entrance(clock)
    session = entrance.begin(entrance.show_token(CONTROL_TOKEN, AWAY))
    ends = guess(entrance, FREE_TRIES + 2)

    assert ends == [WrongToken] * FREE_TRIES + [LockedOut] * 2
    with pytest.raises(LockedOut):
        entrance.show_token(CONTROL_TOKEN, AWAY)
    assert entrance.show_token(CONTROL_TOKEN, HOME).may_control
    assert entrance.find(session) is not None
    clock.advance(1)
    assert entrance.show_token(CONTROL_TOKEN, AWAY).may_control


def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten_after_an_hour():
    clock = ManualClock()
    lock_out = LockOut(clock)
    waits = []
    for _ in range(FREE_TRIES + 12):
        lock_out.failed(AWAY)
        waits.append(lock_out.wait_s(AWAY))
    clock.advance(3_601)
    lock_out.failed(AWAY)

    assert waits[: FREE_TRIES - 1] == [0] * (FREE_TRIES - 1)
    assert waits[FREE_TRIES - 1 : FREE_TRIES + 4] == [1, 2, 4, 8, 16]
    assert waits[-1] == LONGEST_WAIT_S
    assert lock_out.wait_s(AWAY) == 0


def test_many_clients_that_guess_make_everyone_wait_but_never_for_long():
    clock = ManualClock()
    lock_out = LockOut(clock)
    for number in range(FREE_TRIES_OF_ALL + 40):
        lock_out.failed(f"10.1.{number // 250}.{number % 250}")

    assert lock_out.wait_s(HOME) == LONGEST_WAIT_OF_ALL_S
    clock.advance(LONGEST_WAIT_OF_ALL_S)
    assert lock_out.wait_s(HOME) == 0


def test_one_customer_of_ipv6_is_one_client():
    lock_out = LockOut(ManualClock())
    for number in range(FREE_TRIES):
        lock_out.failed(f"2001:db8:1:2::{number:x}")

    assert lock_out.wait_s("2001:db8:1:2:ffff::1") > 0
    assert lock_out.wait_s("2001:db8:1:3::1") == 0


def test_clients_without_end_do_not_fill_the_memory():
    lock_out = LockOut(ManualClock())
    for number in range(3_000):
        lock_out.failed(f"client {number}")

    assert len(lock_out._clients) <= 1_024
