"""What the API answers: each answer says how its picture was come by, and then what is on it."""

from typing import Any, Literal

from pydantic import Field

from arbitrage.dashboard.models import AlertRow, LimitRow, Link, LogLine, Model, PlanRow, Point, RefusalRow, Status


class StatusAnswer(Model):
    """The state of the daemon; null if none ever ran, or if what it wrote is not understood."""

    link: Link
    status: Status | None


class PlansAnswer(Model):
    """Plans in flight, and the newest that ended, newest first."""

    link: Link
    open: list[PlanRow]
    closed: list[PlanRow]


class RefusalsAnswer(Model):
    """How often this run gave each reason, as in the status, and the newest refusals, newest first."""

    link: Link
    counts: dict[str, int]
    newest: list[RefusalRow]


class AlertsAnswer(Model):
    """Alerts, the open ones first, then the newest."""

    link: Link
    alerts: list[AlertRow]


class LogAnswer(Model):
    """The newest lines of the log, oldest first."""

    link: Link
    lines: list[LogLine]


class LimitsAnswer(Model):
    """Every limit, and how much of it is used."""

    link: Link
    limits: list[LimitRow]


class SeriesAnswer(Model):
    """The series of the last hour, oldest first."""

    link: Link
    points: list[Point]


class Problem(Model):
    """Why not, in one line."""

    detail: str


class SessionAnswer(Model):
    """Who you are now."""

    role: Literal["read", "control"]
    name: str


class Given(Model):
    """A command was left for the daemon; it obeys within a second, and `status` shows it."""

    command: str
    who: str
    told: list[str] = Field(description="the daemons' namespaces")
    daemon_alive: bool
    detail: str


def described(problem: str) -> dict[str, Any]:
    """Return how OpenAPI describes a refusal."""
    return {"model": Problem, "description": problem}
