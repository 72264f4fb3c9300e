"""Which core is whose: what is measured has the last one, the venues and all else the others. It measures nothing.

Left to the scheduler both ends of a socket share a core in some rounds and not in others, and that differs by more than
what is looked for. A real venue shares no core with its clients.
"""

import os
import sys
from contextlib import suppress
from typing import Final

ALL: Final = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset[int]()
ARE_SHARED_OUT: Final = len(ALL) > 1


def keep_away() -> None:
    """Leave the last core to what is measured; what we start from now on does so too, unless it is placed there."""
    if ARE_SHARED_OUT:
        os.sched_setaffinity(0, ALL - {max(ALL)})


def place(pid: int) -> None:
    """Put a process that has just been started, and is what is measured, on the last core."""
    if ARE_SHARED_OUT:
        with suppress(ProcessLookupError):  # who waits for it will find that it ended
            os.sched_setaffinity(pid, {max(ALL)})
