"""A process with a sandbox that lists the bench's coins and hardly moves: `python -m tests.bench.play_venues PAIRS`.

Its own books always let the bench's orders through: Upbit's are dearer, Binance's cheaper than in the frames that are
sent. It prints its port, and ends when its input does.
"""

import asyncio
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import uvloop

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.listing import COINS
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.server import Sandbox, SandboxOptions, serve_sandbox
from tests.bench.frames import SEED, coins

ENOUGH = "1000000000"
SPEED = 0.01


async def main(pairs: int) -> None:
    """Serve until nobody is there any more."""
    listed = coins(pairs)
    COINS.update({coin.base: coin for coin in listed})
    with tempfile.TemporaryDirectory() as folder:
        purse = Path(folder) / "balances.yaml"
        held = ", ".join(f"{coin.base}: {ENOUGH}" for coin in listed)
        purse.write_text(f"upbit: {{KRW: {ENOUGH}00, {held}}}\nbinance: {{USDT: {ENOUGH}, {held}}}\n")
        options = SandboxOptions(
            port=0,
            control_port=0,
            seed=SEED,
            speed=SPEED,
            symbols=tuple(coin.base for coin in listed),
            manners=Manners(limits=False),
            balances=purse,
        )
        async with serve_sandbox(options) as sandbox:
            _let_everything_through(sandbox, [coin.base for coin in listed])
            sys.stdout.write(f"{sandbox.port}\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)


def _let_everything_through(sandbox: Sandbox, bases: list[str]) -> None:
    for venue, name, factor in ((Venue.UPBIT, "KRW-{}", "1.03"), (Venue.BINANCE, "{}USDT", "0.98")):
        # where orders are matched only: nobody has to wait until the public books have followed
        knobs = sandbox.director.floors[venue].knobs
        knobs.price_shock.update({name.format(base): Decimal(factor) for base in bases})
        knobs.allowed_ips.add("127.0.0.1")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
