"""GuardStore: losses, worst cases in flight and latches in Redis; each call is one script, repeatable by its number.

It decides nothing: it answers with a verdict, and a missing or unsound field is never taken for zero.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.guarding import GuardMemory, Latch, LossMemory
from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.intents import AdoptPlan, ReportGuard, ReportPlanEnd, SubmitPlan
from arbitrage.state.agreement import Kept
from arbitrage.state.guard_scripts import CHECK, CLAIM, FIELDS, KEEP, RESERVE, SETTLE, WRITE
from arbitrage.state.guard_wiring import EXACT, LossLimits
from arbitrage.state.keys import StateKeys
from arbitrage.state.link import StateLink, Word

RESULTS_KEPT_MS: Final = 48 * 3_600 * 1_000
"""Twice the 24 hours that count: a clock that runs ahead must not forget a loss."""

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,15}", re.ASCII)
_LATCH: Final = msgspec.json.Decoder(Latch)
_to_json: Final = msgspec.json.Encoder().encode

Entry = SubmitPlan | AdoptPlan | ReportPlanEnd | ReportGuard
"""What changes the guard's account, and has a number."""


class GuardDamaged(StateUnavailable):
    """The guard's account in Redis is there in part only, or holds what it cannot hold; the text names the key."""


class Verdict(StrEnum):
    """What came of a call.

    ok, again   done now; done before
    unknown     the plan that ended held no worst case: nothing was booked, the entry counts as taken
    denied      the plan does not fit below a loss limit
    halted      a latch holds that forbids every plan
    day_back    the entry belongs to a trading day before the one that stands
    fenced      a later run has the account
    behind      the account is ours, but older than what it held before
    emptied, foreign, damaged   the account is gone; is not ours; is there in part, or makes no sense
    """

    OK = "ok"
    AGAIN = "again"
    UNKNOWN = "unknown"
    DENIED = "denied"
    HALTED = "halted"
    DAY_BACK = "day_back"
    FENCED = "fenced"
    BEHIND = "behind"
    EMPTIED = "emptied"
    FOREIGN = "foreign"
    DAMAGED = "damaged"


TAKEN: Final = frozenset({Verdict.OK, Verdict.AGAIN, Verdict.UNKNOWN})
"""The verdicts after which the account holds the entry."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, and in words what was seen (for a claim: the new fence)."""

    verdict: Verdict
    seen: str


