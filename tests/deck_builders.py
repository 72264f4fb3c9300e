"""A flight deck with good books and funds, and what venues tell it: one plan of 0.01 BTC is in flight."""

from decimal import Decimal

from arbitrage.books.market import Market
from arbitrage.domain.events import OrderReply, VenueUp
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Intent, SubmitHedge
from arbitrage.domain.plans import Order, PlanEnd
from arbitrage.execution.numbering import PlanNumbers, opening_orders
from arbitrage.flight_deck import FlightDeck
from arbitrage.ledger.inventory import Inventory
from tests import builders as make
from tests.flight_builders import a_plan, ended
from tests.safety_builders import guard

OWNED = {
    Venue.UPBIT: {"BTC": Decimal(1), "KRW": Decimal(10**9)},
    Venue.BINANCE: {"BTC": Decimal(1), "USDT": Decimal(10**6)},
}


class Deck:
    """A deck with good books, funds, and one plan in flight: 0.01 BTC sold on Upbit and bought on Binance."""

    def __init__(self, *, opened: bool = True) -> None:
        self.market, self.safety = Market(), guard()
        self.market.adopt(make.universe())
        for venue in Venue:
            self.market.note(VenueUp(make.NOON, venue))
        self.books()
        self.inventory = Inventory(OWNED)
        self.deck = FlightDeck(self.safety, self.market, self.inventory, PlanNumbers("abc123", 8))
        self.plan = a_plan()
        self.upbit, self.binance = opening_orders(self.plan)
        self.intents: list[Intent] = []
        if opened:
            self.deck.open(self.plan, make.pair(), (self.upbit, self.binance), make.NOON)

    def books(self, upbit: float = 119_000_000, binance: float = 85_000.0) -> None:
        for book in (
            make.fx(),
            make.upbit_book(upbit, upbit + 1_000),
            make.binance_book(binance, binance + 0.01),
        ):
            self.market.replace(book)

    def hear(self, *replies: OrderReply) -> list[Intent]:
        """Tell words of venues; return what they brought."""
        brought: list[Intent] = []
        for reply in replies:
            brought.extend(self.deck.learn(reply))
        self.intents.extend(brought)
        return brought

    def settle_hedges(self, intents: list[Intent], part: str = "1", ms: float = 0) -> list[Intent]:
        """Let every order that lowers the exposure come to a part of it."""
        return self.hear(*(ended(order, part, ms) for order in hedges(intents)))

    def end(self) -> PlanEnd:
        (end,) = self.deck.ended
        self.deck.ended = []
        return end

    def moved(self) -> dict[tuple[Venue, str], Decimal]:
        """What the plans have changed of what is owned."""
        owned = self.inventory.owned
        changes = {(v, c): owned(v, c) - amount for v, held in OWNED.items() for c, amount in held.items()}
        return {where: change for where, change in changes.items() if change}

    def spoken_for(self) -> bool:
        free, owned = self.inventory.free, self.inventory.owned
        return any(free(v, c) != owned(v, c) for v, held in OWNED.items() for c in held)


def hedges(intents: list[Intent]) -> list[Order]:
    return [intent.order for intent in intents if isinstance(intent, SubmitHedge)]
