"""How often tokens may be tried: who fails goes on waiting for longer, and so does everyone when too many fail.

It knows no token. A lock-out never ends a session that exists, and never keeps anyone from `arbitrage halt`.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.ports import Clock

FREE_TRIES: Final = 5
FREE_TRIES_OF_ALL: Final = 50
LONGEST_WAIT_S: Final = 900
LONGEST_WAIT_OF_ALL_S: Final = 30
"""Short, because it meets those who did nothing wrong as well."""

FORGOTTEN_AFTER_S: Final = 3_600
_MOST_CLIENTS: Final = 1_024
_LARGEST_POWER: Final = 20


_NEVER: Final = Instant(0)


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last: Instant = _NEVER
    locked_until: Instant = _NEVER


class LockOut:
    """Counts failures by client and in all. The wait doubles with each failure beyond the free ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all = _Record()
        self._clients: OrderedDict[str, _Record] = OrderedDict()

    def wait_s(self, client: str) -> int:
        """Return how long a client has to wait before a token of its is looked at; 0 if it need not."""
        now = self._clock.now()
        client_record = self._clients.get(_network(client), _Record())
        left = max(self._all.locked_until, client_record.locked_until) - now
        return max(0, -(-left // NS_PER_S))

    def failed(self, client: str) -> None:
        """Count a wrong token."""
        now = self._clock.now()
        name = _network(client)
        record = self._clients.setdefault(name, _Record())
        self._clients.move_to_end(name)
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        _count(record, now, FREE_TRIES, LONGEST_WAIT_S)
        _count(self._all, now, FREE_TRIES_OF_ALL, LONGEST_WAIT_OF_ALL_S)

    def passed(self, client: str) -> None:
        """Forget a client's failures: it has shown a right token."""
        self._clients.pop(_network(client), None)


def _count(record: _Record, now: Instant, free: int, longest_s: int) -> None:
    if now - record.last > FORGOTTEN_AFTER_S * NS_PER_S:
        record.failures = 0
    record.failures += 1
    record.last = now
    if record.failures >= free:
        wait_s = min(longest_s, 1 << min(record.failures - free, _LARGEST_POWER))
        record.locked_until = Instant(now + wait_s * NS_PER_S)


def _network(client: str) -> str:
    """Return what counts as one client: an address, of IPv6 its network of 64 bits, which one customer owns whole."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else client
