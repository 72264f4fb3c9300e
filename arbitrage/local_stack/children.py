"""Child processes that end in good order, and with us if we are killed. It knows nothing of what they do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from arbitrage.domain.errors import ArbitrageError
from arbitrage.domain.instants import NS_PER_S
from arbitrage.ports import Clock

_POLL_S: Final = 0.02
_TETHER: Final = Path(__file__).with_name("tether.py")


class StackError(ArbitrageError):
    """Something could not be started; says what to do."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM came while we were waiting for something."""


class StopSignal:
    """Remembers that someone wants us to end. A second Ctrl-C changes nothing: the ending has its own deadlines."""

    def __init__(self, clock: Clock) -> None:
        self._asked = False
        self._clock = clock
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def wait_for(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Tell whether the condition came true within the limit. Raises Stopped as soon as we are asked to end."""
        deadline = self._clock.now() + int(limit_s * NS_PER_S)
        while not condition():
            if self._clock.now() > deadline:
                return False
            self.pause()
        return True

    def pause(self) -> None:
        """Wait for a moment. Raises Stopped if we are asked to end."""
        if self._asked:
            raise Stopped
        time.sleep(_POLL_S)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, under which name, and how long it may take to end by itself; `farewell` says why that takes long."""

    name: str
    arguments: Sequence[str]
    grace_s: float
    farewell: str = ""
    environ: Mapping[str, str] | None = None
    stdin: str = ""
    output: Path | None = None


class Child:
    """A running command, in a session of its own so that the terminal's Ctrl-C reaches only us."""

    def __init__(self, command: Command) -> None:
        self._command = command
        try:
            output = command.output.open("wb") if command.output else None
        except OSError as error:
            raise StackError(f"cannot write {command.output} ({error.strerror}); whose is it?") from None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *command.arguments],
                env=command.environ,
                stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()
        self._say_to_stdin(command.stdin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """Return None while it runs, else its exit code as a shell shows it."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def stop(self) -> None:
        """Ask it to end, wait for as long as it was promised, then end it and whatever it has started."""
        if self._process.poll() is None:
            if self._command.farewell:
                say(self._command.farewell)
            self._process.terminate()
            try:
                self._process.wait(self._command.grace_s)
            except subprocess.TimeoutExpired:
                say(f"{self._command.name} did not end within {self._command.grace_s} s and is killed")
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def last_words(self) -> str:
        """Return the last line of its output file, which most often says why it ended."""
        if self._command.output is None:
            return ""
        lines = self._command.output.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _say_to_stdin(self, text: str) -> None:
        if self._process.stdin is None:
            return
        try:
            with self._process.stdin as pipe:
                pipe.write(text.encode())
        except BrokenPipeError:
            return  # it ended at once; whoever waits for it will see that


def say(line: str) -> None:
    """Tell the person at the terminal; standard output belongs to the daemon's log."""
    sys.stderr.write(f"run: {line}\n")
    sys.stderr.flush()
