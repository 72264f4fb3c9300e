"""Metrics: what Prometheus reads of a running daemon. Told as a sink, behind the orders; it decides nothing.

A scrape is answered in a thread of its own, out of facts that do not change any more.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Metric, ProcessCollector, disable_created_metrics
from prometheus_client.registry import Collector

from arbitrage.domain.events import OrderReply
from arbitrage.domain.intents import Intent, Publish
from arbitrage.domain.views import EngineView
from arbitrage.telemetry.metrics_alerts import ALERTS
from arbitrage.telemetry.metrics_counts import COUNTS, Counts
from arbitrage.telemetry.metrics_family import Described, Picture, family_of
from arbitrage.telemetry.metrics_guard import GUARD
from arbitrage.telemetry.metrics_market import MARKET
from arbitrage.telemetry.metrics_run import RUN
from arbitrage.telemetry.metrics_server import MetricsServer

log = structlog.get_logger()

SHOWN: Final = (*RUN, *GUARD, *MARKET, *ALERTS)
"""Every metric that is read off a picture."""

ALL: Final[tuple[Described, ...]] = (*SHOWN, *COUNTS)
"""Every metric of ours. Beside them there are those that every Prometheus client has of its process (`process_…`)."""

RETRY_S: Final = 10.0
"""How long to wait until an address that is taken is asked for again."""

Look = Callable[[EngineView | None], Picture]
"""How to get the picture to show, given the newest view. It is called in another thread."""


class Metrics:
    """Counts, and the newest view, as one registry. `look` is asked at each scrape."""

    def __init__(self, look: Look) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # the run's start, which one metric tells, is enough
        self.registry = CollectorRegistry()
        self._counts = Counts(self.registry)
        self._view: EngineView | None = None
        self.registry.register(_Shown(lambda: look(self._view)))
        ProcessCollector(registry=self.registry)

    def publish(self, intent: Intent) -> None:
        """Take an intent over (Sink); never blocks, never raises."""
        if isinstance(intent, Publish):
            self._view = intent.view
        self._counts.publish(intent)

    def hear(self, reply: OrderReply) -> None:
        """Take a venue's word on an order over, after everybody else has heard it."""
        self._counts.hear(reply)

    async def serve(self, host: str, port: int) -> None:
        """Answer scrapes until cancelled. An address that cannot be had is warned of, and asked for again."""
        server = await self._bound(host, port)
        log.info("metrics_served", host=host, port=server.port)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(server.close)

    async def _bound(self, host: str, port: int) -> MetricsServer:
        told = False
        while True:
            try:
                return MetricsServer(self.registry, host, port)
            except OSError as failure:
                if not told:
                    told = True
                    log.warning("metrics_not_served", host=host, port=port, reason=failure.strerror or str(failure))
            await asyncio.sleep(RETRY_S)


class _Shown(Collector):
    """Reads every metric off the picture of the moment."""

    def __init__(self, look: Callable[[], Picture]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics (Collector)."""
        picture = self._look()
        for metric in SHOWN:
            yield family_of(metric, picture)

    def describe(self) -> Iterator[Metric]:
        """Yield nothing (Collector): otherwise the registry would collect once, to learn the names."""
        return iter(())
