"""A daemon as its operator knows it: it looks into mailbox and halt file, and keeps latches as the real guard does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from arbitrage.clock import SystemClock
from arbitrage.domain.events import Command, Event, OperatorCommand
from arbitrage.domain.guarding import GuardMemory, Latch, LatchKind
from arbitrage.local_files import HaltFile, LatchFile, Mailbox
from arbitrage.local_files.watch import OperatorWatch
from liveguard.keeper import Keeper

LOOK_S: Final = 0.01


def account_dir(folder: Path, app_env: str = "local") -> Path:
    """The folder of Shadow's account in a STATE_DIR."""
    made = folder / f"arbitrage-shadow-{app_env}"
    made.mkdir(exist_ok=True)
    return made


class OperatedDaemon:
    """Obeys what it finds in `folder`, its STATE_DIR, while it runs. `heard` is everything that it was told.

    `when_told` is called with each command, for what only a test's own daemon does.
    """

    def __init__(
        self, folder: Path, *latches: Latch, when_told: Callable[[OperatorCommand], None] = lambda command: None
    ) -> None:
        self._when_told = when_told
        self.heard: list[OperatorCommand] = []
        self._keeper = Keeper(GuardMemory(latches=latches), cooldown_s=60)
        self._latch_file = LatchFile(account_dir(folder) / "latches.json")
        self._latch_file.write(latches)
        self._watch = OperatorWatch(Mailbox(folder / "commands"), HaltFile(folder / "HALT"), SystemClock())
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator["OperatedDaemon"]:
        """Look and obey until the block ends."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            self._watch.look(self._hear)

    def _hear(self, event: Event) -> None:
        assert isinstance(event, OperatorCommand)
        self.heard.append(event)
        if event.command is Command.HALT:
            self._keeper.latch(LatchKind.OPERATOR, event.at, event.why, who=event.who)
        if event.command is Command.RESUME:
            self._keeper.resume(event.at, event.who, event.why, given_at=event.given_at, name=event.latch)
        self._latch_file.write(tuple(self._keeper.latches))
        self._when_told(event)
