"""Finds the recordings of the real venues, and reads them. A test that needs them is skipped where they are absent."""

import ast
import os
import re
from collections.abc import Iterator
from gzip import open as open_gzip
from pathlib import Path

import pytest

_BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "recordings"
_STAMPED = re.compile(r"(?P<at>[0-9]{10}\.[0-9]+): (?P<payload>b'.*'|\{.*\})", re.DOTALL)
_NANOSECONDS = re.compile(r"(?P<at>[0-9]{19}) (?P<payload>\{.*\})", re.DOTALL)


def recordings() -> Path:
    """Return the folder of recordings: ARBITRAGE_RECORDINGS, or the one beside the checkout. Skips if there is none."""
    folder = Path(os.environ.get("ARBITRAGE_RECORDINGS") or _BESIDE_THE_CHECKOUT)
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}; set ARBITRAGE_RECORDINGS")
    return folder


def websocket_frames(session: Path) -> Iterator[tuple[int, bytes]]:
    """Read a session's frames with their arrival in ns. Leaves out REST answers and the recorder's notes."""
    with open_gzip(session, "rt", encoding="utf-8") as lines:
        for line in lines:
            found = _NANOSECONDS.fullmatch(line.rstrip("\n")) or _STAMPED.fullmatch(line.rstrip("\n"))
            if found and not found["payload"].startswith('{"lastUpdateId"'):
                yield _arrival_ns(found["at"]), _payload(found["payload"])


def _arrival_ns(text: str) -> int:
    return int(text) if text.isdigit() else round(float(text) * 1e9)


def _payload(text: str) -> bytes:
    return ast.literal_eval(text) if text.startswith("b'") else text.encode()
