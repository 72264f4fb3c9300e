"""Metrics of the alerts: who was called, and whether anybody could be reached. Read off a picture; they call nobody."""

from typing import Final

from arbitrage.domain.alerts import Severity
from arbitrage.telemetry.metrics_family import Kind, OfPicture, only

ALERTS: Final = (
    OfPicture(
        name="alerts_open",
        kind=Kind.GAUGE,
        help="Alerts that nobody has acknowledged yet.",
        labels=("severity",),
        read=lambda picture: [((word,), float(picture.open_alerts.get(word, 0))) for word in Severity],
    ),
    OfPicture(
        name="alert_targets",
        kind=Kind.GAUGE,
        help="Targets that alerts are sent to: those of ALERT_URLS.",
        read=lambda picture: only(len(picture.targets)),
    ),
    OfPicture(
        name="alert_targets_failing",
        kind=Kind.GAUGE,
        help="Targets that cannot be reached now.",
        read=lambda picture: only(sum(bool(target.problem) for target in picture.targets)),
    ),
    OfPicture(
        name="alert_messages_waiting",
        kind=Kind.GAUGE,
        help="Messages that wait for a target.",
        read=lambda picture: only(sum(target.waiting for target in picture.targets)),
    ),
    OfPicture(
        name="alert_messages_sent",
        kind=Kind.COUNTER,
        help="Messages that a target has taken.",
        read=lambda picture: only(sum(target.sent for target in picture.targets)),
    ),
    OfPicture(
        name="alert_messages_lost",
        kind=Kind.COUNTER,
        help="Messages that were given up.",
        read=lambda picture: only(sum(target.lost for target in picture.targets)),
    ),
)
"""Every metric of the alerts, in the order in which they are shown."""
