"""GuardKeeper: one run's account of losses and latches in Redis: agreed at start, carried on entry by entry.

It judges no plan. It says when Redis does not hold our account any more; what then happens is the policy it was given.
"""

import secrets
from dataclasses import replace

import structlog

from arbitrage.domain.errors import StateHeld, StateUnavailable
from arbitrage.domain.events import StateForeign, StateRestored
from arbitrage.domain.guarding import GuardAct, GuardMemory, LatchKind
from arbitrage.domain.intents import ReportGuard
from arbitrage.ports import Clock, Emit
from arbitrage.state.agreement import (
    STATE_LATCHES,
    Accord,
    Agreement,
    Checkpoint,
    Damaged,
    Kept,
    Logged,
    agree,
    same_account,
    with_latch,
)
from arbitrage.state.guard_account import GuardAccount
from arbitrage.state.guard_store import TAKEN, Answer, Entry, GuardDamaged, GuardStore, Verdict
from arbitrage.state.guard_wiring import ForeignPolicy, GuardWiring, LossLimits
from arbitrage.state.keys import StateKeys
from arbitrage.state.link import StateLink

log = structlog.get_logger()


class GuardKeeper:
    """Keeps the account of one run: `open` once, then `take` each entry in its order, and `look` in between.

    `told` gathers in words what a person should find in the journal; who writes the journal takes it from there.
    """

    def __init__(self, link: StateLink, wiring: GuardWiring, clock: Clock, emit: Emit) -> None:
        self.told: list[str] = []
        self._store = GuardStore(link, StateKeys(wiring.namespace))
        self._wiring = wiring
        self._clock = clock
        self._emit = emit
        self._ours = Kept("", 0, GuardMemory())
        self._account = GuardAccount(GuardMemory())
        self._rebased: Checkpoint | None = None
        self._limits = LossLimits(0, 0)
        self._detached = False
        self._owed = ""

    async def open(self) -> Kept:
        """Agree with Redis and the log on the account, make it ours, and return it with its epoch and our fence.

        The sequence goes on above the fence: see `Agreement.fence`. Raises StateUnavailable if Redis or the log cannot
        be read or written; may be called again.
        """
        kept = await self._read()
        agreement = agree(self._logged(), kept, self._wiring.namespace)
        stopped = agreement.accord is Accord.STOP and self._wiring.on_foreign is ForeignPolicy.STOP
        memory = with_latch(agreement, self._clock.now()) if stopped else agreement.memory
        self._ours = Kept(agreement.epoch or secrets.token_hex(3), agreement.fence + 1, memory)
        self._account = GuardAccount(memory)
        self._limits = self._wiring.limits()
        self._tell(agreement)
        # the log first: a crash in between leaves a log that Redis can be healed from
        self._rebase()
        self._detached = stopped
        if not stopped:
            await self._make_ours(kept)
        return replace(self._ours, memory=replace(memory, sequence=max(memory.sequence, self._ours.fence)))

    async def take(self, entry: Entry) -> None:
        """Take an entry in, once, however often it is given. Raises StateUnavailable, StateHeld."""
        if self._detached:
            self._fold(entry)
            if not _clears_state(entry):
                return
            self._detached, self._owed = False, "a person cleared the latch"
        await self._write_owed()
        answer = await self._store.take(entry, self._limits_for(entry), self._account.sequence)
        self._refuse_if_fenced(answer)
        self._fold(entry)
        if answer.verdict is Verdict.UNKNOWN:
            log.warning("guard_end_unknown", sequence=entry.sequence, seen=answer.seen)
        if answer.verdict not in TAKEN:
            await self._disagree(answer)
        elif _clears_state(entry):
            log.info("guard_state_restored")
            self._emit(StateRestored(self._clock.now()))

    async def look(self) -> None:
        """See whether the account is still there, whole and ours. Raises StateUnavailable, StateHeld."""
        if self._detached:
            return
        await self._write_owed()
        answer = await self._store.check(self._account.sequence)
        self._refuse_if_fenced(answer)
        if answer.verdict is not Verdict.OK:
            await self._disagree(answer)

    async def _read(self) -> Kept | Damaged | None:
        try:
            return await self._store.read()
        except GuardDamaged as damaged:
            return Damaged(str(damaged))

    def _logged(self) -> Logged | Damaged | None:
        if self._rebased is not None:
            return self._rebased
        damage = self._wiring.intents.damage
        return Damaged(str(damage)) if damage is not None else self._wiring.intents.logged

    def _rebase(self) -> None:
        logged, ours = self._logged(), Checkpoint(self._wiring.namespace, self._ours.epoch, self._ours.memory)
        if _says(logged, ours):
            return
        try:
            self._wiring.intents.rebase(ours.namespace, ours.epoch, ours.memory)
        except OSError as error:
            raise StateUnavailable(f"the intent log cannot be begun anew: {error.strerror or error}") from error
        self._rebased = ours

    async def _make_ours(self, kept: Kept | Damaged | None) -> None:
        ours = self._ours
        if isinstance(kept, Kept) and kept.epoch == ours.epoch and same_account(kept.memory, ours.memory):
            answer = await self._store.claim(ours.epoch, ours.fence - 1)
            self._ours = replace(ours, fence=self._store.fence)
        else:
            answer = await self._store.restore(ours)
        self._refuse_if_fenced(answer)
        if answer.verdict is not Verdict.OK:
            raise StateUnavailable(f"the guard's account changed while it was being claimed: {answer.seen}")

    async def _disagree(self, answer: Answer) -> None:
        """Redis does not hold our account. What is only older is ours to write again; else the policy decides."""
        why = f"{answer.verdict}: {answer.seen}"
        if answer.verdict is Verdict.BEHIND or self._wiring.on_foreign is ForeignPolicy.HEAL:
            self._owed = why
            await self._write_owed()
            return
        self._detached = True
        kind = LatchKind.EMPTIED_STATE if answer.verdict is Verdict.EMPTIED else LatchKind.FOREIGN_STATE
        log.error("guard_state_foreign", kind=kind.value, reason=why)
        self._emit(StateForeign(self._clock.now(), kind, why))

    async def _write_owed(self) -> None:
        if not self._owed:
            return
        answer = await self._store.restore(replace(self._ours, memory=self._account.memory))
        self._refuse_if_fenced(answer)
        if answer.verdict is not Verdict.OK:
            raise StateUnavailable(f"the guard's account changed while it was being written: {answer.seen}")
        log.error("guard_rewritten", namespace=self._wiring.namespace, because=self._owed)
        self.told.append(f"written to Redis again, because {self._owed}")
        self._owed = ""

    def _fold(self, entry: Entry) -> None:
        try:
            self._account.take(entry)
        except ValueError as error:  # Redis and the intent log refuse such an entry too
            log.error("guard_entry_unsound", sequence=entry.sequence, reason=str(error))

    def _limits_for(self, entry: Entry) -> LossLimits:
        if _lowers(entry):  # not sooner: what was decided before it was decided by the limits before it
            self._limits = self._wiring.limits()
        return self._limits

    def _refuse_if_fenced(self, answer: Answer) -> None:
        if answer.verdict is Verdict.FENCED:
            raise StateHeld(f"another daemon took over the account {self._wiring.namespace}; this one ends")

    def _tell(self, agreement: Agreement) -> None:
        if agreement.accord is Accord.GO_ON:
            return
        heard = {"accord": agreement.accord.value, "sequence": agreement.memory.sequence, "why": agreement.why}
        tell = log.info if agreement.accord is Accord.START_NEW else log.warning
        tell("guard_agreed", namespace=self._wiring.namespace, policy=self._wiring.on_foreign.value, **heard)
        self.told.append(f"{agreement.accord}: {agreement.why}" if agreement.why else agreement.accord.value)


def _says(logged: Logged | Damaged | None, ours: Checkpoint) -> bool:
    return (
        logged is not None
        and not isinstance(logged, Damaged)
        and (logged.namespace, logged.epoch) == (ours.namespace, ours.epoch)
        and same_account(logged.memory, ours.memory)
    )


def _clears_state(entry: Entry) -> bool:
    if not isinstance(entry, ReportGuard) or any(latch.kind in STATE_LATCHES for latch in entry.latches):
        return False
    return any(act.act is GuardAct.UNLATCHED and act.name in STATE_LATCHES for act in entry.entries)


def _lowers(entry: Entry) -> bool:
    return isinstance(entry, ReportGuard) and any(act.act is GuardAct.LOWERED for act in entry.entries)
