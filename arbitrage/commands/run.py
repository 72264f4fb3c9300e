"""`arbitrage run`: the one place that chooses between the daemon and scenarios, as the gate says. It starts neither."""

from arbitrage.settings import Settings
from liveguard.mode_gate import Mode, decide


def main(settings: Settings, *, waits: bool = True) -> int:
    """Run what the gate decides for until it ends; return the exit code. Raises ArbitrageError for an early end."""
    if decide(settings.gate_evidence()).mode is Mode.PAPER:
        from arbitrage.commands import paper_run  # noqa: PLC0415 - the daemon must not load what simulates

        return paper_run.main(settings)
    from arbitrage import live_trader  # noqa: PLC0415 - and scenarios must not load what sends

    return live_trader.run(settings, waits=waits)
