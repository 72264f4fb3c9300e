"""`arbitrage check`: why this mode, and what to set for another. It opens no connection and changes nothing."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from arbitrage.settings import Settings
from liveguard.mode_gate import Mode, ModeDecision, decide

MEANING: Final = {
    Mode.PAPER: "scenario prices, simulated fills",
    Mode.SHADOW: "real prices, would-be orders, nothing is sent",
    Mode.LIVE: "orders are sent, with real money",
}
EXIT_OK: Final = 0
EXIT_OTHER_MODE: Final = 3

_VENUE_HOSTS: Final = {
    "UPBIT_REST_URL": "api.upbit.com",
    "UPBIT_WS_URL": "api.upbit.com",
    "BINANCE_REST_URL": "api.binance.com",
    "BINANCE_WS_URL": "stream.binance.com",
    "BINANCE_WS_API_URL": "ws-api.binance.com",
}


def main(settings: Settings, as_json: bool, require: Mode | None) -> int:
    """Print every layer of the gate with its verdict. Returns 3 if `require` names another mode than the gate's."""
    decision = decide(settings.gate_evidence())
    warnings = tuple(_warnings(settings, decision.mode))
    if as_json:
        facts = {**_facts(decision, warnings), "config_digest": settings.config_digest()}
        sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n")
    elif sys.stdout.isatty():
        _show(decision, warnings)
    else:
        sys.stdout.write("\n".join(_lines(decision, warnings)) + "\n")
    if require is None or require is decision.mode:
        return EXIT_OK
    sys.stderr.write(f"arbitrage: the mode is {decision.mode}, not {require}\n")
    return EXIT_OTHER_MODE


def _facts(decision: ModeDecision, warnings: tuple[str, ...]) -> dict[str, Any]:
    layers = [
        {"name": layer.name, "passed": layer.passed, "seen": layer.seen, "fix": layer.fix} for layer in decision.layers
    ]
    return {"mode": decision.mode.value, "layers": layers, "warnings": list(warnings)}


def _lines(decision: ModeDecision, warnings: tuple[str, ...]) -> Iterator[str]:
    yield f"mode: {decision.mode} ({MEANING[decision.mode]})"
    for layer in decision.layers:
        yield f"  {'ok ' if layer.passed else 'NO '} {layer}"
    yield from (f"warning: {warning}" for warning in warnings)


def _show(decision: ModeDecision, warnings: tuple[str, ...]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal waits for it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("", "layer of Live", "seen", "to pass it", box=None, pad_edge=False, header_style="dim")
    for layer in decision.layers:
        verdict = Text("✓", style="green") if layer.passed else Text("✗", style="red")
        table.add_row(verdict, Text(layer.name), Text(layer.seen), Text(layer.fix))
    console = Console(highlight=False)
    console.print(
        Text.assemble("mode: ", (decision.mode.upper(), "bold"), f" ({MEANING[decision.mode]})"), table, sep="\n"
    )
    for warning in warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))


def _warnings(settings: Settings, mode: Mode) -> Iterator[str]:
    elsewhere = [
        name for name, host in _VENUE_HOSTS.items() if urlsplit(getattr(settings, name.lower())).hostname != host
    ]
    if elsewhere:
        yield f"not the real venues: {', '.join(elsewhere)}"
    if mode is not Mode.LIVE and settings.gate_evidence().keys_present:
        yield f"API keys are given, but {mode} does not use them; they are dropped when it starts"
    if os.path.lexists(settings.halt_file):
        yield f"{settings.halt_file} is there: no new plans until `arbitrage resume --reason ...`"
    if settings.state == "memory":
        yield "STATE=memory: nothing is remembered when the program ends"
