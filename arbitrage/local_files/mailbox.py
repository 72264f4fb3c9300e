"""Mailbox: how an operator's command reaches a running daemon with everything else dead. It obeys nothing itself.

One file is one command. It is written under another name first and renamed, so that a file that can be seen is whole.
"""

import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from arbitrage.domain.events import Command
from arbitrage.domain.instants import Instant
from arbitrage.local_files.durable import read_bounded, replace_file

MOST_BYTES: Final = 4_096
MOST_AT_ONCE: Final = 16
MOST_CHARACTERS: Final = 300
MOST_DIGITS: Final = 15
"""In front of the point of a limit's value: more than any limit may have."""

SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks, who that is, why, and when it was asked. Raises ValueError for what no daemon would obey.

    RESUME may name one `latch`, ACK one `alert`; LOWER names a `limit` and its new `value`.
    """

    command: Command
    who: str
    why: str
    given_at: Instant
    limit: str = ""
    value: Decimal = Decimal(0)
    latch: str = ""
    alert: str = ""

    def __post_init__(self) -> None:
        for name in ("who", "why", "latch", "alert", "limit"):
            text = getattr(self, name)
            if not (text.isprintable() and len(text) <= MOST_CHARACTERS):
                raise ValueError(f"{name} must be one line of at most {MOST_CHARACTERS} printable characters")
        if not (self.who.strip() and self.why.strip()):
            raise ValueError("a command needs to say who and why")
        # finiteness first: the exponent of NaN cannot be compared
        if not (self.value.is_finite() and abs(self.value.adjusted()) <= MOST_DIGITS):
            raise ValueError("value must be a number of a limit's size")


@dataclass(frozen=True, slots=True)
class Taken:
    """What lay in the mailbox: requests, oldest first, and (name, reason) of the files that are none."""

    requests: tuple[Request, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


_NOTHING: Final = Taken()
_decoder: Final = msgspec.json.Decoder(Request)


class Mailbox:
    """A folder that commands are dropped into and taken from, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._aside = folder.with_name(f"{folder.name}.refused")
        self._stuck: set[str] = set()

    def drop(self, request: Request) -> Path:
        """Put a request in; return its file, which is gone once a daemon took it. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{request.given_at:020d}-{os.getpid()}-{request.command}{SUFFIX}"
        replace_file(path, msgspec.json.encode(request))
        return path

    def take(self) -> Taken:
        """Take out the oldest requests, at most 16. A file that is none is moved aside, never obeyed."""
        try:
            names = [name for name in os.listdir(self._folder) if name.endswith(SUFFIX)]
        except OSError:  # no folder, no requests; a halt still works by its file
            return _NOTHING
        if not names:
            return _NOTHING
        requests, refused = [], []
        for name in sorted(set(names) - self._stuck)[:MOST_AT_ONCE]:
            try:
                requests.append(self._take_one(name))
            except FileNotFoundError:  # the one who dropped it took it back
                continue
            except (OSError, ValueError) as error:
                self._move_aside(name)
                refused.append((ascii(name)[:MOST_CHARACTERS], str(error)[:MOST_CHARACTERS]))
        return Taken(tuple(requests), tuple(refused))

    def _take_one(self, name: str) -> Request:
        path = self._folder / name
        request = _decoder.decode(read_bounded(path, MOST_BYTES))
        try:
            path.unlink()  # before it is obeyed: what cannot be removed would be obeyed again and again
        except FileNotFoundError:
            raise
        except OSError:
            if request.command is not Command.HALT:
                raise
            self._stuck.add(name)
        return request

    def _move_aside(self, name: str) -> None:
        try:
            self._aside.mkdir(mode=0o700, exist_ok=True)
            (self._folder / name).rename(self._aside / name)
        except OSError:
            self._stuck.add(name)
