"""StateManager and the guard's account: whatever happens to Redis, it is kept once or somebody is told."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import StateHeld, StateUnavailable
from arbitrage.domain.events import Command, OperatorCommand, StateDown, StateForeign, StateRestored, StateUp
from arbitrage.domain.guarding import GuardAct, GuardMemory, LatchKind, LossMemory
from arbitrage.domain.intents import ReportGuard, ReportPlanEnd, SubmitPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.intents import IntentLog
from arbitrage.ports import Clock
from arbitrage.state.guard_scripts import FIELDS
from arbitrage.state.guard_wiring import ForeignPolicy, GuardWiring, LossLimits
from arbitrage.state.keys import RedisAddress, StateKeys
from liveguard.losses import LossBook
from tests.clocks import ManualClock
from tests.guard_builders import DAY, a_finish, a_latch, a_report, a_start
from tests.redis_server import RedisServer
from tests.state_desk import Desk, eventually, running

LIMITS = LossLimits(daily_units=1_000, total_units=5_000)
ACCOUNT = "arbitrage:live:acct-0123456789ab"


class House:
    """One trading house: its intent log on this machine, and whichever Redis it is sent to."""

    def __init__(self, address: RedisAddress, folder: Path, account: str = ACCOUNT) -> None:
        self.address = address
        self.account = account
        self.limits = LIMITS
        self.log_path = folder / "intents.log"
        self.keys = StateKeys(account)
        self._log: IntentLog | None = None

    def desk(
        self,
        policy: ForeignPolicy = ForeignPolicy.STOP,
        app_env: str = "local",
        clock: Clock | None = None,
        pid: int = 77,
    ) -> "GuardedDesk":
        """Start a daemon here, after the one before has let go of the log."""
        self.close()
        self._log = IntentLog.open(self.log_path)
        wiring = GuardWiring(namespace=self.account, intents=self._log, on_foreign=policy, limits=lambda: self.limits)
        return GuardedDesk(self.address, app_env, self._log, wiring, clock or SystemClock(), pid)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


class GuardedDesk(Desk):
    """A desk whose every entry is noted in the log first, as the runner does it."""

    def __init__(
        self, address: RedisAddress, app_env: str, log: IntentLog, wiring: GuardWiring, clock: Clock, pid: int
    ) -> None:
        super().__init__(address, app_env, clock, pid, wiring)
        self.guard = StateKeys(wiring.namespace)
        self._log = log
        self._book = LossBook(LossMemory())
        self._numbers: Iterator[int] = itertools.count(1)
        self._last = 0

    def begin(self, past: Remembered) -> None:
        """Go on from what was agreed at start."""
        self._book = LossBook(past.guard.losses)
        self._numbers = itertools.count(past.guard.sequence + 1)

    def do(self, *entries: SubmitPlan | ReportPlanEnd | ReportGuard) -> None:
        """Number the entries, note them, and tell the state manager of them."""
        for unnumbered in entries:
            entry = replace(unnumbered, sequence=next(self._numbers))
            self._last = entry.sequence
            self._log.note(entry)
            self._book.roll(entry.day)
            match entry:
                case SubmitPlan():
                    self._book.reserve(entry.approved.what.plan_id, entry.worst_case)
                case ReportPlanEnd(end):
                    self._book.settle(end.plan.plan_id, end.result, end.at)
            self.state.publish(entry)

    def lose(self, plan_id: str, units: int = 40) -> None:
        """Start a plan, and end it with a loss."""
        self.do(a_start(0, plan_id), a_finish(0, plan_id, -units))

    def field(self, name: str) -> int:
        held: Any = self.redis.hget(self.guard.guard, name)
        return int(held) if held is not None else -1

    async def settled(self) -> None:
        """Wait until Redis holds what the desk knows."""
        await eventually(lambda: self.field("sequence") >= self._last)

        assert self.field("total_units") == self._book.total_units
        assert self.field("reserved_units") == self._book.in_flight

    def foreign(self) -> list[LatchKind]:
        return [event.kind for event in self.told if isinstance(event, StateForeign)]


@pytest.fixture
def house(private_redis: RedisServer, tmp_path: Path) -> Iterator[House]:
    house = House(private_redis.address, tmp_path)
    yield house
    house.close()


async def a_day(house: House, losses: Sequence[str], policy: ForeignPolicy = ForeignPolicy.STOP) -> Remembered:
    """One run that loses 40 units with each of these plans, and stops."""
    desk = house.desk(policy)
    async with running(desk) as past:
        desk.begin(past)
        for plan_id in losses:
            desk.lose(plan_id)
    return past


async def past_of(house: House, policy: ForeignPolicy = ForeignPolicy.STOP) -> Remembered:
    return await a_day(house, (), policy)


def latched(past: Remembered) -> set[LatchKind]:
    return {latch.kind for latch in past.guard.latches}


def resumed(*kinds: LatchKind) -> ReportGuard:
    """The entry of a person's `resume`."""
    report = a_report(0, act=GuardAct.UNLATCHED, name=kinds[0])
    return replace(report, entries=tuple(replace(report.entries[0], name=kind) for kind in kinds))


