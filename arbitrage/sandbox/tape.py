"""Replays a recording to whoever is subscribed, at its own pace. Reads tapes with a reader of its own; makes no prices.

A line is `<arrival ns> TAB <venue> TAB <opcode> TAB <frame>`, in gzip files named `<venue>-YYYY-MM-DD.tape.gz`.
Upbit frames go out as they were recorded, whatever format and depth a client asked for; Binance frames must have been
recorded from combined streams. A market that the tape lacks is silent, and so is everything after its end.
"""

import asyncio
import gzip
import heapq
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import structlog

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import NS_PER_S
from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.binance_socket import BinanceSockets
from arbitrage.sandbox.upbit_requests import Channel
from arbitrage.sandbox.upbit_socket import UpbitSockets

log = structlog.get_logger()

_LONGEST_LINE: Final = 1 << 20
_FRAMES_BETWEEN_BREATHS: Final = 256
_LISTENER_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, order=True)
class Taped:
    """A recorded frame with its arrival."""

    at_ns: int
    venue: str
    frame: bytes


class _UpbitKind(msgspec.Struct):
    type: str = ""
    code: str = ""
    ty: str = ""
    cd: str = ""


class _BinanceEnvelope(msgspec.Struct):
    stream: str
    data: msgspec.Raw


def tape_files(path: Path) -> list[Path]:
    """Return the tapes in a folder, by name, or the one file that `path` is."""
    if path.is_dir():
        return sorted(path.glob("*.tape.gz"))
    return [path] if path.is_file() else []


def read_tape(path: Path) -> Iterator[Taped]:
    """Yield the frames of a tape file, or of all tapes in a folder, in order of arrival. Bad lines are passed over."""
    files = tape_files(path)
    venues = {file.name.split("-")[0] for file in files}
    # within a venue the days follow each other; the venues run side by side
    runs = ([file for file in files if file.name.split("-")[0] == venue] for venue in sorted(venues))
    return heapq.merge(*(_frames(run) for run in runs), key=lambda taped: taped.at_ns)


class Replay:
    """Plays one tape once, from the moment when somebody listens. Raises ConfigurationError where there is none."""

    def __init__(self, path: Path, speed: float) -> None:
        if not tape_files(path):
            raise ConfigurationError(f"no tape at {path}: give a .tape.gz file, or a folder that holds some")
        self._path = path
        self._speed = speed
        self._last: dict[tuple[str, str], bytes] = {}

    def snapshot(self, channel: Channel) -> bytes | None:
        """Return the market's last replayed frame."""
        return self._last.get((channel.type, channel.code))

    async def run(self, upbit: UpbitSockets, binance: BinanceSockets) -> None:
        """Play to the end."""
        while not (upbit.audience or binance.audience):  # noqa: ASYNC110 - two audiences; an event would have to join them
            await asyncio.sleep(_LISTENER_POLL_S)
        loop = asyncio.get_running_loop()
        start_s, first_ns, count = loop.time(), None, 0
        for count, taped in enumerate(read_tape(self._path), start=1):
            first_ns = taped.at_ns if first_ns is None else first_ns
            wait_s = start_s + (taped.at_ns - first_ns) / NS_PER_S / self._speed - loop.time()
            if wait_s > 0 or count % _FRAMES_BETWEEN_BREATHS == 0:
                await asyncio.sleep(max(0.0, wait_s))
            self._play(taped, upbit, binance)
        log.info("tape_ended", path=str(self._path), frames=count)

    def _play(self, taped: Taped, upbit: UpbitSockets, binance: BinanceSockets) -> None:
        try:
            if taped.venue == Venue.UPBIT:
                kind = msgspec.json.decode(taped.frame, type=_UpbitKind)
                key = (kind.type or kind.ty, kind.code or kind.cd)
                self._last[key] = taped.frame
                upbit.publish(*key, lambda form, depth: taped.frame)
            elif taped.venue == Venue.BINANCE:
                envelope = msgspec.json.decode(taped.frame, type=_BinanceEnvelope)
                data = bytes(envelope.data).decode()
                binance.publish(envelope.stream, lambda: data)
        except (ValueError, RecursionError):
            # a frame that is no market data, such as the answer to a subscription
            return


def _frames(files: Iterable[Path]) -> Iterator[Taped]:
    for file in files:
        try:
            with gzip.open(file, "rb") as lines:
                while line := lines.readline(_LONGEST_LINE):
                    taped = _taped(line)
                    if taped is not None:
                        yield taped
        except (OSError, EOFError, zlib.error) as e:
            log.warning("tape_broken", path=str(file), reason=str(e))


def _taped(line: bytes) -> Taped | None:
    parts = line.rstrip(b"\n").split(b"\t", 3)
    if len(parts) != 4 or parts[2] not in (b"t", b"b") or not (parts[0].isdigit() and len(parts[0]) < 20):
        return None
    return Taped(int(parts[0]), parts[1].decode(errors="replace"), parts[3])
