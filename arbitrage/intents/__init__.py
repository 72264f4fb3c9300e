"""The local intent log: what must not be forgotten is in it before an order leaves. It decides nothing."""

from arbitrage.intents.holding import is_being_written
from arbitrage.intents.log import IntentLog
from arbitrage.intents.memory import MemoryIntents
from arbitrage.intents.replay import Entry, Logged, read_log, unclean_ends
from arbitrage.intents.rows import Boot, BootFacts, EndRow, GuardRow, LogDamaged, OrderRow, PlanRow

__all__ = [
    "Boot",
    "BootFacts",
    "EndRow",
    "Entry",
    "GuardRow",
    "IntentLog",
    "LogDamaged",
    "Logged",
    "MemoryIntents",
    "OrderRow",
    "PlanRow",
    "is_being_written",
    "read_log",
    "unclean_ends",
]
