"""The log: JSON lines for machines, or readable lines for a terminal, and the sink that tells plans and prices in it.

It only tells. Nothing here may raise into its caller or wait for anyone but the operating system.
"""

import logging
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, TextIO

import structlog
from structlog.types import Processor

from arbitrage.domain.guarding import GuardAct
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import Intent, Publish, ReportGuard, ReportPlanEnd, ReportRefusal
from arbitrage.domain.money import plain, won
from arbitrage.domain.plans import PlanEnd
from arbitrage.domain.views import BookLine, EngineView
from arbitrage.telemetry.cleaning import clean_event
from arbitrage.telemetry.line_writer import LineWriter
from arbitrage.telemetry.log_crash import log_crashes
from arbitrage.telemetry.log_tail import TAIL, as_json

MARKET_EVERY_S: Final = 5
"""How often the log tells prices and edges, in the events' own time."""

MOST_PAIRS: Final = 10
"""How many pairs the log shows the prices of each time: with more of them, those with the best edges. A line takes
40 us of the loop, and nobody reads hundreds of them."""

REJECTIONS_EVERY_S: Final = 60
"""How often the log tells of frames that could not be believed."""


def configure(level: str, fmt: str | None, stream: TextIO | None = None) -> None:
    """Set the log up, once: `level` as in LOG_LEVEL, `fmt` as in LOG_FORMAT (None: console if `stream` is a terminal).

    Writes to stdout if no stream is given. Warnings of libraries that use the standard log come through too, and then
    whatever nobody caught.
    """
    out = stream or sys.stdout
    # a given stream is a test's or a file's and is written at once; stdout may be a pipe that nobody reads
    writer = LineLogger(out) if stream else LineWriter(out)
    structlog.configure(
        processors=processors(fmt or ("console" if out.isatty() else "json"), colors=out.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=stream is None,  # it would go on writing into a stream that is closed by then
    )
    logging.basicConfig(handlers=[_LibraryHandler()], level=logging.WARNING, force=True)
    if stream is None:
        logging.captureWarnings(True)
        log_crashes()


def processors(fmt: str, *, colors: bool = False) -> list[Processor]:
    """Return what makes a line out of an event: `fmt` is json or console."""
    renderer: Processor = _as_line
    if fmt == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=colors)
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        clean_event,
        TAIL.keep,
        renderer,
    ]


class LineLogger:
    """Writes lines to a stream; a stream that went away silences the log and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write one line."""
        with suppress(OSError, ValueError):  # the reader of a pipe is gone, or the stream is closed
            self._stream.write(line + "\n")
            self._stream.flush()

    log = debug = info = warning = error = critical = exception = fatal = msg


_WARNED: Final = frozenset({GuardAct.TRIPPED, GuardAct.LATCHED, GuardAct.REFUSED})


class LogSink:
    """Tells refusals, ends of plans, and every few seconds prices and edges. Orders are told by their gateway."""

    def __init__(self, log: structlog.typing.FilteringBoundLogger | None = None) -> None:
        self._log: structlog.typing.FilteringBoundLogger = log or structlog.get_logger()
        self._market_at: Instant | None = None
        self._rejections_at: Instant | None = None
        self._rejected: dict[str, int] = {}

    def publish(self, intent: Intent) -> None:
        """Tell an intent; never blocks, never raises."""
        match intent:
            case ReportRefusal():
                self._refusal(intent)
            case ReportPlanEnd(end):
                self._plan_end(end)
            case ReportGuard():
                self._guard(intent)
            case Publish(view):
                self._rejections(view)
                self._market(view)

    def _refusal(self, refusal: ReportRefusal) -> None:
        self._log.info(
            "opportunity_refused",
            base=refusal.base,
            direction=refusal.direction,
            net_edge_bps=round(refusal.net_edge_bps, 2),
            reasons=[str(reason) for reason, _ in refusal.reasons],
            times=[times for _, times in refusal.reasons],
        )

    def _guard(self, report: ReportGuard) -> None:
        for entry in report.entries:
            tell = self._log.warning if entry.act in _WARNED else self._log.info
            tell("guard", act=entry.act, what=entry.name, who=entry.who, why=entry.why)

    def _plan_end(self, end: PlanEnd) -> None:
        plan = end.plan
        self._log.info(
            "plan_ended",
            plan_id=plan.plan_id,
            base=plan.base,
            direction=plan.direction,
            outcome=end.outcome,
            result_krw=plain(won(end.result)),
            expected_krw=f"{plan.expected_krw:.4f}",
            net_edge_bps=round(plan.net_edge_bps, 2),
            upbit=end.upbit_end,
            binance=end.binance_end,
            residual_base=plain(end.residual_base),
        )

    def _rejections(self, view: EngineView) -> None:
        """Tell once a minute how many frames of a venue could not be believed, if there were any."""
        if self._rejections_at is not None and view.at - self._rejections_at < REJECTIONS_EVERY_S * NS_PER_S:
            return
        self._rejections_at = view.at
        for venue, line in view.venues.items():
            more = line.rejected - self._rejected.get(venue, 0)
            self._rejected[venue] = line.rejected
            if more > 0:
                books = [f"{book.symbol} {book.health}" for book in line.books if book.health != "good"]
                self._log.warning("books_not_believed", venue=venue, frames=more, not_good=books)

    def _market(self, view: EngineView) -> None:
        # views come once a second, some ms early or late
        if self._market_at is not None and round((view.at - self._market_at) / NS_PER_S) < MARKET_EVERY_S:
            return
        self._market_at = view.at
        books = {(venue, book.symbol): book for venue, line in view.venues.items() for book in line.books}
        edges: dict[str, dict[str, float | None]] = {}
        for edge in view.edges:
            edges.setdefault(edge.base, {})[edge.direction] = edge.bps
        shown = sorted(edges, key=lambda base: -_best(edges[base]))[:MOST_PAIRS]
        for base in edges if len(edges) <= MOST_PAIRS else shown:
            self._pair(base, edges[base], view, books)

    def _pair(
        self,
        base: str,
        edges: Mapping[str, float | None],
        view: EngineView,
        books: Mapping[tuple[str, str], BookLine],
    ) -> None:
        upbit, binance = books.get(("upbit", f"KRW-{base}")), books.get(("binance", f"{base}USDT"))
        self._log.info(
            "market",
            base=base,
            upbit_bid_krw=upbit and upbit.bid,
            upbit_ask_krw=upbit and upbit.ask,
            binance_bid_usdt=binance and binance.bid,
            binance_ask_usdt=binance and binance.ask,
            fx_bid_krw=view.fx.bid,
            fx_ask_krw=view.fx.ask,
            **{f"edge_{direction}_bps": bps if bps is None else round(bps, 2) for direction, bps in edges.items()},
            upbit=upbit.health if upbit else "none",
            binance=binance.health if binance else "none",
            accepting=view.accepting,
        )


def _best(edges: Mapping[str, float | None]) -> float:
    return max((bps for bps in edges.values() if bps is not None), default=-math.inf)


def _as_line(_logger: object, _method: str, event: Mapping[str, object]) -> str:
    return as_json(event).decode()


class _LibraryHandler(logging.Handler):
    """Brings what libraries tell to the standard log into ours."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, "library_message", library=record.name, text=_message(record), exc_info=record.exc_info
        )


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's format string does not fit its arguments
        return str(record.msg)
