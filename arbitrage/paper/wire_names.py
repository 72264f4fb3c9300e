"""What requests, private events and order ids are called on the wire, so that the sandbox's fault scripts fit here too.

Names only: nothing is sent from here.
"""

from typing import Final

from arbitrage.domain.events import BalancesSeen, FundsMoved, OrderReply
from arbitrage.domain.instruments import Venue

EPOCH: Final = "paper"
"""The epoch that every order id of a scenario carries."""

PLACE: Final = {Venue.UPBIT: "POST /v1/orders", Venue.BINANCE: "POST /api/v3/order"}
ASK: Final = {Venue.UPBIT: "GET /v1/order", Venue.BINANCE: "GET /api/v3/order"}
CANCEL: Final = {Venue.UPBIT: "DELETE /v1/order", Venue.BINANCE: "DELETE /api/v3/order"}
BALANCES: Final = {Venue.UPBIT: "GET /v1/accounts", Venue.BINANCE: "GET /api/v3/account"}
LISTS: Final = {Venue.UPBIT: "GET /v1/orders/open", Venue.BINANCE: "GET /api/v3/openOrders"}

ENDPOINTS: Final = {venue: tuple(which[venue] for which in (PLACE, ASK, CANCEL, BALANCES, LISTS)) for venue in Venue}
"""Every request that there is, by venue: what fault rules can strike."""

WORDS: Final = {
    Venue.UPBIT: {OrderReply: "myOrder", BalancesSeen: "myAsset", FundsMoved: ""},
    Venue.BINANCE: {
        OrderReply: "executionReport",
        BalancesSeen: "outboundAccountPosition",
        FundsMoved: "balanceUpdate",
    },
}
"""What the venues call their private events. Upbit tells of no transfers."""