async def test_a_restart_remembers_the_loss_and_raises_the_fence(house: House) -> None:
    first = await a_day(house, ["p-1", "p-2"])
    second = await a_day(house, ["p-3"])
    third = await past_of(house)

    assert first.guard == GuardMemory(sequence=1)
    assert (second.epoch, second.fence, third.fence) == (first.epoch, 2, 3)
    assert (second.guard.losses.day, second.guard.losses.day_units) == (DAY, -80)
    assert (third.guard.losses.day_units, third.guard.losses.total_units, third.guard.latches) == (-120, -120, ())
    assert len(third.guard.losses.recent) == 3
    assert len(list(house.log_path.parent.glob("intents-*.log"))) == 0


async def test_latches_and_worst_cases_in_flight_outlive_a_restart(house: House) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.do(a_start(0, "p-1", 70), a_report(0, a_latch(scope="BTC")))

    past = await past_of(house)

    assert past.guard.losses.reserved == {"p-1": 70}
    assert past.guard.latches == (a_latch(scope="BTC"),)


async def test_an_end_of_a_plan_that_the_start_closed_is_settled_but_not_written_twice(house: House) -> None:
    desk = house.desk(ForeignPolicy.HEAL)
    async with running(desk) as past:
        desk.begin(past)
        desk.do(a_start(0, "p-1", 70))
    second = house.desk(ForeignPolicy.HEAL, clock=ManualClock())
    async with running(second) as past:
        second.begin(past)
        second.do(a_finish(0, "p-1", 0))
        await second.settled()

        assert [plan.plan_id for plan in past.open_plans] == ["p-1"]
        assert second.journal() == [b"plan", b"plan_end"]
        assert second.hash(second.keys.score(DAY))[b"outcome:unscored"] == b"1"


async def test_redis_killed_and_frozen_counts_every_entry_once(house: House, private_redis: RedisServer) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        await eventually(lambda: desk.kinds() == [StateUp])
        private_redis.freeze()
        desk.lose("p-1")
        await eventually(lambda: desk.kinds()[-1] is StateDown)
        private_redis.thaw()
        await desk.settled()
        private_redis.kill()
        desk.lose("p-2")
        await eventually(lambda: desk.kinds()[-1] is StateDown)
        private_redis.start()
        await desk.settled()

        assert desk.field("total_units") == -80
        assert desk.foreign() == []

    assert (await past_of(house)).guard.losses.total_units == -80


async def test_emptied_under_a_daemon_that_must_stop_it_is_told_and_waits_for_a_person(
    house: House, private_redis: RedisServer
) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.lose("p-1")
        desk.do(a_start(0, "p-2", 70))
        await desk.settled()
        desk.redis.flushall()
        await eventually(lambda: desk.foreign() == [LatchKind.EMPTIED_STATE])
        await eventually(lambda: desk.kinds()[-1] is StateUp)
        desk.do(a_finish(0, "p-2", -60), a_report(0, a_latch(LatchKind.EMPTIED_STATE)))
        await eventually(lambda: desk.journal() == [b"plan_end", b"guard"])
        while_stopped = desk.redis.exists(desk.guard.guard)
        desk.do(resumed(LatchKind.EMPTIED_STATE))
        await eventually(lambda: StateRestored in desk.kinds())

        assert while_stopped == 0
        assert desk.field("total_units") == -100
        assert desk.foreign() == [LatchKind.EMPTIED_STATE]

    assert (await past_of(house)).guard.losses.total_units == -100


