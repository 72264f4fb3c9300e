"""Writes the generated parts of docs/ anew, or says with --check which of them are not up to date."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from arbitrage.manual.configuration import configuration_text
from arbitrage.paper.schema import schema_text
from arbitrage.telemetry.metrics_table import table as metrics_text

DOCS: Final = Path(__file__).parents[2] / "docs"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "configuration.md": configuration_text,
    "metrics.md": metrics_text,
    "scenario.schema.json": schema_text,
}
"""Each generated file of docs/, and what writes it."""


def main(arguments: list[str]) -> int:
    """Write what has changed and name it; with --check write nothing. Returns 1 if --check finds something."""
    changed = [name for name, text in PAGES.items() if _held(DOCS / name) != text()]
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: scripts/docs [--check]\n")
        return 2
    for name in changed:
        if not arguments:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"docs/{name}: {'not up to date; run scripts/docs' if arguments else 'written'}\n")
    return 1 if arguments and changed else 0


def _held(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
