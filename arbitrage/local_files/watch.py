"""OperatorWatch: looks at mailbox and halt file twenty times a second and tells the engine. It decides nothing."""

import asyncio
from typing import Final

import structlog

from arbitrage.domain.events import Command, OperatorCommand
from arbitrage.domain.instants import Instant
from arbitrage.local_files.halt_file import Appearance, HaltFile
from arbitrage.local_files.mailbox import Mailbox, Request
from arbitrage.ports import Clock, Emit

log = structlog.get_logger()

POLL_S: Final = 0.05


class OperatorWatch:
    """Turns what people leave in STATE_DIR into events."""

    def __init__(self, mailbox: Mailbox, halt_file: HaltFile, clock: Clock) -> None:
        self._mailbox = mailbox
        self._halt_file = halt_file
        self._clock = clock
        self._seen: Appearance | None = None

    async def watch(self, emit: Emit) -> None:
        """Look each 50 ms until cancelled."""
        while True:
            self.look(emit)
            await asyncio.sleep(POLL_S)

    def look(self, emit: Emit) -> None:
        """Tell of the requests that came, then of a halt file that appeared since the last look.

        The halt file comes last, so that a `resume` taken in the same look does not undo it.
        """
        taken = self._mailbox.take()
        for name, reason in taken.refused:
            log.warning("command_refused", file=name, reason=reason)
        for request in taken.requests:
            emit(_command(request, self._clock.now()))
        self._look_for_halt(emit)

    def _look_for_halt(self, emit: Emit) -> None:
        appearance = self._halt_file.appearance()
        if appearance is not None and appearance != self._seen:
            now = self._clock.now()
            why = self._halt_file.read() or "the halt file was there for a moment"
            emit(OperatorCommand(at=now, command=Command.HALT, who="halt file", why=why, given_at=now))
        self._seen = appearance


def _command(request: Request, now: Instant) -> OperatorCommand:
    return OperatorCommand(
        at=now,
        command=request.command,
        who=request.who,
        why=request.why,
        # a request from the future, by a clock that was wrong, must not clear what is set after it came
        given_at=min(request.given_at, now),
        latch=request.latch,
        limit=request.limit,
        value=request.value,
        alert=request.alert,
    )