async def test_a_resume_of_one_latch_writes_nothing_while_the_other_holds(house: House) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.lose("p-1")
        await desk.settled()
        desk.redis.flushall()
        await eventually(lambda: desk.foreign() == [LatchKind.EMPTIED_STATE])
        one_left = replace(resumed(LatchKind.EMPTIED_STATE), latches=(a_latch(LatchKind.FOREIGN_STATE),))
        desk.do(one_left)
        await eventually(lambda: desk.journal() == [b"guard"])
        after_one = desk.redis.exists(desk.guard.guard)
        desk.do(resumed(LatchKind.FOREIGN_STATE))
        await eventually(lambda: StateRestored in desk.kinds())

        assert after_one == 0
        assert desk.field("total_units") == -40


async def test_emptied_and_started_again_it_still_waits_for_a_person(house: House, private_redis: RedisServer) -> None:
    before = await a_day(house, ["p-1", "p-2"])
    Redis(host=house.address.host, port=house.address.port, protocol=2).flushall()
    pasts = [await past_of(house), await past_of(house)]
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.do(resumed(LatchKind.EMPTIED_STATE))
        await eventually(lambda: StateRestored in desk.kinds())
        desk.lose("p-3")
        await desk.settled()
    after = await past_of(house)

    assert [latched(past) for past in [*pasts, past]] == [{LatchKind.EMPTIED_STATE}] * 3
    assert {past.guard.losses.day_units for past in [*pasts, past]} == {-80}
    assert (after.guard.losses.day_units, after.guard.latches) == (-120, ())
    assert past.fence > before.fence  # in the same epoch, so no order id comes again


async def test_an_old_snapshot_is_healed_from_the_log_and_no_fence_comes_again(
    house: House, private_redis: RedisServer
) -> None:
    fences = [(await a_day(house, ["p-1"])).fence]
    private_redis.stop()
    private_redis.save_volume("monday")
    private_redis.start()
    fences += [(await past_of(house)).fence for _ in range(5)]
    fences.append((await a_day(house, ["p-2"])).fence)
    private_redis.stop()
    private_redis.swap_volume("monday")
    private_redis.start()

    healed = await a_day(house, ["p-3"])
    after = await past_of(house)

    assert (healed.guard.losses.day_units, healed.guard.latches) == (-80, ())
    assert healed.fence > max(fences)
    assert after.guard.losses.day_units == -120


async def test_an_old_snapshot_under_a_running_daemon_is_written_anew(house: House, private_redis: RedisServer) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.lose("p-1")
        await desk.settled()
        private_redis.stop()
        private_redis.save_volume("earlier")
        private_redis.start()
        desk.lose("p-2")
        await desk.settled()
        private_redis.stop()
        private_redis.swap_volume("earlier")
        private_redis.start()
        await desk.settled()
        desk.lose("p-3")
        await desk.settled()

        assert desk.field("total_units") == -120
        assert desk.foreign() == []
        assert b"state" in desk.journal(with_starts=True)


async def test_a_log_that_lost_its_end_goes_on_from_what_redis_counts(house: House) -> None:
    await a_day(house, ["p-1", "p-2"])
    house.close()
    lines = house.log_path.read_bytes().splitlines(keepends=True)
    house.log_path.write_bytes(b"".join(lines[:-1]))

    behind = await a_day(house, ["p-3"])
    after = await past_of(house)

    assert (behind.guard.losses.day_units, behind.guard.latches) == (-80, ())
    assert (after.guard.losses.day_units, after.guard.latches) == (-120, ())


@pytest.mark.parametrize(("volume", "kind"), [("", LatchKind.EMPTIED_STATE), ("other", LatchKind.FOREIGN_STATE)])
async def test_an_empty_or_swapped_volume_stops_with_the_loss_that_the_log_knows(
    house: House, private_redis: RedisServer, tmp_path: Path, volume: str, kind: LatchKind
) -> None:
    (tmp_path / "elsewhere").mkdir()
    elsewhere = House(house.address, tmp_path / "elsewhere")
    await a_day(elsewhere, ["x-1"])
    elsewhere.close()
    private_redis.stop()
    private_redis.save_volume("other")
    private_redis.swap_volume("")
    private_redis.start()
    await a_day(house, ["p-1", "p-2"])
    private_redis.stop()
    private_redis.swap_volume(volume)
    private_redis.start()

    past = await past_of(house)

    assert latched(past) == {kind}
    assert past.guard.losses.day_units == -80


