"""Live without venues, with funds on both: calm, with a plan in flight, and after a crash in the middle of one."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from arbitrage.clock import SystemClock
from arbitrage.domain.events import (
    BalancesSeen,
    Command,
    OperatorCommand,
    RecoveryEnded,
    Tick,
)
from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Noted
from arbitrage.domain.plans import Direction, Order, TwoLegPlan
from arbitrage.local_files import Places
from arbitrage.local_keeping import LocalKeeping
from tests import builders as make
from tests.flight_builders import ended
from tests.safety_builders import LiveStory, premium

D = Decimal
U, B = Venue.UPBIT, Venue.BINANCE
OWNED = {U: {"BTC": D(5), "ETH": D(5), "KRW": D(10**9)}, B: {"BTC": D(5), "ETH": D(5), "USDT": D(10**6)}}


class Funded(LiveStory):
    """Live on two calm venues, which have told what is owned there."""

    def __init__(self, *bases: str, owned: Mapping[Venue, Mapping[str, Decimal]] = OWNED, **caps: object) -> None:
        limits = {"max_position_size": D(10_000_000), **caps}
        super().__init__(*bases, past=make.remembered(inventory=owned), **limits)
        self.tell(*(BalancesSeen(make.NOON, venue, owned[venue], is_whole=True) for venue in Venue))
        for base in bases or ("BTC",):
            self.tell(*premium(0, base=base))
        self.tell(Tick(make.NOON))

    def offer(self, ms: float, base: str = "BTC") -> int:
        """Let there be a premium; return how many plans have left since the start."""
        self.tell(*premium(80, at=make.after_ms(ms), base=base))
        return len(self.plans())

    def pass_time(self, until_ms: int, from_ms: int = 1_000, base: str = "BTC") -> None:
        """Let seconds pass, with books that move and nothing to earn."""
        for ms in range(from_ms, until_ms + 1, 1_000):
            self.tell(*premium(0, at=make.after_ms(ms), base=base), Tick(make.after_ms(ms)))

    def hedges(self) -> list[Order]:
        """Every order that left to lower an exposure, the last one last."""
        return sorted(super().hedges(), key=lambda order: order.decided_at)

    def settle(self, ms: float, part: str = "1") -> None:
        """Let the way out that was sent last come to a part of itself."""
        self.tell(ended(self.hedges()[-1], part, ms))

    def asked(self) -> list[Order]:
        return [order for sender in self.senders.values() for order in sender.asks]

    def cancelled(self) -> list[Order]:
        return [order for sender in self.senders.values() for order in sender.cancels]

    def latches(self) -> list[str]:
        return [latch.name for latch in self.safety.keeper.latches]

    def ids(self) -> list[str]:
        return [order.client_id for order in self.sent]

    def net(self) -> Decimal:
        """What all plans have left over."""
        return self.view().positions["BTC"]

    def runway(self, direction: Direction = Direction.SELL_UPBIT) -> int:
        return self.view().runway["BTC"][direction.value]


class Trading(Funded):
    """The same with a plan in flight: sold on Upbit, bought on Binance."""

    def __init__(self, *bases: str, **more: Any) -> None:
        super().__init__(*bases, **more)
        self.offer(0)
        (submitted,) = self.submitted()
        self.plan = submitted.plan
        self.upbit, self.binance = submitted.orders


def command(kind: Command, ms: float) -> OperatorCommand:
    at = make.after_ms(ms)
    return OperatorCommand(at=at, command=kind, who="mina", why="looked at it", given_at=at)


def keeping(folder: Path) -> LocalKeeping:
    """The files of a run in a folder."""
    places = Places(folder, folder / "account", folder / "HALT")
    kept = LocalKeeping(places, lasting=True, clock=SystemClock())
    if kept.intents.logged is None:
        kept.intents.rebase("arbitrage:live:local", "abc123", GuardMemory())
    return kept


class Restarted(Funded):
    """The run after a crash: what the first one had written down is all that it knows.

    `open_in_redis` are the plans that Redis, which is told behind, believes to be in flight; what is owned it knows
    from before them, and `believed` is what the run makes of that.
    """

    def __init__(self, folder: Path, crashed: LiveStory, open_in_redis: tuple[TwoLegPlan, ...] = ()) -> None:
        LiveStory.__init__(self, past=make.remembered(fence=8, inventory=OWNED), max_position_size=D(10_000_000))
        first = keeping(folder)
        for intent in crashed.intents:
            if isinstance(intent, Noted):
                first.intents.note(intent)
        first.end(crashed.at, on_purpose=False)
        again = keeping(folder)
        past = make.remembered(fence=8, open_plans=open_in_redis, inventory=OWNED)
        self.believed = again.owned(past)
        found = [replace(plan, at=crashed.at) for plan in again.recovered(past)]
        again.end(crashed.at, on_purpose=False)
        self.tell(*premium(0, at=crashed.at), *found, RecoveryEnded(crashed.at), Tick(crashed.at))
