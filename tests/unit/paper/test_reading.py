"""Reading a scenario: a value is what a person wrote, whatever YAML makes of it; all complaints come at once."""

from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instruments import Venue
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.paper.reading import LARGEST_FILE, ScenarioWrong, read_scenario
from arbitrage.paper.risk_profile import RiskProfile
from arbitrage.paper.scenario import Bounds, Scenario
from arbitrage.paper.schema import schema
from liveguard.risk_limits import CAUTIOUS, MOST, RiskLimits

SHORT = """\
name: short
symbols: {upbit: KRW-BTC, binance: BTCUSDT}
steps:
  - {t: 0, upbit_bid: 140000000, upbit_ask: 140010000, binance_bid: 100000, binance_ask: 100010}
"""

OLD_FORM = """\
name: "Profitable spread"
description: Upbit is dearer by two percent
symbols:
  upbit: BTC/KRW
  binance: BTC/USDT
  exchange_rate: 1400.0
steps:
  - t: 0
    upbit_bid: 140000000
    upbit_ask: 140010000.0
    binance_bid: 100000.5
    binance_ask: 1.0001e5
  - {t: 1.5, upbit_bid: 142800000, upbit_ask: 142810000, binance_bid: "100000", binance_ask: 100010}
risk_profile:
  max_position_krw: 1000000
  max_daily_loss_krw: 50000.0
  max_trades_per_hour: 10
  min_spread_pct: 0.3
  slippage_bps: 5
expected_outcomes:
  min_trades: 1
  min_pnl: 0
  circuit_breaker_triggered: false
  safety_violations: 0
"""

OLD_FORM_IN_JSON = """\
{"name": "json", "symbols": {"upbit": "KRW-XRP", "binance": "XRPUSDT", "exchange_rate": 1350},
 "steps": [{"t": 0, "upbit_bid": 700, "upbit_ask": 701, "binance_bid": 0.5, "binance_ask": 0.5001}],
 "risk_profile": {"max_position_krw": 100000.5, "max_daily_loss_krw": 10000, "max_trades_per_hour": 5.0,
                  "min_spread_pct": 0.5, "slippage_bps": 0},
 "expected_outcomes": {"min_trades": 0, "min_pnl": -100.5, "circuit_breaker_triggered": true}}
"""

OLD_FORM_IN_LISTS = """\
name: two assets
symbols: {upbit: [KRW-BTC, KRW-ETH], binance: [BTC/USDT, ETH/USDT], exchange_rate: 1_380.5}
steps:
  - {t: 0, upbit_bid: 140000000, upbit_ask: 140010000, binance_bid: 100000, binance_ask: 100010}
  - {t: 0, base: ETH, upbit_bid: 5000000, upbit_ask: 5001000, binance_bid: 3500, binance_ask: 3501}
"""