async def test_a_log_that_is_gone_or_damaged_stops_with_the_loss_that_redis_knows(house: House) -> None:
    await a_day(house, ["p-1"])
    house.log_path.unlink()
    gone = await past_of(house)
    lines = bytearray(house.log_path.read_bytes())
    lines[20] ^= 1
    house.log_path.write_bytes(lines)
    damaged = await past_of(house)

    assert latched(gone) == {LatchKind.EMPTIED_STATE}
    assert LatchKind.FOREIGN_STATE in latched(damaged)
    assert (gone.guard.losses.day_units, damaged.guard.losses.day_units) == (-40, -40)


async def test_another_app_env_with_the_same_accounts_has_the_same_loss(house: House) -> None:
    first = house.desk(app_env="one")
    async with running(first) as past:
        first.begin(past)
        first.lose("p-1")
    second = house.desk(app_env="two", pid=78)
    async with running(second) as past:
        assert (past.guard.losses.day_units, past.guard.latches) == (-40, ())
        assert past.score is None


async def test_the_log_of_another_account_stops(house: House, tmp_path: Path) -> None:
    await a_day(house, ["p-1"])
    house.close()
    other = House(house.address, tmp_path, "arbitrage:live:acct-other")
    past = await past_of(other)
    other.close()

    assert latched(past) == {LatchKind.FOREIGN_STATE}
    assert past.guard.losses.day_units == -40


async def test_in_shadow_either_side_is_written_from_the_other_and_the_loss_stays(house: House) -> None:
    heal = ForeignPolicy.HEAL
    first = await a_day(house, ["p-1"], heal)
    Redis(host=house.address.host, port=house.address.port, protocol=2).flushall()
    emptied = await a_day(house, ["p-2"], heal)
    house.close()
    house.log_path.unlink()
    desk = house.desk(heal)
    async with running(desk) as past:
        desk.begin(past)
        desk.lose("p-3")
        await desk.settled()

        assert b"state" in desk.journal(with_starts=True)

    assert (emptied.guard.losses.day_units, emptied.guard.latches) == (-40, ())
    assert (past.guard.losses.day_units, past.guard.latches) == (-80, ())
    assert emptied.epoch == first.epoch
    assert (await past_of(house, heal)).guard.losses.day_units == -120


def take_away(desk: GuardedDesk, what: str) -> None:
    if what in FIELDS:
        desk.redis.hdel(desk.guard.guard, what)
    else:
        desk.redis.delete(getattr(desk.guard, what))


async def in_the_middle_of_a_day(desk: GuardedDesk, past: Remembered) -> None:
    desk.begin(past)
    desk.lose("p-1")
    desk.do(a_start(0, "p-2", 70), a_report(0, a_latch(scope="BTC")))
    await desk.settled()


@pytest.mark.parametrize("what", ["day_units", "fence", "guard_reserved", "guard_latches"])
async def test_a_lost_key_or_field_is_told_even_while_nothing_happens(house: House, what: str) -> None:
    desk = house.desk()
    async with running(desk) as past:
        await in_the_middle_of_a_day(desk, past)
        take_away(desk, what)
        await eventually(lambda: desk.foreign() == [LatchKind.FOREIGN_STATE])


async def test_in_shadow_every_lost_key_or_field_is_written_again(house: House) -> None:
    desk = house.desk(ForeignPolicy.HEAL)
    async with running(desk) as past:
        await in_the_middle_of_a_day(desk, past)
        for number, what in enumerate((*FIELDS, "guard", "guard_reserved", "guard_results", "guard_latches"), 2):
            take_away(desk, what)
            await eventually(lambda: desk.journal(with_starts=True).count(b"state") == number)  # noqa: B023 - called at once
        await desk.settled()

        assert desk.foreign() == []

    after = await past_of(house, ForeignPolicy.HEAL)
    assert (after.guard.losses.day_units, after.guard.losses.reserved) == (-40, {"p-2": 70})


async def test_redis_and_daemon_that_disagree_on_room_for_a_plan_are_told(house: House) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.do(a_start(0, "p-1", LIMITS.daily_units + 1))
        await eventually(lambda: desk.foreign() == [LatchKind.FOREIGN_STATE])

    after = await past_of(house)

    assert LatchKind.FOREIGN_STATE not in latched(after)  # the log knows of the plan, and Redis is healed from it
    assert after.guard.losses.reserved == {"p-1": LIMITS.daily_units + 1}


