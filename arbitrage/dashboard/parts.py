"""What the API and the page are made of. It makes nothing and decides nothing."""

from dataclasses import dataclass

from arbitrage.dashboard.actions import Actions
from arbitrage.dashboard.reader import Reader
from arbitrage.dashboard.sessions import Entrance
from arbitrage.ports import Clock


@dataclass(frozen=True, slots=True)
class Parts:
    """One dashboard's reader, actions, entrance and clock."""

    reader: Reader
    actions: Actions
    entrance: Entrance
    clock: Clock
