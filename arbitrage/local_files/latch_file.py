"""The latches on this machine: one that stands here holds, whatever Redis and the intent log say. It judges nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.local_files.durable import read_bounded, replace_file

MOST_BYTES: Final = 1_000_000


class _Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    latches: tuple[Latch, ...]


_decoder: Final = msgspec.json.Decoder(_Contents)


class LatchFile:
    """The file that repeats every latch that holds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, latches: Sequence[Latch]) -> None:
        """Replace what the file holds, to the disk. Raises OSError; then it holds what it held before."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(_Contents(tuple(latches))), indent=1)
        replace_file(self._path, text + b"\n")

    def read(self) -> tuple[Latch, ...]:
        """Return the latches; none if there is no file. A file that cannot be understood is itself a latch."""
        try:
            return _decoder.decode(read_bounded(self._path, MOST_BYTES)).latches
        except FileNotFoundError:
            return ()
        except OSError as error:
            return (self._unreadable(error.strerror or "unknown"),)
        except ValueError as error:
            return (self._unreadable(str(error)),)

    def remove(self) -> None:
        """Remove the file, if there is one. Raises OSError if it stays."""
        self._path.unlink(missing_ok=True)

    def _unreadable(self, reason: str) -> Latch:
        why = f"{self._path} cannot be understood ({reason}): which latches held is not known"
        return Latch(kind=LatchKind.FOREIGN_STATE, at=Instant(0), why=why, who="latch file", day="")
