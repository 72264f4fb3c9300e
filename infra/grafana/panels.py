"""What the dashboards show: every panel with its queries. It writes nothing; `build` makes Grafana's JSON of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
BPS: Final = "suffix: bps"
STATES: Final = {"ACTIVE": GREEN, "REDUCING": YELLOW, "HALTED": RED}
MODES: Final = {"live": RED, "shadow": BLUE, "paper": GREEN}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture: `queries` are (expression, legend) each.

    `kind` is Grafana's, `wide` of 24 columns; `steps` are (from, colour), the first from anywhere; `words` says 0 and 1
    in words; `colours` colours a series by its name; with `is_name` a series' name is what is shown, and not its value.
    """

    title: str
    queries: Sequence[tuple[str, str]]
    kind: str = "timeseries"
    unit: str = "short"
    wide: int = 12
    high: int = 8
    steps: Sequence[tuple[float | None, str]] = ((None, GREEN),)
    words: tuple[str, str] | None = None
    colours: dict[str, str] = field(default_factory=dict)
    is_name: bool = False
    about: str = ""


def stat(title: str, query: str, **more: Any) -> Panel:
    """Make a panel of one large figure."""
    return Panel(title=title, queries=((query, ""),), **{"kind": "stat", "wide": 4, "high": 4, **more})


def named(title: str, query: str, label: str, colours: dict[str, str]) -> Panel:
    """Make a panel that shows which value of a label is 1."""
    return Panel(
        title=title, queries=((f"{query} == 1", f"{{{{{label}}}}}"),), kind="stat", wide=4, high=4, colours=colours
    )


def lines(title: str, *queries: tuple[str, str], **more: Any) -> Panel:
    """Make a panel of lines over time."""
    return Panel(title=title, queries=queries, **more)


def bands(title: str, query: str, legend: str, **more: Any) -> Panel:
    """Make a panel of bands over time, coloured while something is so."""
    shown: dict[str, Any] = {"steps": ((None, GREEN), (1, RED)), "words": ("no", "yes"), **more}
    return Panel(title=title, queries=((query, legend),), kind="state-timeline", **shown)


def quantiles(metric: str, by: str = "") -> tuple[tuple[str, str], ...]:
    """Return the queries for median and 99th percentile of a histogram, over five minutes."""
    grouped = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    rate = f"sum by ({grouped}) (rate({metric}_bucket[5m]))"
    return tuple(
        (f"histogram_quantile({part}, {rate})", f"{name}{legend}") for part, name in ((0.5, "p50"), (0.99, "p99"))
    )


OVERVIEW: Final = (
    named("Mode", "arbitrage_mode", "mode", MODES),
    named("Trading state", "arbitrage_trading_state", "state", STATES),
    stat("New plans", "arbitrage_accepting_plans", words=("none", "accepted"), steps=((None, YELLOW), (1, GREEN))),
    stat("Result today", "arbitrage_result_today_krw", unit="currencyKRW", steps=((None, RED), (0, GREEN))),
    stat(
        "Daily loss limit used",
        'arbitrage_limit_used_ratio{limit="max_daily_loss"}',
        kind="gauge",
        unit="percentunit",
        steps=((None, GREEN), (0.5, YELLOW), (0.8, RED)),
    ),
    stat(
        "Alerts that call",
        'count(ALERTS{alertstate="firing"}) or vector(0)',
        steps=((None, GREEN), (1, RED)),
    ),
    lines("Edge at the touch", ("arbitrage_edge_ratio * 1e4", "{{base}} {{direction}}"), unit=BPS),
    lines("Premium on Upbit", ("arbitrage_premium_ratio", "{{base}} over {{rate}}"), unit="percentunit"),
    lines("Result today", ("arbitrage_result_today_krw", "result"), unit="currencyKRW"),
    lines(
        "Plans per minute",
        ("sum by (outcome) (rate(arbitrage_plans_ended_total[5m])) * 60", "{{outcome}}"),
        ("rate(arbitrage_plans_started_total[5m]) * 60", "started"),
    ),
    lines(
        "Refusals per minute, the commonest",
        ("topk(8, sum by (code) (rate(arbitrage_refusals_total[5m])) * 60)", "{{code}}"),
    ),
    lines("Exposure", ("arbitrage_exposure_krw", "{{base}}"), unit="currencyKRW"),
    lines("Plans in flight", ("arbitrage_plans_in_flight", "plans"), ("arbitrage_unknown_orders", "unknown orders")),
    lines("Portfolio", ("arbitrage_portfolio_krw", "at the bids"), unit="currencyKRW"),
    lines("Runway in plans", ("arbitrage_runway_plans", "{{base}} {{direction}}")),
    lines("Cash", ('arbitrage_inventory_amount{currency=~"KRW|USDT"}', "{{venue}} {{currency}}")),
    lines("Coins", ('arbitrage_inventory_amount{currency!~"KRW|USDT"}', "{{venue}} {{currency}}")),
    lines("Exposure in coins", ("arbitrage_exposure_coins", "{{base}}")),
)

