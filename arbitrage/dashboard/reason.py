"""A person's reason as it may be kept and shown: one line, not too long."""

from typing import Final

LONGEST_REASON: Final = 200
"""As much of it as the daemon takes over."""


def one_line(text: str) -> str:
    """Return a text in one line of printable characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
