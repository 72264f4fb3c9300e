"""`arbitrage reconcile`: what differs is shown, and a person's word clears it."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from arbitrage.commands import reconcile
from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.events import Command
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Publish
from arbitrage.domain.views import EngineView, GuardView
from arbitrage.local_files import Mailbox
from tests.clocks import NOON
from tests.daemon_rows import ago, rows_of_a_run
from tests.integration.test_operator_commands import BRIEFLY_S, settings_at
from tests.integration.test_operator_flatten import Shown
from tests.operated_daemon import OperatedDaemon
from tests.plan_builders import a_view

LATCH = Latch(
    kind=LatchKind.UNEXPLAINED_FUNDS, at=NOON, why="upbit: -0.03 BTC", who="guard", day="2026-11-22"
)  # fmt: skip
SOLD = (("upbit", "BTC", Decimal("-0.03")),)


def a_sight(at: Instant, *odd: tuple[str, str, Decimal], latched: bool = False) -> EngineView:
    return replace(a_view(at), unexplained=odd, guard=GuardView(latches=(LATCH,) if latched else ()))


@pytest.fixture
def desk(tmp_path, redis_address, app_env):
    """Return a function that lets a Live daemon show something, and returns the settings and its window."""

    async def show(view: EngineView, mode: str = "live"):
        keys = await rows_of_a_run(redis_address, app_env, Publish(view), mode=mode)
        return settings_at(tmp_path, redis_address, app_env), Shown(redis_address, keys)

    return show


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    """Return a function that returns everything printed since the last time, in one line."""
    return lambda: " ".join("".join(capsys.readouterr()).split())


async def test_what_the_venues_say_is_shown_beside_what_we_believe(desk, said):
    settings, _ = await desk(a_sight(ago(0.1), *SOLD, latched=True))

    assert reconcile.main(settings, None, False) == 1
    told = said()
    assert "venue currency we believe it says difference upbit BTC 0.04 0.01 -0.03" in told
    assert told.endswith("`arbitrage reconcile --accept REASON`")


async def test_the_same_as_json_with_exact_numbers(desk, capsys):
    settings, _ = await desk(a_sight(ago(0.1), *SOLD, latched=True))

    assert reconcile.main(settings, None, True) == 1
    facts = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert facts["latched"] is True
    assert facts["differences"] == [
        {
            "venue": "upbit",
            "currency": "BTC",
            "difference": Decimal("-0.03"),
            "believed": Decimal("0.04"),
            "venue_says": Decimal("0.01"),
        }
    ]


async def test_a_difference_that_was_seen_once_may_be_a_fill_on_its_way(desk, said):
    settings, _ = await desk(a_sight(ago(0.1), *SOLD))

    assert reconcile.main(settings, None, False) == 1
    assert "seen once: it may have crossed a fill" in said()


async def test_nothing_that_differs_is_exit_code_0(desk, said):
    settings, _ = await desk(a_sight(ago(0.1)))

    assert reconcile.main(settings, None, False) == 0
    assert said() == "the venues say what we believe"


async def test_before_anything_was_read_nothing_is_said_to_agree(desk, said):
    settings, _ = await desk(replace(a_sight(ago(0.1)), inventory={"upbit": {}, "binance": {}}))

    assert reconcile.main(settings, None, False) == 0
    assert "nothing was compared yet" in said()


async def test_shadow_owns_nothing_to_compare(desk, said):
    settings, _ = await desk(a_sight(ago(0.1)), mode="shadow")

    assert reconcile.main(settings, None, False) == 0
    assert said() == "nothing to compare: shadow owns nothing on the venues"


async def test_what_a_daemon_showed_that_is_gone_is_told_as_old(tmp_path, redis_address, app_env, said):
    await rows_of_a_run(redis_address, app_env, Publish(a_sight(ago(60))), at=ago(60), mode="live")

    assert reconcile.main(settings_at(tmp_path, redis_address, app_env), None, False) == 1
    assert "this is how it was 60 s ago" in said()


async def test_a_persons_word_is_brought_to_the_daemon_and_seen_to_work(desk, tmp_path, said):
    settings, window = await desk(a_sight(ago(0.1), *SOLD, latched=True))

    with OperatedDaemon(tmp_path, when_told=lambda heard: window.show(a_sight(heard.at))).running() as daemon:
        code = reconcile.main(settings, "sold by hand", False)

    assert (code, daemon.heard[0].command, daemon.heard[0].why) == (0, Command.ACCEPT, "sold by hand")
    assert said() == "accepted: upbit -0.03 BTC the venues say what we believe"


async def test_what_differs_again_after_it_was_accepted_is_exit_code_1(desk, tmp_path, said):
    settings, window = await desk(a_sight(ago(0.1), *SOLD, latched=True))
    more = ("binance", "USDT", Decimal(-500))

    with OperatedDaemon(tmp_path, when_told=lambda heard: window.show(a_sight(heard.at, more))).running():
        code = reconcile.main(settings, "sold by hand", False, BRIEFLY_S)

    assert code == 1
    assert said().startswith("accepted: upbit -0.03 BTC venue currency we believe it says difference binance USDT 7000")


async def test_without_a_daemon_nothing_is_accepted_and_nothing_waits_for_the_next(desk, tmp_path, said):
    settings, _ = await desk(a_sight(ago(0.1), *SOLD, latched=True))

    assert reconcile.main(settings, "sold by hand", False, BRIEFLY_S) == 1
    assert "no daemon answered: nothing was accepted" in said()
    assert Mailbox(tmp_path / "commands").take().requests == ()


async def test_a_word_without_a_reason_is_wrong_usage(desk):
    settings, _ = await desk(a_sight(ago(0.1), *SOLD, latched=True))

    with pytest.raises(ConfigurationError, match="--reason: must say something"):
        reconcile.main(settings, " ", False)
