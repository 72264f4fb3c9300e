"""Upbit's private websocket: what happens to an account's orders and assets, as it happens. There is no snapshot.

The handshake is signed like a request without parameters. Subscriptions and keep-alive are those of the public socket.
"""

from collections.abc import Callable, Collection
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from aiohttp import web

from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.venue_orders import Change, Ended, Traded, VenueOrder, VenueState, VenueTrade
from arbitrage.ports import Clock
from arbitrage.sandbox.connection import Connection
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.upbit_numbers import Format
from arbitrage.sandbox.upbit_private_errors import Refused
from arbitrage.sandbox.upbit_private_figures import Figures, as_accepted, as_it_stands, as_of_trade
from arbitrage.sandbox.upbit_private_frames import OrderNews, assets_frame, order_frame
from arbitrage.sandbox.upbit_private_key import KeyCheck
from arbitrage.sandbox.upbit_private_orders import Register
from arbitrage.sandbox.upbit_requests import ALL_CODES, PRIVATE_TYPES, Channel, Rejected
from arbitrage.sandbox.upbit_socket import Terms, UpbitSockets

_ENDS: Final = {VenueState.FILLED: "done", VenueState.PREVENTED: "prevented"}


class UpbitPrivateSockets:
    """All connections to the private websocket.

    `send_event` puts a frame on a connection; faults replace it to lose, delay, double or reorder what is told.
    """

    def __init__(self, register: Register, key: KeyCheck, clock: Clock, manners: Manners) -> None:
        self.send_event: Callable[[Connection, bytes | str], None] = _send
        self._register = register
        self._floor = register.floor
        self._key = key
        terms = Terms(self._admit, PRIVATE_TYPES)
        self._sockets = UpbitSockets(self._floor.core.instruments, _no_snapshot, clock, manners, terms)
        self._accepted: set[int] = set()
        self._shown: dict[str, Balance] = self._floor.core.account.balances()
        register.on_accepted = self._tell_accepted
        self._floor.subscribe(self._tell)

    @property
    def connections(self) -> set[Connection]:
        """Return the connections that are open."""
        return self._sockets.connections

    @property
    def channels(self) -> Collection[Channel]:
        """Return what somebody listens to."""
        return self._sockets.audience.channels

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        return await self._sockets.handle(request)

    def assets_moved(self) -> None:
        """Tell of balances that have changed since they were last told: after a deposit, for one."""
        balances = self._floor.core.account.balances()
        changed = [(currency, now) for currency, now in balances.items() if self._shown.get(currency) != now]
        self._shown.update(changed)
        if changed:
            at = self._floor.now()
            uuid = str(uuid5(NAMESPACE_URL, f"asset {at}"))
            self._publish("myAsset", ALL_CODES, lambda form: assets_frame(uuid, changed, at, form))

    def _admit(self, request: web.Request) -> Rejected | None:
        try:
            self._key.admit(request.headers.get("Authorization"), request.remote, None)
        except Refused as e:
            return Rejected("INVALID_AUTH", e.message)
        return None

    def _tell(self, change: Change) -> None:
        # an order that was taken on by another way than REST, or matched before that could say so
        self._tell_accepted(change.order)
        match change:
            case Traded(order, trade):
                self._tell_order(order, "trade", as_of_trade(order, trade), trade)
            case Ended(order):
                self._tell_order(order, _ENDS.get(order.state, "cancel"), as_it_stands(order))
        self.assets_moved()

    def _tell_accepted(self, order: VenueOrder) -> None:
        if order.order_id in self._accepted:
            return
        self._accepted.add(order.order_id)
        self._tell_order(order, "wait", as_accepted(order))
        self.assets_moved()

    def _tell_order(self, order: VenueOrder, state: str, figures: Figures, trade: VenueTrade | None = None) -> None:
        uuid, now = self._register.uuid(order), self._floor.now()
        news = OrderNews(order=order, uuid=uuid, state=state, figures=figures, at=now, trade=trade)
        self._publish("myOrder", order.request.symbol, lambda form: order_frame(news, form))

    def _publish(self, kind: str, code: str, write: Callable[[Format], bytes]) -> None:
        audience = self._sockets.audience
        for form in Format:
            # who asked for all markets and for this one still hears of it once
            listeners = {listener for of in {code, ALL_CODES} for listener in audience.of(Channel(kind, of, 0, form))}
            frame = write(form) if listeners else b""
            for listener in listeners:
                self.send_event(listener, frame)


def _send(connection: Connection, frame: bytes | str) -> None:
    connection.send(frame)


def _no_snapshot(_: Channel) -> None:
    return None
