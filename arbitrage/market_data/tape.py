"""Raw frames with their arrival, in daily gzip files. It neither decodes nor judges; what came is what is kept.

One line a frame: `<arrival ns>\\t<venue>\\t<t|b|x>\\t<payload>\\n`, in `<venue>-YYYY-MM-DD.tape.gz` by the UTC day of
arrival. `t` and `b` are the opcode of a frame that is one line of UTF-8; `x` marks any other, kept as base64. Every
flush adds one whole gzip member, so a file that a crash cut short loses at most its last member.
"""

import base64
import gzip
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue

NS_PER_DAY: Final = 86_400 * NS_PER_S
BASE64: Final = "x"
Batch = Mapping[tuple[Venue, int], list[bytes]]
"""Lines by venue and day since 1970."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK_BYTES: Final = 1 << 20
_GZIP: Final = 31  # zlib's window bits for "a gzip member"


@dataclass(frozen=True, slots=True)
class TapedFrame:
    """One frame as it came. `opcode` is `t`, `b`, or `x` where text and binary were not told apart."""

    at: Instant
    venue: Venue
    opcode: str
    payload: bytes


class TapeWriter:
    """Collects frames and appends them to the day's files. Not for two writers of one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: defaultdict[tuple[Venue, int], list[bytes]] = defaultdict(list)
        self._mended: set[Path] = set()

    def write(self, venue: Venue, opcode: str, payload: bytes, at: Instant) -> None:
        """Keep one frame in memory until the next flush; cheap enough for a frame callback."""
        if not _is_one_line_of_text(payload):
            opcode, payload = BASE64, base64.b64encode(payload)
        line = b"%d\t%s\t%s\t%s\n" % (at, venue.encode(), opcode.encode(), payload)
        self._waiting[venue, at // NS_PER_DAY].append(line)

    def drain(self) -> Batch:
        """Hand over what has collected, to be stored."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        return waiting

    def store(self, batch: Batch) -> None:
        """Append a batch to its files, a gzip member each. May run in a thread; raises OSError if the disk refuses."""
        for (venue, day), lines in batch.items():
            path = self._directory / f"{venue}-{_EPOCH + timedelta(days=day):%Y-%m-%d}.tape.gz"
            if path not in self._mended:
                self._directory.mkdir(parents=True, exist_ok=True)
                mend(path)
                self._mended.add(path)
            with path.open("ab") as file:
                file.write(gzip.compress(b"".join(lines)))

    def flush(self) -> None:
        """Store what has collected, now. Raises OSError if the disk does not take it."""
        self.store(self.drain())


def mend(path: Path) -> None:
    """Cut an incomplete last gzip member off, so that a new one can follow. Does nothing if there is none."""
    if path.exists() and (whole_bytes := _length_of_whole_members(path)) < path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(whole_bytes)


def read_tape(path: Path) -> Iterator[TapedFrame]:
    """Read a tape in order; a cut-off end is the end. Raises ValueError, with its number, for a line of no tape."""
    with gzip.open(path, "rb") as file:
        for number, line in enumerate(_whole_lines(file), start=1):
            try:
                yield _frame_of(line)
            except ValueError as failure:
                raise ValueError(f"{path.name} line {number} is not of a tape: {failure}") from failure


def _frame_of(line: bytes) -> TapedFrame:
    at, venue, opcode, payload = line.rstrip(b"\n").split(b"\t", 3)
    kind = opcode.decode("ascii")
    if kind not in ("t", "b", BASE64):
        raise ValueError(f"unknown opcode {kind[:10]!r}")
    if kind == BASE64:
        payload = base64.b64decode(payload, validate=True)
    return TapedFrame(Instant(int(at)), Venue(venue.decode("ascii")), kind, payload)


def _whole_lines(file: gzip.GzipFile) -> Iterator[bytes]:
    try:
        for line in file:
            if line.endswith(b"\n"):
                yield line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return  # the writer died in the middle of its last member


def _length_of_whole_members(path: Path) -> int:
    """Return how many bytes of a file belong to complete gzip members, counted from its beginning."""
    whole_bytes = fed_bytes = 0
    member = zlib.decompressobj(_GZIP)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            fed_bytes += len(chunk)
            while chunk:
                try:
                    member.decompress(chunk)
                except zlib.error:
                    return whole_bytes
                if not member.eof:
                    break
                chunk = member.unused_data  # the next member begins here
                whole_bytes = fed_bytes - len(chunk)
                member = zlib.decompressobj(_GZIP)
    return whole_bytes


def _is_one_line_of_text(payload: bytes) -> bool:
    if b"\n" in payload or b"\r" in payload:
        return False
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
