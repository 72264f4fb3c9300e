"""Run a command that ends when its parent does: `tether.py PARENT COMMAND…`. Standard library only: it runs with -S."""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h; kept across execve


def tether(parent: int) -> None:
    """Ask the kernel for SIGTERM at the end of our parent; where it cannot (not Linux), nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            sys.exit(1)


if __name__ == "__main__":
    tether(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
