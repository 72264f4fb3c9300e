"""What is sent to Binance: each request as bytes, signed and stamped. It sends nothing and reads no reply.

What is the same in every request of a kind is written once; for an order that leaves four values, the time and the
signature. Parameters: binance-spot-api-docs, rest-api, "Trading endpoints" and "Account endpoints".
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import NS_PER_MS, Nanos
from arbitrage.domain.instruments import Side
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Order
from arbitrage.exchange.binance_signing import BinanceSigner, encoded
from arbitrage.exchange.keys import ApiKeys
from arbitrage.ports import Clock
from arbitrage.wire.http_address import HttpAddress, RequestForm

RECV_WINDOW_MS: Final = 2_000
"""How old an order may be when it reaches the matching engine: what bounds a late arrival (design, section 6)."""

ORDER: Final = "/api/v3/order"
TIME: Final = "/api/v3/time"

# EXPIRE_TAKER ends our own order where it would meet another one of this account, which may be a person's
_ORDER_TERMS: Final = (
    f"type=LIMIT&timeInForce=IOC&newOrderRespType=FULL&selfTradePreventionMode=EXPIRE_TAKER&recvWindow={RECV_WINDOW_MS}"
)
_SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}

# anything else in a header could begin another one
_KEY_FORM: Final = re.compile(r"[!-~]{1,256}", re.ASCII)

# what percent-encoding leaves as it is (RFC 3986, section 2.3): all ids that we make
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9_.~-]+", re.ASCII)


class BinanceRequests:
    """Writes an account's requests. `skew` is our clock minus the venue's, and is taken off each time stamp.

    Raises ConfigurationError for keys that no header can carry.
    """

    def __init__(self, address: HttpAddress, keys: ApiKeys, clock: Clock) -> None:
        if not _KEY_FORM.fullmatch(keys.access) or not _KEY_FORM.fullmatch(keys.secret):
            raise ConfigurationError("BINANCE_API_KEY and BINANCE_SECRET_KEY must be printable ASCII without spaces")
        self.skew = Nanos(0)
        self._address = address
        self._signed = BinanceSigner(keys.secret.encode("ascii")).signed
        self._clock = clock
        self._key = {"X-MBX-APIKEY": keys.access}
        form_body = {**self._key, "Content-Type": "application/x-www-form-urlencoded"}
        self._place = RequestForm(address, "POST", ORDER, form_body)
        self._find = RequestForm(address, "GET", ORDER, self._key)
        self._cancel = RequestForm(address, "DELETE", ORDER, self._key)
        self._ping = RequestForm(address, "GET", "/api/v3/ping").write()
        self._time = RequestForm(address, "GET", TIME).write()
        self._beginnings: dict[tuple[str, Side], str] = {}
        self._readers: dict[str, RequestForm] = {}

    def place(self, order: Order) -> bytes:
        """Write an immediate-or-cancel limit order, whose reply tells every fill. Parameters go in the body."""
        beginning = self._beginnings.get((order.symbol, order.side))
        if beginning is None:
            beginning = f"symbol={quote(order.symbol, safe='')}&side={_SIDES[order.side]}&{_ORDER_TERMS}"
            self._beginnings[order.symbol, order.side] = beginning
        client_id = order.client_id if _UNRESERVED.fullmatch(order.client_id) else quote(order.client_id, safe="")
        payload = (
            f"{beginning}&quantity={plain(order.quantity)}&price={plain(order.limit_price)}"
            f"&newClientOrderId={client_id}&timestamp={self._now_ms()}"
        )
        return self._place.write(body=self._signed(payload).encode("ascii"))

    def find(self, order: Order) -> bytes:
        """Write the question after an order, by our id."""
        return self._find.write(query=self._by_our_id(order))

    def cancel(self, order: Order) -> bytes:
        """Write the cancel of an order, by our id."""
        return self._cancel.write(query=self._by_our_id(order))

    def read(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Write any signed GET."""
        form = self._readers.get(path)
        if form is None:
            form = self._readers[path] = RequestForm(self._address, "GET", path, self._key)
        return form.write(query=self._stamped(encoded(params or {})))

    def ping(self) -> bytes:
        """Write the cheapest request there is, to keep a connection awake."""
        return self._ping

    def time(self) -> bytes:
        """Write the question for the venue's clock."""
        return self._time

    def _by_our_id(self, order: Order) -> str:
        return self._stamped(encoded({"symbol": order.symbol, "origClientOrderId": order.client_id}))

    def _stamped(self, query: str) -> str:
        between = "&" if query else ""
        return self._signed(f"{query}{between}timestamp={self._now_ms()}")

    def _now_ms(self) -> int:
        return (self._clock.now() - self.skew) // NS_PER_MS
