"""docs/metrics.md: every metric as a table, generated from the metrics themselves. It only writes text."""

from collections.abc import Iterator, Sequence
from typing import Final

from arbitrage.telemetry.metrics_alerts import ALERTS
from arbitrage.telemetry.metrics_counts import COUNTS
from arbitrage.telemetry.metrics_family import Described
from arbitrage.telemetry.metrics_guard import GUARD
from arbitrage.telemetry.metrics_market import MARKET
from arbitrage.telemetry.metrics_run import RUN

_HEAD: Final = """# Metrics

Generated from `arbitrage/telemetry/metrics_*.py` by `python -m arbitrage.telemetry.metrics_table > docs/metrics.md`; do
not edit it.

The daemon tells Prometheus of itself at `http://METRICS_HOST:METRICS_PORT/metrics` (127.0.0.1:9108; `METRICS_PORT=0` is
off). What to do about an alert is in `docs/runbook.md`; rules and dashboards are in `infra/prometheus` and
`infra/grafana`. Units are base units: seconds, ratios (0.001 is 10 bps), won. What is not known is `NaN` and not 0, so
that no rule finds anything in it. Beside these there are the `process_…` metrics that every Prometheus client has.
"""

_PARTS: Final[tuple[tuple[str, Sequence[Described]], ...]] = (
    ("The run", RUN),
    ("The guard, and what is in flight", GUARD),
    ("The market, and what we own", MARKET),
    ("Who was called", ALERTS),
    ("What happened since the start", COUNTS),
)


def table() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *(line for title, metrics in _PARTS for line in _part(title, metrics))])


def _part(title: str, metrics: Sequence[Described]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.shown}` | {metric.kind} | {labels} | {metric.help} |"
    yield ""


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - it is a program then, and this is all that it does
