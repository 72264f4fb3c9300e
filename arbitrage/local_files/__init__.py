"""The small files of STATE_DIR that people and the daemon share: latches, halt file, mailbox. They need no Redis."""

from arbitrage.local_files.halt_file import HaltFile
from arbitrage.local_files.latch_file import LatchFile
from arbitrage.local_files.mailbox import Mailbox, Request, Taken
from arbitrage.local_files.places import Places

__all__ = ["HaltFile", "LatchFile", "Mailbox", "Places", "Request", "Taken"]