async def test_a_lowered_limit_counts_from_its_entry_on(house: House) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.do(a_start(0, "p-1", 900), a_finish(0, "p-1", 0))
        await desk.settled()
        house.limits = LossLimits(daily_units=500, total_units=5_000)
        desk.do(a_report(0, act=GuardAct.LOWERED, name="max_daily_loss"), a_start(0, "p-2", 500))
        await eventually(lambda: desk.field("reserved_units") == 500)
        desk.do(a_finish(0, "p-2", 0), a_start(0, "p-3", 501))
        await eventually(lambda: desk.foreign() == [LatchKind.FOREIGN_STATE])


async def test_a_daemon_that_has_lost_the_account_to_another_one_ends(house: House, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    desk = house.desk(app_env="one")
    twin = House(house.address, tmp_path / "elsewhere")
    async with running(desk) as past:
        await eventually(lambda: StateUp in desk.kinds())
        other = twin.desk(ForeignPolicy.HEAL, app_env="two", pid=78)
        other_past = await other.state.open()
        await eventually(lambda: bool(desk.foreign()) or desk.state.failure is not None)
        await other.state.close()
        other.redis.close()

        assert other_past.epoch != past.epoch  # a log of its own, so an epoch of its own
        assert desk.foreign() == [LatchKind.FOREIGN_STATE]
    twin.close()


async def test_a_second_run_on_a_copy_of_the_log_shuts_the_first_one_out(house: House, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    desk = house.desk(app_env="one")
    twin = House(house.address, tmp_path / "elsewhere")
    async with running(desk):
        await eventually(lambda: StateUp in desk.kinds())
        twin.log_path.write_bytes(house.log_path.read_bytes())
        other = twin.desk(app_env="two", pid=78)
        async with running(other):
            await eventually(lambda: desk.state.failure is not None)

            assert isinstance(desk.state.failure, StateHeld)
            assert StateDown not in other.kinds()
    twin.close()


async def test_a_start_that_failed_after_the_log_was_begun_goes_on_from_there(house: House) -> None:
    desk = house.desk()
    desk.redis.set(desk.keys.trades, "not a sorted set")
    with pytest.raises(StateUnavailable, match="trades"):
        await desk.state.open()
    desk.redis.delete(desk.keys.trades)
    async with running(desk) as past:
        assert (past.fence, past.guard.latches) == (2, ())


async def test_an_intent_log_that_cannot_be_begun_stops_the_start(house: House, tmp_path: Path) -> None:
    desk = house.desk()
    (tmp_path / "intents.new").mkdir()

    with pytest.raises(StateUnavailable, match="intent log"):
        await desk.state.open()
    await desk.state.close()
    desk.redis.close()


async def test_what_happened_to_the_guard_is_in_the_journal_with_who_and_why(house: House) -> None:
    desk = house.desk()
    async with running(desk) as past:
        desk.begin(past)
        desk.do(a_report(0, a_latch()))
        await eventually(lambda: desk.journal() == [b"guard"])
        rows: Any = desk.redis.xrange(desk.keys.journal)
        kinds = [fields[b"kind"] for _, fields in rows]
        row = msgspec.json.decode(rows[-1][1][b"row"])
        boot = msgspec.json.decode(rows[kinds.index(b"boot")][1][b"row"])

        assert kinds.count(b"boot") == 1
        assert (row["act"], row["name"], row["who"], row["why"]) == (
            "latched",
            "repeated_execution",
            "guard",
            "because",
        )
        assert boot == {"version": "1.2.3", "config_digest": "", "limits": {}}


async def test_a_halt_by_the_command_stream_is_obeyed_and_a_resume_is_not(house: House) -> None:
    clock = ManualClock()
    desk = house.desk(clock=clock)
    async with running(desk):
        desk.redis.xadd(desk.keys.commands, {"do": "resume", "who": "mallory", "why": "x"})
        desk.redis.xadd(desk.keys.commands, {"do": "halt", "who": "an operator" * 100, "why": "\x1b[2J"})
        desk.redis.xadd(desk.keys.commands, {"do": "halt"})
        clock.advance(1)
        await eventually(lambda: desk.kinds().count(OperatorCommand) == 2)

        first, second = (event for event in desk.told if isinstance(event, OperatorCommand))
        assert {first.command, second.command} == {Command.HALT}
        assert len(first.who) == 200
        assert (second.who, second.why) == ("unknown", "no reason was given")
