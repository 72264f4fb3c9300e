"""Who is called in a run, who has to answer, and how a start and an end are told."""

from pathlib import Path

import pytest

from arbitrage.alert_wiring import make_desk, the_end, the_start
from arbitrage.domain.alerts import Severity
from arbitrage.domain.errors import ConfigurationError, StateHeld
from arbitrage.domain.events import AlertUnanswered, Event
from arbitrage.settings import Settings, load_settings
from liveguard.mode_gate import Mode, decide
from tests.alert_builders import a_finding
from tests.clocks import NOON, ManualClock

HOOK = "json://127.0.0.1:1/hook-81f3a9c1"


def settings(**given: str) -> Settings:
    return load_settings(given, None)


@pytest.mark.parametrize(
    ("mode", "given", "has_to_be_answered"),
    [
        (Mode.LIVE, {"ALERT_URLS": HOOK}, True),
        (Mode.LIVE, {}, False),
        (Mode.LIVE, {"ALERT_URLS": HOOK, "ALERT_ACK_REQUIRED": "no"}, False),
        (Mode.LIVE, {"ALERT_ACK_REQUIRED": "yes"}, True),
        (Mode.SHADOW, {"ALERT_URLS": HOOK}, False),
        (Mode.SHADOW, {"ALERT_ACK_REQUIRED": "yes"}, True),
    ],
)
async def test_an_answer_is_asked_for_where_orders_are_real_and_somebody_can_be_called(
    mode: Mode, given: dict[str, str], has_to_be_answered: bool
) -> None:
    clock, told = ManualClock(), list[Event]()
    desk = make_desk(settings(**given), mode, clock, told.append)
    desk.tell(a_finding())
    clock.advance(61)
    desk.look()

    assert [type(event) for event in told] == [AlertUnanswered] * has_to_be_answered
    await desk.close()


@pytest.mark.parametrize(
    ("lost", "failure", "asked", "kind", "severity"),
    [
        (None, None, True, "stopped", Severity.INFO),
        (None, None, False, "stopped", Severity.CRITICAL),
        (StateHeld("another daemon took over"), None, False, "lease_lost", Severity.CRITICAL),
        (StateHeld("another daemon took over"), None, True, "lease_lost", Severity.CRITICAL),
        (None, ValueError("with a secret"), False, "engine_failed", Severity.CRITICAL),
    ],
)
def test_an_end_that_nobody_asked_for_is_critical(
    lost: Exception | None, failure: Exception | None, asked: bool, kind: str, severity: Severity
) -> None:
    finding = the_end(lost, failure, asked=asked, at=NOON)

    assert (finding.kind, finding.severity) == (kind, severity)
    assert "with a secret" not in finding.text


def test_a_start_says_the_mode_and_what_keeps_it_from_live() -> None:
    finding = the_start(decide(settings().gate_evidence()), "1.2.3", NOON)

    assert finding.severity is Severity.INFO
    assert finding.text.startswith("arbitrage 1.2.3 started in shadow, not live because of LIVE_MODE")


def test_addresses_may_be_a_list_or_a_file_with_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text(f"{HOOK}\nmailto://desk:pass@example.com?to=a@example.com,b@example.com\n")
    of_file = settings(ALERT_URLS_FILE=str(tmp_path / "urls")).alert_urls
    of_list = settings(ALERT_URLS=f"{HOOK}, {HOOK}").alert_urls

    assert of_file is not None
    assert of_list is not None
    assert len(of_file.get_secret_value().split()) == len(of_list.get_secret_value().split()) == 2


@pytest.mark.parametrize("given", ["nonsense", "json:/x", f"{HOOK} and me", "jsön://x/y"])
def test_what_is_no_address_is_refused_without_being_repeated(given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^ALERT_URLS: must be ") as refused:
        settings(ALERT_URLS=given)

    assert given not in str(refused.value)


def test_an_address_that_nobody_understands_ends_the_start_and_is_named_by_its_number() -> None:
    with pytest.raises(ConfigurationError) as refused:
        make_desk(settings(ALERT_URLS=f"{HOOK} nosuch://to-k3n/"), Mode.SHADOW, ManualClock(), lambda event: None)

    assert str(refused.value) == "ALERT_URLS: address 2:nosuch is none that apprise understands"