class GuardStore:
    """One run's hold on a guard's account. `epoch` and `fence` are what it says it is; `claim` and `write` set them."""

    def __init__(self, link: StateLink, keys: StateKeys) -> None:
        self.epoch = ""
        self.fence = 0
        self._link = link
        self._keys = (keys.guard, keys.guard_reserved, keys.guard_results, keys.guard_latches)
        self._scripts = {text: link.script(text) for text in (CLAIM, CHECK, RESERVE, SETTLE, KEEP, WRITE)}

    async def read(self) -> Kept | None:
        """Return the account, or None if there is none at all. Raises GuardDamaged if there is only part of one."""
        guard, reserved, results, latches = self._keys
        async with self._link.transaction() as pipe:
            pipe.hgetall(guard)
            pipe.hgetall(reserved)
            pipe.zrange(results, 0, -1, withscores=True)
            pipe.hgetall(latches)
            fields, plans, ended, held = await pipe.execute()
        if not fields and not (plans or ended or held):
            return None
        try:
            return _kept(fields, plans, ended, held)
        except (
            ValueError,
            KeyError,
            OverflowError,
        ) as error:  # OverflowError: an infinite score
            raise GuardDamaged(f"{guard}: {_one_line(error)}") from error

    async def claim(self, epoch: str, above: int = 0) -> Answer:
        """Make this the run that may write: the fence rises, above `above`. Refused if the epoch is another."""
        answer = await self._run(CLAIM, epoch, above)
        if answer.verdict is Verdict.OK:
            self.epoch, self.fence = epoch, int(answer.seen)
        return answer

    async def begin(self, kept: Kept) -> Answer:
        """Write an account where there is none; `foreign` if there is one."""
        return await self._write(kept, "", "")

    async def restore(self, kept: Kept) -> Answer:
        """Write an account over what is there. Repeatable; `foreign` if someone else wrote in this very moment."""
        async with self._link.transaction() as pipe:
            pipe.hmget(self._keys[0], "epoch", "fence")
            ((epoch, fence),) = await pipe.execute()
        if epoch == kept.epoch.encode() and fence is not None and fence.isdigit() and int(fence) > kept.fence:
            return Answer(Verdict.FENCED, f"run {int(fence)} has it")
        return await self._write(kept, epoch or "", fence or "")

    async def check(self, sequence: int) -> Answer:
        """Ask whether the account is there, whole, ours, and ends with this entry. Writes nothing."""
        return await self._run(CHECK, self.epoch, self.fence, "", sequence, "")

    async def take(self, entry: Entry, limits: LossLimits, follows: int | None = None) -> Answer:
        """Take an entry in, whatever it is; `follows` is the number of the one before it, if that is known."""
        match entry:
            case SubmitPlan() | AdoptPlan():
                return await self.reserve(entry, limits, follows)
            case ReportPlanEnd():
                return await self.settle(entry, follows)
            case ReportGuard():
                return await self.keep(entry, follows)

    async def reserve(self, entry: SubmitPlan | AdoptPlan, limits: LossLimits, follows: int | None = None) -> Answer:
        """Hold the worst case of a plan, if the losses leave room for it."""
        plan_id, cost = entry.plan.plan_id, entry.worst_case
        return await self._take(RESERVE, entry, follows, plan_id, cost, limits.daily_units, limits.total_units)

    async def settle(self, entry: ReportPlanEnd, follows: int | None = None) -> Answer:
        """Let go of a plan's worst case and book its result."""
        end, ended_ms = entry.end, entry.end.at // NS_PER_MS
        return await self._take(
            SETTLE, entry, follows, end.plan.plan_id, end.result, ended_ms, ended_ms - RESULTS_KEPT_MS
        )

    async def keep(self, entry: ReportGuard, follows: int | None = None) -> Answer:
        """Keep the latches that hold now, and start the total anew if the entry says so."""
        words = [word for latch in entry.latches for word in (latch.name, _to_json(latch))]
        return await self._take(
            KEEP, entry, follows, int(entry.total_from_zero), int(_stops_all(entry.latches)), *words
        )

    async def _take(self, script: str, entry: Entry, follows: int | None, *words: Word) -> Answer:
        after = "" if follows is None else follows
        return await self._run(script, self.epoch, self.fence, after, entry.sequence, entry.day, *words)

    async def _write(self, kept: Kept, over_epoch: str | bytes, over_fence: str | bytes) -> Answer:
        memory, losses = kept.memory, kept.memory.losses
        plans = [word for pair in losses.reserved.items() for word in pair]
        # the log does not know which plan a result is of; the number only keeps equal results apart
        results = [
            word for n, (at, units) in enumerate(losses.recent) for word in (at // NS_PER_MS, f"restored-{n}:{units}")
        ]
        latches = [word for latch in memory.latches for word in (latch.name, _to_json(latch))]
        values: tuple[Word, ...] = (
            kept.epoch,
            kept.fence,
            memory.sequence,
            losses.day,
            losses.day_units,
            losses.total_units,
            sum(losses.reserved.values()),
            int(_stops_all(memory.latches)),
            len(losses.reserved),
            len(losses.recent),
            len(memory.latches),
        )
        fields = [word for name, value in zip(FIELDS, values, strict=True) for word in (name, value)]
        counts = (len(FIELDS), len(losses.reserved), len(losses.recent))
        answer = await self._run(WRITE, over_epoch, over_fence, *counts, *plans, *results, *latches, *fields)
        if answer.verdict is Verdict.OK:
            self.epoch, self.fence = kept.epoch, kept.fence
        return answer

    async def _run(self, script: str, *words: Word) -> Answer:
        verdict, seen = await self._scripts[script](self._keys, words)
        return Answer(Verdict(verdict.decode()), seen.decode(errors="replace"))


def _kept(
    fields: Mapping[bytes, bytes],
    plans: Mapping[bytes, bytes],
    ended: Iterable[tuple[bytes, float]],
    held: Mapping[bytes, bytes],
) -> Kept:
    texts = {name: fields[name.encode()].decode() for name in FIELDS}
    numbers = {name: _whole(name, text) for name, text in texts.items() if name not in {"epoch", "day"}}
    reserved = {plan.decode(): _whole("reserved", units.decode()) for plan, units in plans.items()}
    recent = tuple(
        (Instant(int(ms) * NS_PER_MS), _whole("results", name.decode().rpartition(":")[2])) for name, ms in ended
    )
    latches = tuple(sorted((_LATCH.decode(raw) for raw in held.values()), key=lambda latch: (latch.at, latch.name)))
    counts = (len(reserved), len(recent), len(latches))
    if counts != (numbers["plans"], numbers["results"], numbers["latches"]):
        raise ValueError(f"its plans, results or latches are not all there: {counts}")
    if any(units <= 0 for units in reserved.values()) or sum(reserved.values()) != numbers["reserved_units"]:
        raise ValueError("its worst cases do not add up to reserved_units")
    losses = LossMemory(
        day=texts["day"],
        day_units=numbers["day_units"],
        total_units=numbers["total_units"],
        recent=recent,
        reserved=reserved,
    )
    memory = GuardMemory(sequence=numbers["sequence"], losses=losses, latches=latches)
    return Kept(texts["epoch"], numbers["fence"], memory)


def _whole(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text) or not -EXACT < int(text) < EXACT:
        raise ValueError(f"{name} is not a whole number below 2^53: {text[:40]!a}")
    return int(text)


def _stops_all(latches: Iterable[Latch]) -> bool:
    return any(not latch.scope for latch in latches)


def _one_line(error: Exception) -> str:
    return f"has no {error.args[0]!a}" if isinstance(error, KeyError) else " ".join(str(error).split())[:200]
