"""Who cannot be reached holds nobody up, is tried again, and is named."""

import threading
import time
from collections.abc import Callable
from random import Random

from arbitrage.clock import SystemClock
from arbitrage.domain.alerts import Severity
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.telemetry.alert_pace import Message
from arbitrage.telemetry.alert_sender import WAITING, AlertSender, TargetLine
from tests.clocks import ManualClock

LONG_ENOUGH_S = 5.0


class Phone:
    """A target (Target) that answers as it was told: takes, refuses, breaks, or hangs until it is let go."""

    def __init__(self, name: str = "1:phone", *answers: str) -> None:
        self.name = name
        self.heard: list[str] = []
        self.answers = list(answers)
        self.rings = threading.Event()
        self.lets_go = threading.Event()

    def notify(self, message: Message) -> str:
        answer = self.answers.pop(0) if self.answers else ""
        self.rings.set()
        if answer == "hang":
            self.lets_go.wait(LONG_ENOUGH_S)
            answer = ""
        if answer == "break":
            raise OSError("https://user:hunter2@target/ is not there")
        if not answer:
            self.heard.append(message.title)
        return answer


def a_message(title: str, at: Instant, severity: Severity = Severity.WARNING) -> Message:
    return Message(at=at, severity=severity, title=title, body="", alert_ids=(title,))


def wait_for(is_so: Callable[[], bool]) -> None:
    give_up = time.perf_counter() + LONG_ENOUGH_S
    while not is_so():
        assert time.perf_counter() < give_up, "not so in time"
        threading.Event().wait(0.002)


def the_line(sender: AlertSender) -> TargetLine:
    return sender.lines()[0]


def test_every_target_hears_every_message_in_order() -> None:
    clock, phones = ManualClock(), (Phone("1:a"), Phone("2:b"))
    sender = AlertSender(phones, clock, Random(1))
    for number in range(20):
        sender.send(a_message(str(number), clock.now()))
    sender.close(LONG_ENOUGH_S)

    assert [phone.heard for phone in phones] == [[str(number) for number in range(20)]] * 2
    assert len(sender.take_delivered()) == 40


def test_a_target_that_refuses_is_asked_again_and_named() -> None:
    phone = Phone("1:a", "it refused", "break")
    sender = AlertSender([phone], SystemClock(), Random(1))
    sender.send(a_message("help", SystemClock().now()))
    wait_for(lambda: the_line(sender).problem == "it refused")
    wait_for(lambda: phone.heard == ["help"])
    wait_for(lambda: not the_line(sender).problem)
    sender.close(LONG_ENOUGH_S)

    assert (the_line(sender).sent, the_line(sender).waiting, the_line(sender).lost) == (1, 0, 0)


def test_what_breaks_inside_a_library_is_told_by_its_kind_alone() -> None:
    sender = AlertSender([Phone("1:a", "break")], SystemClock(), Random(1))
    sender.send(a_message("help", SystemClock().now()))
    wait_for(lambda: bool(the_line(sender).problem))

    assert the_line(sender).problem == "OSError"
    sender.close(LONG_ENOUGH_S)


def test_a_target_that_hangs_holds_no_other_up_and_says_so() -> None:
    clock, stuck, quick = ManualClock(), Phone("1:a", "hang"), Phone("2:b")
    sender = AlertSender([stuck, quick], clock, Random(1))
    sender.send(a_message("help", clock.now()))
    wait_for(lambda: stuck.rings.is_set() and quick.heard == ["help"])
    at_once = the_line(sender).problem
    clock.advance(11)

    assert at_once == ""
    assert the_line(sender).problem == "it does not answer"
    stuck.lets_go.set()
    sender.close(LONG_ENOUGH_S)


def test_of_too_many_the_critical_ones_are_kept_and_the_rest_is_counted() -> None:
    clock, phone = ManualClock(), Phone("1:a", "hang")
    sender = AlertSender([phone], clock, Random(1))
    for number in range(WAITING + 30):
        sender.send(a_message(str(number), clock.now()))
    for number in range(50):
        sender.send(a_message(f"critical {number}", clock.now(), Severity.CRITICAL))
    wait_for(phone.rings.is_set)
    waiting, lost = the_line(sender).waiting, the_line(sender).lost
    phone.lets_go.set()
    sender.close(LONG_ENOUGH_S)

    assert (waiting, lost) == (WAITING + 50, 30)
    assert phone.heard[-1] == "critical 49"


def test_old_news_is_given_up_unless_it_is_critical() -> None:
    clock = ManualClock(Instant(1_000 * NS_PER_S))
    phone = Phone("1:a", *["no"] * 2)
    sender = AlertSender([phone], clock, Random(1))
    sender.send(a_message("old", Instant(1)))
    sender.send(a_message("old and critical", Instant(1), Severity.CRITICAL))
    wait_for(lambda: bool(phone.heard))
    sender.close(LONG_ENOUGH_S)

    assert phone.heard == ["old and critical"]
    assert the_line(sender).lost == 1


def test_the_end_does_not_wait_for_who_hangs() -> None:
    clock, stuck = ManualClock(), Phone("1:a", "hang")
    sender = AlertSender([stuck], clock, Random(1))
    sender.send(a_message("help", clock.now()))
    wait_for(stuck.rings.is_set)
    began = time.perf_counter()
    sender.close(0.05)

    assert time.perf_counter() - began < 1
    stuck.lets_go.set()
