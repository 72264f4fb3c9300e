"""The command line of `scripts/run`. Arguments in, exit code out; the order of things is in `stack`."""

import signal
import sys

if __name__ == "__main__":  # before the imports below, which take a moment in which people press Ctrl-C
    for _number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_number, lambda *_: sys.exit(0))

import os
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Final

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import ArbitrageError, ConfigurationError
from arbitrage.local_stack.children import StopSignal, say
from arbitrage.local_stack.play_money import play_money, refuse_real
from arbitrage.local_stack.stack import ARBITRAGE, Demo, LocalStack
from arbitrage.ports import Clock
from arbitrage.settings import load_settings

_HELP: Final = """Start the daemon on this machine, with a Redis if none answers. Ctrl-C ends everything.

  scripts/run                  against the real venues; orders are only followed, never sent, unless the gate says Live
  scripts/run demo             against a sandbox of both venues on this machine; needs no network
  scripts/run demo --speed 5   the same, with a market that runs five times as fast
  scripts/run demo --live      the same in real Live mode, with play money: orders go to the sandbox (needs Redis 7)
"""


def start(arguments: Sequence[str], clock: Clock, program: Sequence[str] = ARBITRAGE) -> int:
    """Start what is asked for and return the exit code: 0 after Ctrl-C, the daemon's own if it ends by itself."""
    demo = _parse(arguments)
    stop = StopSignal(clock)
    try:
        environ = _environ(demo)
        settings = load_settings(environ)
        if demo is not None and demo.is_live:
            refuse_real(settings)
        return LocalStack(settings, environ, demo, stop, program).run()
    except ArbitrageError as failure:
        say(str(failure))
        return 2 if isinstance(failure, ConfigurationError) else 1


def _environ(demo: Demo | None) -> dict[str, str]:
    if demo is None:
        return dict(os.environ)
    if demo.is_live:
        return os.environ | play_money(load_settings(), demo)
    return os.environ | demo.urls() | {"DRY_RUN": "true"}  # real keys are for real venues only


def _parse(arguments: Sequence[str]) -> Demo | None:
    parser = ArgumentParser(prog="scripts/run", description=_HELP, formatter_class=RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", metavar="[demo]", title="what to start, if not the daemon alone")
    demo = commands.add_parser("demo", help="play both venues on this machine")
    usual = Demo()
    demo.add_argument("--port", type=_port, default=usual.port, help="the sandbox's port (%(default)s)")
    demo.add_argument("--seed", type=int, default=usual.seed, help="the same seed gives the same market (%(default)s)")
    demo.add_argument("--speed", type=_speed, default=usual.speed, help="how fast its time runs (%(default)s)")
    demo.add_argument("--live", action="store_true", help="real Live mode, with play money")
    given = parser.parse_args(arguments)
    return Demo(given.port, given.seed, given.speed, given.live) if given.what == "demo" else None


def _port(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= 65_535):
        raise ArgumentTypeError("must be from 1 to 65535")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.01 <= speed <= 1_000:
        raise ArgumentTypeError("must be from 0.01 to 1000")
    return speed


if __name__ == "__main__":
    sys.exit(start(sys.argv[1:], SystemClock()))