VENUES: Final = (
    bands("Connected", "arbitrage_venue_up", "{{venue}}", steps=((None, RED), (1, GREEN))),
    bands("Private streams", "arbitrage_private_stream_up", "{{venue}}", steps=((None, RED), (1, GREEN))),
    lines("Frames per second", ("rate(arbitrage_frames_total[1m])", "{{venue}}")),
    lines(
        "Frames not believed, and reconnects, in 10 minutes",
        ("increase(arbitrage_frames_rejected_total[10m])", "{{venue}} not believed"),
        ("increase(arbitrage_venue_connections_total[10m])", "{{venue}} connected"),
    ),
    lines("Age of books", ("arbitrage_book_age_seconds", "{{symbol}}"), unit="s"),
    bands("Good books", "arbitrage_book_good", "{{symbol}}", steps=((None, RED), (1, GREEN))),
    lines("Clock skew", ("arbitrage_clock_skew_seconds", "{{venue}}"), unit="s"),
    lines("Age of the fx", ("arbitrage_fx_age_seconds", "fx"), unit="s"),
    lines(
        "KRW per USDT, and a bank's per USD",
        ("arbitrage_fx_krw", "{{side}}"),
        ("arbitrage_reference_rate_krw", "bank"),
        unit="currencyKRW",
    ),
    lines("Edges of the last 5 minutes", *quantiles("arbitrage_edge_seen_ratio", "base"), unit="percentunit"),
    lines("Time to a venue's first word", *quantiles("arbitrage_order_reply_seconds", "venue"), unit="s"),
    lines(
        "Words per minute",
        ("sum by (venue, kind) (rate(arbitrage_order_replies_total[5m])) * 60", "{{venue}} {{kind}}"),
    ),
    lines("Orders per minute", ("rate(arbitrage_orders_total[5m]) * 60", "{{venue}} {{purpose}}")),
    stat("API keys end in", "arbitrage_api_key_expiry_timestamp_seconds - time()", unit="s", wide=12, high=8),
)

GUARD: Final = (
    bands("Trading state", "arbitrage_trading_state", "{{state}}", steps=((None, "transparent"), (1, BLUE))),
    bands("Circuit breaker", "arbitrage_breaker_active", "active"),
    bands("Trips", "arbitrage_trip_active", "{{trip}}", high=10),
    bands("Latches", "arbitrage_latch_active", "{{latch}}", high=10),
    lines(
        "Losses, and what may be lost",
        ("arbitrage_loss_krw", "lost: {{window}}"),
        ("arbitrage_loss_limit_krw", "limit: {{window}}"),
        unit="currencyKRW",
    ),
    Panel(
        title="Limits used",
        queries=(("arbitrage_limit_used_ratio", "{{limit}}"),),
        kind="bargauge",
        unit="percentunit",
        high=12,
        steps=((None, GREEN), (0.5, YELLOW), (0.8, RED)),
    ),
    lines("Time to neutral", *quantiles("arbitrage_time_to_neutral_seconds"), unit="s"),
    lines("Expected less realised", *quantiles("arbitrage_plan_shortfall_ratio"), unit="percentunit"),
    lines(
        "Gains and losses per hour",
        ("increase(arbitrage_plan_gain_krw_total[1h])", "gains"),
        ("-increase(arbitrage_plan_loss_krw_total[1h])", "losses"),
        unit="currencyKRW",
    ),
    lines(
        "Unknown and unexplained",
        ("arbitrage_unknown_orders", "unknown orders"),
        ("arbitrage_unexplained_differences", "unexplained differences"),
    ),
    lines("Oldest plan in flight", ("arbitrage_oldest_plan_seconds", "age"), unit="s"),
    lines(
        "What happened to the guard, in 10 minutes",
        ("increase(arbitrage_guard_acts_total[10m])", "{{act}}"),
        ("sum by (trip) (increase(arbitrage_trips_total[10m]))", "tripped: {{trip}}"),
    ),
    lines(
        "Silence",
        ("time() - arbitrage_heartbeat_timestamp_seconds", "since the heartbeat"),
        ("time() - arbitrage_view_timestamp_seconds", "since the engine's view"),
        unit="s",
    ),
    lines("Redis: a ping", ("arbitrage_redis_round_trip_seconds", "ping"), unit="s"),
    bands("Redis can be written", "arbitrage_state_up", "state", steps=((None, RED), (1, GREEN))),
    lines("Lease remaining", ("arbitrage_lease_remaining_seconds", "lease"), unit="s"),
    bands("The gate's layers", "arbitrage_gate_layer_passed", "{{layer}}", steps=((None, YELLOW), (1, GREEN))),
    lines(
        "Alerts",
        ("arbitrage_alerts_open", "open: {{severity}}"),
        ("arbitrage_alert_messages_waiting", "waiting to be sent"),
        ("increase(arbitrage_alert_messages_sent_total[10m])", "sent in 10 minutes"),
        ("increase(arbitrage_alert_messages_lost_total[10m])", "lost in 10 minutes"),
        ("arbitrage_alert_targets", "targets"),
        ("arbitrage_alert_targets_failing", "targets that cannot be reached"),
    ),
    lines("Processor", ('rate(process_cpu_seconds_total{job="arbitrage"}[1m])', "cores"), unit="percentunit"),
    lines("Memory", ('process_resident_memory_bytes{job="arbitrage"}', "resident"), unit="bytes"),
    lines("Events per second", ("rate(arbitrage_engine_events_total[1m])", "events")),
    stat("Running for", "time() - arbitrage_start_timestamp_seconds", unit="s"),
    stat("Unclean ends before", "arbitrage_unclean_ends", steps=((None, GREEN), (1, RED))),
    Panel(
        title="Program",
        is_name=True,
        queries=(("arbitrage_build_info", "{{version}} {{mode}} {{app_env}} {{config_digest}}"),),
        kind="stat",
        wide=4,
        high=4,
    ),
)

DASHBOARDS: Final = {"overview": OVERVIEW, "venues": VENUES, "guard": GUARD}