def written(folder: Path, text: str | bytes, name: str = "scenario.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ScenarioWrong) as wrong:
        read_scenario(path)
    return str(wrong.value)


def test_the_old_form_is_read_as_it_is(tmp_path: Path) -> None:
    read = read_scenario(written(tmp_path, OLD_FORM))
    limits = read.risk_profile.limits()

    assert (read.symbols.upbit, read.symbols.binance, read.symbols.exchange_rate) == ("KRW-BTC", "BTCUSDT", 1400.0)
    assert [step.t for step in read.steps] == [0, 1.5]
    assert (read.steps[0].binance_ask, read.steps[1].binance_bid) == (100_010, 100_000)
    assert (limits.max_position_size, limits.max_daily_loss, limits.max_trades_per_hour) == (1_000_000, 50_000, 10)
    assert (limits.min_spread_pct, read.risk_profile.slippage_bps) == (Decimal("0.3"), 5)
    assert (read.expected_outcomes.min_trades, read.expected_outcomes.min_pnl) == (1, 0)
    assert read.expected_outcomes.circuit_breaker_triggered is False


def test_the_old_form_may_be_json_and_may_hold_numbers_of_either_kind(tmp_path: Path) -> None:
    read = read_scenario(written(tmp_path, OLD_FORM_IN_JSON, "old.json"))
    limits = read.risk_profile.limits()

    assert (limits.max_position_size, limits.max_trades_per_hour) == (Decimal("100000.5"), 5)
    assert read.expected_outcomes.min_pnl == Decimal("-100.5")
    assert read.expected_outcomes.circuit_breaker_triggered is True


def test_several_assets_stand_in_lists(tmp_path: Path) -> None:
    read = read_scenario(written(tmp_path, OLD_FORM_IN_LISTS.replace("1_380.5", "1380.5")))

    assert read.symbols.of(Venue.UPBIT) == ["KRW-BTC", "KRW-ETH"]
    assert read.symbols.of(Venue.BINANCE) == ["BTCUSDT", "ETHUSDT"]
    assert read.steps[1].base == "ETH"


@pytest.mark.parametrize(
    ("line", "place", "value"),
    [
        ("name: no", "name", "no"),
        ("name: 007", "name", "007"),
        ("description: 12:30:00", "description", "12:30:00"),
        ("seed: 1e3", "seed", 1000),
        ("lasts_s: 1e1", "lasts_s", 10.0),
        ("lasts_s: +.5e1", "lasts_s", None),
        ("frames_every_ms: 250.0", "frames_every_ms", 250),
        ('seed: "7"', "seed", 7),
    ],
)
def test_a_text_stays_a_text_and_a_number_is_a_number(tmp_path: Path, line: str, place: str, value: object) -> None:
    text = SHORT.replace("name: short\n", "") if place == "name" else SHORT
    path = written(tmp_path, f"{text}{line}\n")

    if value is None:
        assert "is not a number" in complaint(path)
    else:
        assert getattr(read_scenario(path), place) == value


@pytest.mark.parametrize("word", ["true", "True", "yes", "ON"])
def test_yes_has_several_words(tmp_path: Path, word: str) -> None:
    read = read_scenario(written(tmp_path, f"{SHORT}  - {{t: 1, venues: {{upbit: {{down: {word}}}}}}}\n"))

    assert read.steps[1].venues[Venue.UPBIT].down is True


def test_a_word_for_a_halt_may_be_off(tmp_path: Path) -> None:
    read = read_scenario(written(tmp_path, f"{SHORT}  - {{t: 1, venues: {{upbit: {{wallets: {{BTC: off}}}}}}}}\n"))

    assert read.steps[1].venues[Venue.UPBIT].wallets == {"BTC": "off"}


def test_an_exact_number_keeps_its_digits(tmp_path: Path) -> None:
    read = read_scenario(written(tmp_path, f"{SHORT}balances: {{upbit: {{BTC: 0.12345678901234567890}}}}\n"))

    assert read.balances == {Venue.UPBIT: {"BTC": Decimal("0.12345678901234567890")}}


def test_every_kind_of_expectation_is_read(tmp_path: Path) -> None:
    text = """\
expected_outcomes:
  trades: {min: 1, max: 1e2}
  refusals: {edge_too_small: 3, latched: {min: 1}}
  exposure: {BTC: {min: -0.00000001, max: 0.00000001}}
  latches: [operator, "implausible_edge:BTC"]
  trips: []
  outcomes: {both: 1}
"""
    expected = read_scenario(written(tmp_path, SHORT + text)).expected_outcomes

    assert expected.trades == Bounds(min=Decimal(1), max=Decimal(100))
    assert expected.refusals == {RefusalCode.EDGE_TOO_SMALL: 3, RefusalCode.LATCHED: Bounds(min=Decimal(1))}
    assert (expected.latches, expected.trips, expected.outcomes) == (
        ["operator", "implausible_edge:BTC"],
        [],
        {"both": 1},
    )


def test_a_fault_is_read_in_the_sandboxs_words(tmp_path: Path) -> None:
    fault = "{kind: error_5xx, venue: upbit, status: 5.03e2, executed: yes, count: 0, after_s: 1e1}"
    read = read_scenario(written(tmp_path, f"{SHORT}faults: [{fault}]\n")).faults[0]

    assert (read.kind, read.venue, read.status, read.executed) == ("error_5xx", Venue.UPBIT, 503, True)
    assert (read.times, read.after_s) == (None, 10)


def test_every_problem_of_a_file_is_told_at_once_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = """\
name: ""
symbols: {upbit: [KRW-BTC, KRW-ETH], binance: [BTCUSDT, XRPUSDT]}
steps:
  - {t: 5, upbit_bid: abc, upbit_ask: 2}
  - {t: 5}
  - {t: 4, upbit_bdi: 1}
  - {t: 3, upbit_ask: 1}
  - t:
lasts_s: 1
expected_outcomes: {trades: {min: 2, max: 1}}
expected_outcomes: {trades: {min: 3, max: 1}}
"""
    path = written(tmp_path, text)
    lines = complaint(path).split("\n")

    assert [line.removeprefix(f"{path}:").split(": ")[:2] for line in lines] == [
        ["1", "name"],
        ["2", "symbols.binance[1]"],
        ["4", "steps[0].upbit_bid"],
        ["6", "steps[2].upbit_bdi"],
        ["7", "steps[3].t"],
        ["7", "steps[3].upbit_ask"],
        ["8", "steps[4].t"],
        ["9", "lasts_s"],
        ["11", "expected_outcomes"],
        ["11", "expected_outcomes.trades.min"],
    ]


def test_a_line_names_file_line_field_find_and_what_is_allowed(tmp_path: Path) -> None:
    path = written(tmp_path, SHORT.replace("upbit_bid: 140000000", "upbit_bid: abc"))

    assert complaint(path) == f"{path}:4: steps[0].upbit_bid: 'abc' is not a number; allowed: 0 to 1e12"


def test_a_hostile_value_is_cut_and_escaped(tmp_path: Path) -> None:
    line = complaint(written(tmp_path, SHORT.replace("KRW-BTC", '"\\e[31m' + "x" * 500 + '"')))

    assert line.isascii() is False or "\x1b" not in line
    assert "\\x1b[31mxxx" in line
    assert len(line) < 400


@pytest.mark.parametrize(
    ("case", "raw", "told"),
    [
        ("nothing", b"", "is not a mapping"),
        ("only a comment", b"# nothing\n", "is not a mapping"),
        ("a list", b"- a\n", "is not a mapping"),
        ("a text", b"hello", "is not a mapping"),
        ("not UTF-8", SHORT.encode() + b"description: \xff\n", ":5: is not UTF-8"),
        ("UTF-16", SHORT.encode("utf-16"), "is not UTF-8"),
        ("binary", bytes(range(1, 128)), "is not YAML"),
        ("too large", b" " * (LARGEST_FILE + 1), "is too large; allowed: up to 5000000 bytes"),
        ("deep", b"a: " + b"[" * 100_000, "is nested too deeply; allowed: up to 20 levels"),
        ("an unclosed bracket", SHORT.encode() + b"faults: [{kind: \n", ":6: is not YAML"),
        ("two documents", SHORT.encode() + b"---\nname: b\n", ":5: holds a second document"),
        ("a bomb", b"a: &a [x, x]\nb: &b [*a, *a]\n", ":2: b[0]: is an alias (*)"),
        ("a tag", SHORT.replace("name: short", "name: !!python/name:os.system x").encode(), ":1: name: has a tag"),
        ("a merge", SHORT.encode() + b"<<: {seed: 1}\n", ":5: '<<': unknown field"),
        ("a key that is a list", b"? [a]\n: 1\n", ":1: has a key that is no text"),
    ],
)
def test_whatever_a_file_holds_one_exception_tells_it(tmp_path: Path, case: str, raw: bytes, told: str) -> None:
    path = written(tmp_path, raw)

    assert told in complaint(path), case
    assert all(line.startswith(str(path)) for line in complaint(path).split("\n"))


@pytest.mark.parametrize("name", ["nowhere.yaml", ".", "nul\0"])
def test_what_is_not_a_file_is_told(tmp_path: Path, name: str) -> None:
    assert "is not a file that can be read" in complaint(tmp_path / name)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert read_scenario(written(tmp_path, SHORT.encode("utf-8-sig"))).name == "short"


def test_of_very_many_problems_the_first_are_told(tmp_path: Path) -> None:
    steps = "".join(f"  - {{t: {1_000 - number}, upbit_bid: x}}\n" for number in range(900))
    lines = complaint(written(tmp_path, SHORT + steps)).split("\n")

    assert len(lines) == 201
    assert lines[-1].endswith("and more; these are the first 200")


# --- limits


def test_a_profile_knows_every_limit_by_its_own_name_and_bounds() -> None:
    known = schema()["$defs"]["RiskProfile"]["properties"]

    assert set(known) == {*CAUTIOUS, "max_position_krw", "max_daily_loss_krw", "slippage_bps"}
    assert {name: known[name]["maximum"] for name in MOST} == MOST
    assert all(known[name]["description"] for name in known)
    assert {name for name in CAUTIOUS if known[name]["type"] == "integer"} == {
        field.name for field in fields(RiskLimits) if field.type in ("int", int)
    }


def test_what_is_not_said_is_cautious() -> None:
    assert RiskProfile().limits() == RiskLimits.over_cautious({})


@given(profile=st.builds(dict, max_position_krw=st.decimals("0.1", 10**11), max_naked_s=st.integers(1, 60)))
def test_a_profile_that_is_read_always_makes_limits(profile: dict[str, object]) -> None:
    limits = RiskProfile.model_validate(profile).limits()

    assert (limits.max_position_size, limits.max_naked_s) == (profile["max_position_krw"], profile["max_naked_s"])


def test_one_limit_under_two_names_is_refused() -> None:
    with pytest.raises(ValueError, match="the same limit"):
        RiskProfile(max_position_krw=Decimal(1), max_position_size=Decimal(1)).limits()


def test_a_scenario_may_be_made_without_a_file_too() -> None:
    made = Scenario.model_validate(
        {"name": "n", "symbols": {"upbit": "KRW-A1", "binance": "A1USDT"}, "steps": [{"t": 0}]}
    )

    assert made.symbols.of(Venue.BINANCE) == ["A1USDT"]
