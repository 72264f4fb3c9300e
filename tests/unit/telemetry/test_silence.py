"""When the daemon falls silent, somebody else has to say so."""

from collections.abc import Iterator

import pytest
from redis import Redis

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.telemetry.silence import Pulse, SilenceWatch, what_is_silent
from tests.alert_builders import Post, seconds
from tests.clocks import NOON, ManualClock


@pytest.mark.parametrize(
    ("beat_s", "view_s", "stopped", "silent"),
    [
        (0, 0, False, ""),
        (-9.9, -9.9, False, ""),
        (-10, -10, False, "has been silent for 10 s"),
        (-86_400, -86_400, False, "has been silent for 86,400 s"),
        (-86_400, -86_400, True, ""),
        (0, -10, False, "lives, but has shown nothing for 10 s"),
        (1, 0, False, ""),
    ],
)
def test_what_counts_as_silent(beat_s: float, view_s: float, stopped: bool, silent: str) -> None:
    said = what_is_silent(Pulse("live", seconds(beat_s), seconds(view_s), stopped), NOON)

    assert silent in said
    assert bool(said) == bool(silent)


def test_where_no_daemon_ever_ran_nobody_is_silent() -> None:
    assert what_is_silent(Pulse("live", Instant(0), Instant(0), False), NOON) == ""


class Ward:
    """A watch over the daemons of one APP_ENV in a real Redis, whose hearts beat as the test says."""

    def __init__(self, address: RedisAddress, app_env: str) -> None:
        self.clock = ManualClock()
        self.post = Post()
        self.redis: Redis = Redis(host=address.host, port=address.port, socket_timeout=2, protocol=2)
        self.watch = SilenceWatch(address, app_env, self.post, self.clock)
        self._app_env = app_env

    def beat(self, mode: str = "live", *, stopped: bool = False, ahead_s: int = 0) -> None:
        keys, now = StateKeys(namespace_of(mode, self._app_env)), int(self.clock.now()) + ahead_s * NS_PER_S
        self.redis.hset(keys.heartbeat, mapping={"at": now, "stopped": str(stopped).lower()})
        self.redis.hset(keys.metrics, mapping={"view_at": now})

    def look_for(self, seconds_long: int) -> None:
        for _ in range(seconds_long):
            self.clock.advance(1)
            self.watch.look()

    @property
    def said(self) -> list[str]:
        return [message.title for message in self.post.sent]


@pytest.fixture
def ward(redis_address: RedisAddress, app_env: str) -> Iterator[Ward]:
    made = Ward(redis_address, app_env)
    yield made
    made.redis.close()


def test_a_daemon_that_dies_is_told_of_after_ten_seconds_and_again_after_ten_minutes(ward: Ward, app_env: str) -> None:
    ward.beat()
    ward.look_for(9)
    before = list(ward.said)
    ward.look_for(1)
    at_ten = list(ward.said)
    ward.look_for(600)

    assert before == []
    assert at_ten == [f"[{app_env}] CRITICAL: silent_daemon"]
    assert len(ward.said) == 2


def test_its_return_is_told_once(ward: Ward, app_env: str) -> None:
    ward.beat()
    ward.look_for(10)
    ward.beat()
    ward.look_for(2)

    assert ward.said == [f"[{app_env}] CRITICAL: silent_daemon", f"[{app_env}] info: silent_daemon"]


def test_who_was_stopped_on_purpose_is_not_missed(ward: Ward) -> None:
    ward.beat(stopped=True)
    ward.look_for(60)

    assert ward.said == []


def test_the_daemon_that_lived_last_is_the_one_that_counts(ward: Ward) -> None:
    ward.beat("shadow")
    ward.clock.advance(3_600)
    ward.beat("live")
    ward.look_for(5)

    assert ward.said == []


def test_a_daemon_that_lives_does_not_hide_that_another_died(ward: Ward, app_env: str) -> None:
    ward.beat("live")
    ward.look_for(1)
    ward.beat("live")
    for _ in range(11):
        ward.beat("shadow")
        ward.look_for(1)

    assert ward.said == [f"[{app_env}] CRITICAL: silent_daemon"]
    assert "the daemon (live) has been silent for 1" in ward.post.sent[0].body


def test_what_died_before_anybody_watched_and_was_followed_by_another_is_of_the_past(ward: Ward) -> None:
    ward.beat("live")
    ward.clock.advance(3_600)
    for _ in range(30):
        ward.beat("shadow")
        ward.look_for(1)

    assert ward.said == []


@pytest.mark.parametrize("ahead_s", [-3_600, 3_600])
def test_a_daemon_whose_clock_is_wrong_is_silent_when_it_is_and_not_before(ward: Ward, ahead_s: int) -> None:
    told_at_once = ahead_s < 0  # an old beat is all that is known of it yet
    for _ in range(20):
        ward.beat(ahead_s=ahead_s)
        ward.look_for(1)
    while_alive = len(ward.said)
    ward.look_for(11)

    assert while_alive == 2 * told_at_once
    assert ward.said[-1].endswith("CRITICAL: silent_daemon")


def test_a_redis_that_is_gone_is_told_of_too() -> None:
    clock, post = ManualClock(), Post()
    watch = SilenceWatch(RedisAddress("127.0.0.1", 1), "test", post, clock)
    for _ in range(11):
        clock.advance(1)
        watch.look()

    assert len(post.sent) == 1
    assert "whether it lives cannot be seen" in post.sent[0].body
