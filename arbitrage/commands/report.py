"""`arbitrage report`: a trading day as a table, as JSON, or as a page with pictures. It changes nothing."""

import sys
from pathlib import Path

import msgspec

from arbitrage.clock import SystemClock
from arbitrage.report.facts import day_facts
from arbitrage.report.reading import read_day
from arbitrage.settings import Settings
from arbitrage.state.keys import RedisAddress
from arbitrage.status import IN_MEMORY, NEVER_RAN, shown_namespace


def main(settings: Settings, day: str, html: Path | None, as_json: bool) -> int:
    """Tell of a day of the daemon that status would show. Returns 1 if none ever ran.

    Raises StateUnavailable, and ConfigurationError for what is no day and for a file that cannot be written.
    """
    address = RedisAddress.of(settings)
    namespace = "" if settings.state == "memory" else shown_namespace(address, settings)
    if not namespace:
        sys.stderr.write(f"arbitrage: {IN_MEMORY if settings.state == 'memory' else NEVER_RAN}\n")
        return 1
    rows = read_day(address, namespace, day, SystemClock().now())
    facts = day_facts(rows)
    if html is not None:
        from arbitrage.report.page import write_page  # noqa: PLC0415 - only who wants pictures waits for them

        write_page(html, rows, facts)
        sys.stderr.write(f"written: {html}\n")
    if as_json:
        sys.stdout.write(msgspec.json.Encoder(decimal_format="number").encode(facts).decode() + "\n")
    elif html is None:
        from arbitrage.report.text import show  # noqa: PLC0415 - rich is for people

        show(facts, sys.stdout)
    return 0
