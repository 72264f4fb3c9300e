"""What we own on each venue, and what plans in flight have spoken for. It counts; it does not decide."""

from collections.abc import Mapping
from decimal import Decimal

from arbitrage.domain.instruments import Instrument, Side, Venue
from arbitrage.domain.money import KRW, USDT
from arbitrage.domain.plans import Fill, Order

Balances = Mapping[Venue, Mapping[str, Decimal]]

_ZERO = Decimal(0)


class Inventory:
    """Balances by venue and currency. A currency that was never given is unknown, which is not the same as zero."""

    def __init__(self, balances: Balances | None = None) -> None:
        self._owned: dict[Venue, dict[str, Decimal]] = {venue: {} for venue in Venue}
        self._reserved: dict[tuple[str, Venue], tuple[str, Decimal]] = {}
        self.replace(balances or {})

    def start_over(self) -> None:
        """Forget everything, also what plans in flight have spoken for: what they come to is not ours any more."""
        self._owned = {venue: {} for venue in Venue}
        self._reserved.clear()

    def replace(self, balances: Balances) -> None:
        """Forget what was owned and take these balances; what is spoken for stays so."""
        self._owned = {venue: dict(balances.get(venue, {})) for venue in Venue}

    def knows(self, venue: Venue, currency: str) -> bool:
        """Say whether this currency was ever given."""
        return currency in self._owned[venue]

    def give(self, venue: Venue, currency: str, amount: Decimal) -> None:
        """Set what we own of a currency."""
        self._owned[venue][currency] = amount

    def free(self, venue: Venue, currency: str) -> Decimal:
        """Return what is owned less what plans in flight have spoken for; nothing where it is unknown."""
        owned = self._owned[venue].get(currency, _ZERO)
        for (_, at), (reserved, amount) in self._reserved.items():
            if at is venue and reserved == currency:
                owned -= amount
        return owned

    def reserve(self, order: Order, instrument: Instrument) -> None:
        """Speak for what an order can use at the most: the base of a sale, or the limit price and fee of a buy."""
        if order.side is Side.SELL:
            spoken_for = (instrument.base, order.quantity)
        else:
            fee_on_top = instrument.taker_fee if instrument.venue is Venue.UPBIT else _ZERO
            spoken_for = (instrument.quote, order.quantity * order.limit_price * (1 + fee_on_top))
        self._reserved[order.client_id, order.venue] = spoken_for

    def release(self, order: Order) -> bool:
        """Let go of what an order had spoken for; False if that was nothing."""
        return self._reserved.pop((order.client_id, order.venue), None) is not None

    def settle(self, order: Order, instrument: Instrument, fill: Fill) -> None:
        """Book what an order came to, and let go of what it had spoken for; if that was nothing, nothing is booked."""
        if not self.release(order):
            return
        owned = self._owned[order.venue]
        for currency, change in moves_of(order, instrument, fill):
            if currency in owned:  # a change of what is not known leaves it unknown
                owned[currency] += change

    def owned(self, venue: Venue, currency: str) -> Decimal:
        """Return what is owned of a currency, spoken for or not; nothing where it is unknown."""
        return self._owned[venue].get(currency, _ZERO)

    def traded(self, base: str) -> Balances:
        """Return what is owned of the currencies of a pair, as far as it is known."""
        pair = {Venue.UPBIT: (base, KRW), Venue.BINANCE: (base, USDT)}
        return {
            venue: {currency: self._owned[venue][currency] for currency in currencies if self.knows(venue, currency)}
            for venue, currencies in pair.items()
        }

    def move(self, venue: Venue, currency: str, change: Decimal) -> None:
        """Book funds that people moved."""
        self._owned[venue][currency] = self.owned(venue, currency) + change

    def shown(self) -> dict[str, dict[str, Decimal]]:
        """Return a copy for people and for the state."""
        return {venue.value: dict(amounts) for venue, amounts in self._owned.items()}


def moves_of(order: Order, instrument: Instrument, fill: Fill) -> tuple[tuple[str, Decimal], ...]:
    """Return what a fill changes on the order's venue, as (currency, change)."""
    return (
        (instrument.base, order.side.sign * fill.quantity),
        (instrument.quote, -order.side.sign * fill.funds),
        (fill.fee_currency, -fill.fee),
    )
