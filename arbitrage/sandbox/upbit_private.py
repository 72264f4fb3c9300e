"""Upbit's private side as one piece: REST and websocket of one account on one floor. Wiring only."""

from aiohttp import web

from arbitrage.ports import Clock
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import Keys
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.upbit_private_key import KeyCheck
from arbitrage.sandbox.upbit_private_orders import Register
from arbitrage.sandbox.upbit_private_rest import UpbitPrivateRest
from arbitrage.sandbox.upbit_private_socket import UpbitPrivateSockets


class UpbitPrivate:
    """One account's REST and websocket. They share its orders, and a nonce used at one is used at the other."""

    def __init__(self, floor: Floor, keys: Keys, clock: Clock, manners: Manners) -> None:
        register = Register(floor)
        key = KeyCheck(keys, floor.knobs, clock)
        self.sockets = UpbitPrivateSockets(register, key, clock, manners)
        self.rest = UpbitPrivateRest(register, key, clock, manners)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under a path prefix, the websocket's included."""
        return [*self.rest.routes(prefix), web.get(f"{prefix}/websocket/v1/private", self.sockets.handle)]
