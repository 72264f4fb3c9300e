"""Who gives a command, and the reason that every command carries into the journal. It asks nobody but the machine."""

import getpass
import os
import socket

from arbitrage.domain.errors import ConfigurationError
from arbitrage.local_files.mailbox import MOST_CHARACTERS


def login() -> str:
    """Return who gives the command, as login@host; a user without a name is known by number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no entry in its passwd
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def checked_reason(text: str) -> str:
    """Return a reason as it may be kept and shown. Raises ConfigurationError if it says nothing or is no text."""
    reason = " ".join(text.split())
    if not reason:
        raise ConfigurationError("--reason: must say something; it is kept in the journal")
    if len(reason) > MOST_CHARACTERS or not reason.isprintable():
        raise ConfigurationError(f"--reason: must be printable text of at most {MOST_CHARACTERS} characters")
    return reason
