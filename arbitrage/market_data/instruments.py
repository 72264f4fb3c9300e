"""What can be traded now: both venues' instruments put together into pairs. Reading each venue is in its own file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Struct

from arbitrage.domain.events import ClockSample
from arbitrage.domain.instants import NS_PER_MS, Instant, Nanos
from arbitrage.domain.instruments import Instrument, Pair, Universe, Venue
from arbitrage.market_data.instruments_binance import binance_instruments
from arbitrage.market_data.instruments_upbit import upbit_instruments
from arbitrage.ports import Clock
from arbitrage.wire.http import JsonHttp, VenueFailed

FX_BASE: Final = "USDT"
CLOCK_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class MetadataSources:
    """Where the venues are asked."""

    upbit: JsonHttp
    binance: JsonHttp


@dataclass(frozen=True, slots=True)
class Fees:
    """Taker fees as fractions of the notional: 0.0005 is 0.05 %."""

    upbit: Decimal
    binance: Decimal


async def load_universe(wanted: Sequence[str], sources: MetadataSources, fees: Fees) -> Universe:
    """Ask both venues about the wanted base assets. A pair that one of them lacks is left out, with why.

    Raises VenueFailed (a VenueUnreachable) if a venue does not answer, or if Upbit has no KRW-USDT: without an fx
    nothing can be decided.
    """
    bases = tuple(dict.fromkeys(wanted))
    upbit = await upbit_instruments((*bases, FX_BASE), sources.upbit, fees.upbit)
    fx = upbit[FX_BASE]
    if isinstance(fx, str):
        raise VenueFailed(sources.upbit.venue, f"no KRW-USDT to convert with: {fx}")
    on_upbit = [base for base in bases if isinstance(upbit[base], Instrument)]
    binance = await binance_instruments(on_upbit, sources.binance, fees.binance)
    return _universe(bases, fx, upbit, binance)


async def measure_binance_skew(http: JsonHttp, clock: Clock) -> ClockSample:
    """Ask Binance for its time: our clock at the middle of the quickest of three requests, less the time it gave.

    Raises VenueFailed. Upbit has no such question; there the frames' own time stamps must do.
    """
    best: tuple[int, Instant, Nanos] | None = None
    for _ in range(CLOCK_TRIES):  # the first one may carry the connection's handshakes
        asked = clock.now()
        answer = await http.get("/api/v3/time", _ServerTime)
        heard = clock.now()
        skew = Nanos((asked + heard) // 2 - answer.serverTime * NS_PER_MS)
        if best is None or heard - asked < best[0]:
            best = (heard - asked, heard, skew)
    assert best is not None  # CLOCK_TRIES is above zero
    return ClockSample(best[1], Venue.BINANCE, best[2])


class _ServerTime(Struct):
    serverTime: Annotated[int, Meta(ge=0, le=1 << 53)]  # ms


def _universe(
    bases: Sequence[str],
    fx: Instrument,
    upbit: Mapping[str, Instrument | str],
    binance: Mapping[str, Instrument | str],
) -> Universe:
    pairs: list[Pair] = []
    left_out: list[tuple[str, str]] = []
    for base in bases:
        here, there = upbit[base], binance.get(base, "")
        if isinstance(here, str):
            left_out.append((base, here))
        elif isinstance(there, str):
            left_out.append((base, there))
        else:
            pairs.append(Pair(base, here, there))
    return Universe(tuple(pairs), fx, tuple(left_out))
