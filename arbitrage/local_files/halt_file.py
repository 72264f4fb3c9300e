"""The halt file: while it is there, no new plan starts. Anyone may make it, by `touch` too. It judges nothing."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.local_files.durable import read_bounded, replace_file

MOST_BYTES: Final = 4_096
MOST_CHARACTERS: Final = 300

Appearance = tuple[int, int]
"""What tells one halt file from the next: inode, and when it was last written in ns."""


class HaltFile:
    """The file whose mere presence halts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, who: str, why: str, at: Instant) -> None:
        """Make the file, with who, why and when. Raises OSError only if it cannot be there at all."""
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return replace_file(self._path, f"{why} ({who}, {_text(at)})\n".encode(errors="replace"))
        self._path.touch(mode=0o600)  # a full disk may still have room for a name, and the name is what counts

    def read(self) -> str | None:
        """Return what it says, in one line; None if there is none. What cannot be read is there nevertheless."""
        try:
            text = read_bounded(self._path, MOST_BYTES).decode(errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"the halt file is there, and cannot be read: {error.strerror}"
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
        return " ".join(printable.split())[:MOST_CHARACTERS] or "the halt file is there"

    def remove(self) -> None:
        """Remove it, if it is there. Raises OSError if it stays."""
        self._path.unlink(missing_ok=True)

    def appearance(self) -> Appearance | None:
        """Return what tells this file from an earlier one; None if there is none. One look, about a microsecond."""
        try:
            seen = os.lstat(self._path)
        except FileNotFoundError:
            return None
        except OSError:  # whether it is there cannot be told, so it is
            return (0, 0)
        return (seen.st_ino, seen.st_mtime_ns)


def _text(at: Instant) -> str:
    return f"{datetime.fromtimestamp(at // NS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC"
