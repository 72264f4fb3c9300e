"""`scripts/run demo --live`: what real Live mode needs, with play money only. No real key or venue gets in."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from arbitrage.domain.errors import ConfigurationError
from arbitrage.local_files.durable import replace_file
from arbitrage.local_stack.children import say
from arbitrage.local_stack.stack import ARBITRAGE, BALANCES, SANDBOX_SCRIPT, Demo
from arbitrage.sandbox.keys import BINANCE_KEYS, UPBIT_KEYS
from arbitrage.settings import VENUE_URLS, Settings, ensure_state_dir, is_loopback
from liveguard.mode_gate import ARM_PHRASE, NotLive, decide

KEYS: Final = {
    "UPBIT_API_KEY": UPBIT_KEYS.access,
    "UPBIT_SECRET_KEY": UPBIT_KEYS.secret,
    "BINANCE_API_KEY": BINANCE_KEYS.access,
    "BINANCE_SECRET_KEY": BINANCE_KEYS.secret,
}
"""The sandbox's own keys, which everybody may know."""

LIMITS: Final = {"RISK_MAX_POSITION_SIZE": "300000", "RISK_MAX_DAILY_LOSS": "100000"}
"""KRW a plan and a day: small beside what each side starts with, so that the market turns before a side runs dry."""

_SANDBOX: Final = """# Live refuses a key that can be used from any address
knobs:
  - {venue: upbit, set: {allowed_ips: ["127.0.0.1"]}}
  - {venue: binance, set: {allowed_ips: ["127.0.0.1"]}}
"""

_COINS: Final = "BTC: 0.3, ETH: 8, XRP: 12000, SOL: 180"
_BALANCES: Final = f"""# about 200,000,000 KRW worth on each side
upbit: {{KRW: 60000000, {_COINS}}}
binance: {{USDT: 43000, {_COINS}}}
"""


def play_money(base: Settings, demo: Demo) -> dict[str, str]:
    """Return the variables of a Live daemon on the sandbox, after writing its keys, arm file and command.

    Everything lies in `live-demo`, a folder of its own in STATE_DIR. Raises ConfigurationError if it cannot be written.
    """
    folder = ensure_state_dir(base).absolute() / "live-demo"
    variables = {
        **demo.urls(),
        **{"PAPER_MODE": "false", "LIVE_MODE": "true", "SAFETY_MODE": "true", "DRY_RUN": "false"},
        **dict.fromkeys(KEYS, ""),  # whatever real keys are set elsewhere
        **{f"{name}_FILE": str(folder / "keys" / name.lower()) for name in KEYS},
        **LIMITS,
        "LIVE_ARM_FILE": str(folder / "ARM"),
        "HALT_FILE": str(folder / "HALT"),
        "STATE": "redis",
        **{"REDIS_HOST": base.redis_host, "REDIS_PORT": str(base.redis_port), "REDIS_DB": str(base.redis_db)},
        "STATE_DIR": str(folder),
        "APP_ENV": "live-demo",
    }
    try:
        (folder / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, value in KEYS.items():
            replace_file(folder / "keys" / name.lower(), value.encode())
        replace_file(folder / "ARM", f"{ARM_PHRASE}\n".encode())
        replace_file(folder / SANDBOX_SCRIPT, _SANDBOX.encode())
        replace_file(folder / BALANCES, _BALANCES.encode())
        _write_command(folder / "arbitrage", variables)
    except OSError as failure:
        raise ConfigurationError(f"STATE_DIR: cannot write to {folder} ({failure.strerror})") from None
    say(f"PLAY MONEY: real Live mode, and every order goes to the sandbox on 127.0.0.1:{demo.port}, nowhere else")
    return variables


def refuse_real(settings: Settings) -> None:
    """Raise ConfigurationError unless every venue is this machine and every key a play key, NotLive if not Live."""
    for name in VENUE_URLS:
        if not is_loopback(urlsplit(getattr(settings, name)).hostname or ""):
            raise ConfigurationError(f"{name.upper()}: a demo with play money never leaves this machine")
    for name, play_key in KEYS.items():
        key = getattr(settings, name.lower())
        if key is None or key.get_secret_value() != play_key:
            raise ConfigurationError(f"{name}: a demo with play money takes the sandbox's own keys and no others")
    decision = decide(settings.gate_evidence())
    if decision.unmet:
        raise NotLive(decision.unmet)


def _write_command(path: Path, variables: Mapping[str, str]) -> None:
    """Write the command `arbitrage` of this demo, so that another terminal finds its daemon."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    command = " ".join(map(shlex.quote, ARBITRAGE))
    replace_file(path, "\n".join(["#!/bin/sh", *lines, f'exec {command} "$@"', ""]).encode())
    path.chmod(0o700)
