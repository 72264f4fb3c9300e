"""What a process does to the outside, counted step by step, so that a test lets it die, or something happen, at any."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha1

from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.intents import Intent, ReportGuard, ReportPlanEnd, SubmitPlan
from arbitrage.intents import IntentLog, LogDamaged, Logged
from arbitrage.ports import Sink
from arbitrage.state.guard_scripts import CHECK, CLAIM, KEEP, RESERVE, SETTLE, WRITE
from arbitrage.state.keys import RedisAddress
from arbitrage.state.link import APPLY_BATCH

_TEXTS = {
    "rows": APPLY_BATCH,
    "claim": CLAIM,
    "check": CHECK,
    "reserve": RESERVE,
    "settle": SETTLE,
    "keep": KEEP,
    "write": WRITE,
}
_SCRIPTS = {sha1(text.encode(), usedforsecurity=False).hexdigest().encode(): name for name, text in _TEXTS.items()}


Step = int | tuple[str, int]


class Killed(BaseException):
    """The process is gone. No Exception: nothing in it may catch this and go on."""


class Steps:
    """Counts steps. At those in `happenings` something happens, such as `Steps.die`.

    A step is named by its number from 0, or by its name and which of that name it is, from 1.
    """

    def __init__(self, happenings: "Mapping[Step, Callable[[Steps], None]] | None" = None) -> None:
        self.names: list[str] = []
        self.is_dead = False
        self._happenings = happenings or {}

    def take(self, name: str) -> None:
        """Take the next step. Raises Killed if the process dies at it, or is dead: then it has no effect any more."""
        if self.is_dead:
            raise Killed(name)
        self.names.append(name)
        for step in (len(self.names) - 1, (name, self.names.count(name))):
            if step in self._happenings:
                self._happenings[step](self)

    def die(self) -> None:
        """Let the process be gone. Raises Killed."""
        self.is_dead = True
        raise Killed(self.names[-1])


class WatchedLog:
    """An intent log of which every line is two steps: before it is written, and after."""

    def __init__(self, log: IntentLog, steps: Steps) -> None:
        self._log = log
        self._steps = steps

    @property
    def logged(self) -> Logged | None:
        return self._log.logged

    @property
    def damage(self) -> LogDamaged | None:
        return self._log.damage

    def note(self, intent: SubmitPlan | ReportPlanEnd | ReportGuard) -> None:
        name = type(intent).__name__
        self._steps.take(f"{name} decided")
        self._log.note(intent)
        self._steps.take(f"{name} noted")

    def rebase(self, namespace: str, epoch: str, memory: GuardMemory) -> None:
        self._steps.take("rebase decided")
        self._log.rebase(namespace, epoch, memory)
        self._steps.take("rebased")


class WatchedSink:
    """A sink before which a process can die: what happened is in the log, but nobody else was told."""

    def __init__(self, sink: Sink, steps: Steps) -> None:
        self._sink = sink
        self._steps = steps
        self.told = 0

    def publish(self, intent: Intent) -> None:
        self._steps.take(f"{type(intent).__name__} to {type(self._sink).__name__}")
        self._sink.publish(intent)
        self.told += 1


class Wire:
    """Stands between a process and its Redis: each request is a step before it is passed on, each reply as well.

    When the process dies, the wire hangs: what was not passed on never is.
    """

    def __init__(self, server: RedisAddress, steps: Steps) -> None:
        self.looked = asyncio.Event()  # the process has looked at the state, or will never again
        self._server = server
        self._steps = steps
        self._asked = ""
        self._pumps: list[asyncio.Task[None]] = []
        self._ends: list[asyncio.StreamWriter] = []

    async def open(self) -> RedisAddress:
        """Listen on a free port, and return where."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return replace(self._server, port=self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Let go of every connection."""
        self._listener.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for end in self._ends:
            end.close()
            with suppress(OSError):
                await end.wait_closed()

    async def _serve(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far_in, far_out = await asyncio.open_connection(self._server.host, self._server.port)
        self._ends += [near_out, far_out]
        self._pumps.append(asyncio.create_task(self._pump(near_in, far_out, self._on_request)))
        self._pumps.append(asyncio.create_task(self._pump(far_in, near_out, self._on_reply)))

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, see: Callable[[bytes], None]
    ) -> None:
        try:
            while data := await source.read(1 << 20):
                see(data)
                sink.write(data)
            sink.close()
        except Killed:
            self.looked.set()

    def _on_request(self, data: bytes) -> None:
        self._asked = _named(data)
        self._steps.take(f"{self._asked} asked")

    def _on_reply(self, _: bytes) -> None:
        self._steps.take(f"{self._asked} answered")
        if self._asked == "XREAD commands":  # a turn of the state manager: it looks, reads commands, and writes
            self.looked.set()


def _named(request: bytes) -> str:
    words = [word for word in request.split(b"\r\n") if word[:1] not in {b"*", b"$"}]
    if words[0] == b"EVALSHA":
        return _SCRIPTS.get(words[1], "a script")
    if words[0] == b"MULTI":
        key = words[5] if words[1] == b"XREAD" else words[2]
        return f"{words[1].decode()} {key.rpartition(b':')[2].decode()}"
    return words[0].decode()
