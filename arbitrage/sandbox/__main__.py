"""`python -m arbitrage.sandbox`: the sandbox alone. Only reads its arguments; the command line proper is in `cli`."""

import argparse
import sys
from pathlib import Path

from arbitrage.domain.errors import ConfigurationError
from arbitrage.sandbox.server import SandboxOptions, run_sandbox


def main() -> int:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m arbitrage.sandbox", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="port to listen on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the market (default: %(default)s)")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast the market moves (default: %(default)s)")
    parser.add_argument("--tape", type=Path, help="a recording, or a folder of them, to replay instead")
    parser.add_argument("--faults", type=Path, help="what is to go wrong (YAML)")
    parser.add_argument("--balances", type=Path, help="what the accounts start with (YAML)")
    parser.add_argument("--keep", type=Path, help="keep the balances in this file over a restart")
    parser.add_argument("--control-port", type=int, help="port of the control API (default: the one after --port)")
    given = parser.parse_args()
    try:
        return run_sandbox(SandboxOptions(**vars(given)))
    except ConfigurationError as e:
        parser.error(str(e))


if __name__ == "__main__":
    sys.exit(main())
