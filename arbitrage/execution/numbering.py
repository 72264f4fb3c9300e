"""Ids of plans and orders: deterministic, never reused, readable on a venue's page. No chance, no clock."""

from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Leg, Order, Purpose, TwoLegPlan

ORDER_PREFIX = "arb"
"""What every order id of ours starts with: how recovery tells our orders from other people's."""


class PlanNumbers:
    """Gives out `<epoch>-<fence>-<seq>` for plans and `<prefix>-<plan>-<leg>-<attempt>` for orders.

    Both stay within the 36 characters of [A-Za-z0-9_-] that either venue takes. Epoch and fence come from the state.
    """

    def __init__(self, epoch: str, fence: int) -> None:
        self._stem = f"{epoch}-{fence}"
        self._used = 0

    def next_plan_id(self) -> str:
        """Return the next plan's id without using it up."""
        return f"{self._stem}-{self._used + 1}"

    def use(self) -> None:
        """Use up the number that `next_plan_id` showed."""
        self._used += 1


def opening_orders(plan: TwoLegPlan) -> tuple[Order, Order]:
    """Return the two orders that start a plan, Upbit's first."""
    return _order(plan, plan.upbit), _order(plan, plan.binance)


def client_id_of(plan_id: str, venue: Venue, attempt: int) -> str:
    """Return the id of a plan's order on a venue, attempts counted from 1."""
    tag = "u" if venue is Venue.UPBIT else "b"
    return f"{ORDER_PREFIX}-{plan_id}-{tag}-{attempt}"


def _order(plan: TwoLegPlan, leg: Leg) -> Order:
    return Order(
        client_id=client_id_of(plan.plan_id, leg.venue, 1),
        plan_id=plan.plan_id,
        venue=leg.venue,
        symbol=leg.symbol,
        side=leg.side,
        quantity=leg.quantity,
        limit_price=leg.limit_price,
        purpose=Purpose.OPEN,
        decided_at=plan.decided_at,
        net_edge_bps=plan.net_edge_bps,
    )
