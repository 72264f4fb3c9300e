"""Ninety ways to get a scenario wrong: each is told in one line with file, line, field and what is allowed."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arbitrage.paper.reading import ScenarioWrong, read_scenario

GOOD = """\
name: everything once
description: a little of everything
seed: 7
starts_at: 2026-11-22T12:00:00+09:00
symbols:
  upbit: [KRW-BTC, KRW-ETH]
  binance: [BTCUSDT, ETHUSDT]
  exchange_rate: [{t: 0, rate: 1400}, {t: 60, rate: 1401}]
balances:
  upbit: {KRW: 5000000, BTC: 0.05}
  binance: {USDT: 5000, BTC: 0.05}
fees: {upbit_pct: 0.05, binance_pct: 0.1}
latency: {upbit_ms: 20, binance_ms: 30, jitter_ms: 5}
liquidity: {levels: 5, level_krw: 1000000, gap_bps: 2}
frames_every_ms: 500
risk_profile:
  max_position_krw: 1000000
  max_daily_loss_krw: 100000
  max_trades_per_hour: 20
  min_spread_pct: 0.2
  slippage_bps: 3
faults:
  - {kind: error_5xx, venue: upbit, endpoint: "POST *", status: 503, executed: true, count: 2}
steps:
  - {t: 0, upbit_bid: 140000000, upbit_ask: 140010000, binance_bid: 100000, binance_ask: 100010}
  - {t: 5, base: ETH, upbit_bid: 5000000, upbit_ask: 5001000, binance_bid: 3500, binance_ask: 3501}
  - {t: 9, fx: {bid: 1400, ask: 1401}, books: {KRW-BTC: {bids: [[139990000, 0.5]], asks: []}}}
  - {t: 10, generate: [{kind: shock, symbols: [KRW-BTC], by_bps: 50, seconds: 30}]}
  - {t: 11, venues: {binance: {down: true, halted: {BTCUSDT: break}, tick: {BTCUSDT: 0.1}}}}
  - {t: 12, operator: {command: resume, reason: looked at it, latch: operator}}
lasts_s: 60
expected_outcomes:
  trades: {min: 1, max: 20}
  refusals: {edge_too_small: {min: 1}}
  exposure: {BTC: 0}
  trips: [venue_errors]
  latches: [operator]
  trading_state: ACTIVE
  min_pnl: -100
"""

MISTAKES = [
    # what is missing, or not known
    ("name: everything once\n", "", "1: name: is missing; allowed: a text of 1 to 80 characters"),
    (
        "  upbit: [KRW-BTC, KRW-ETH]\n",
        "",
        "5: symbols.upbit: is missing; allowed: such as KRW-BTC, or a list of 1 to 30 items",
    ),
    ("{t: 0, upbit_bid", "{upbit_bid", "25: steps[0].t: is missing; allowed: 0 to 518400"),
    ("risk_profile:", "risk_profil:", "16: risk_profil: unknown field; did you mean risk_profile? allowed: balances"),
    (
        "t: 0, upbit_bid",
        "t: 0, upbit_bdi",
        "25: steps[0].upbit_bdi: unknown field; did you mean upbit_bid? allowed: base",
    ),
    (
        "max_trades_per_hour",
        "max_trades_hour",
        "19: risk_profile.max_trades_hour: unknown field; did you mean max_trades_per_hour?",
    ),
    ("seed: 7", "t: 7", "3: t: unknown field; allowed: balances"),
    ("min_pnl", "min_profit", "39: expected_outcomes.min_profit: unknown field; allowed: circuit_breaker_triggered"),
    (
        "  binance: {USDT",
        "  binanse: {USDT",
        "11: balances.binanse: unknown key; did you mean binance? allowed: upbit, binance",
    ),
    ("{bid: 1400, ask: 1401}", "{bid: 1400}", "27: steps[2].fx.ask: is missing; allowed: 0 to 1e12"),
    ("[139990000, 0.5]", "[139990000]", "27: steps[2].books.KRW-BTC.bids[0][1]: is missing; allowed: 0 to 1e12"),
    # numbers
    ("upbit_bid: 140000000", "upbit_bid: abc", "25: steps[0].upbit_bid: 'abc' is not a number; allowed: 0 to 1e12"),
    ("upbit_bid: 140000000", "upbit_bid: -1", "25: steps[0].upbit_bid: '-1' is too small; allowed: 0 to 1e12"),
    ("upbit_bid: 140000000", "upbit_bid: 1e13", "25: steps[0].upbit_bid: '1e13' is too large; allowed: 0 to 1e12"),
    ("upbit_bid: 140000000", "upbit_bid: NaN", "25: steps[0].upbit_bid: 'NaN' is not a number; allowed: 0 to 1e12"),
    ("upbit_bid: 140000000", "upbit_bid: .inf", "25: steps[0].upbit_bid: '.inf' is not a number; allowed: 0 to 1e12"),
    (
        "BTC: 0.05}\nfees",
        "BTC: 1e999}\nfees",
        "11: balances.binance.BTC: '1e999' is not a number; allowed: 0 to 1e15",
    ),
    ("KRW: 5000000", "KRW: 5_000_000", "10: balances.upbit.KRW: '5_000_000' is not a number; allowed: 0 to 1e15"),
    (
        "by_bps: 50",
        'by_bps: "5,0"',
        "28: steps[3].generate[0].by_bps: '5,0' is not a number; allowed: -9999 to 100000000",
    ),
    ("lasts_s: 60", "lasts_s: 1:00:00", "31: lasts_s: '1:00:00' is not a number; allowed: 0 to 518400"),
    ("seed: 7", "seed: 010", "3: seed: '010' is not a number; allowed: a whole number, 0 to 1e15"),
    (
        "max_trades_per_hour: 20",
        "max_trades_per_hour: 1.5",
        "19: risk_profile.max_trades_per_hour: '1.5' is not a whole number; allowed: a whole number, above",
    ),
    (
        "max_position_krw: 1000000",
        "max_position_krw: 0",
        "17: risk_profile.max_position_krw: '0' is too small; allowed: above 0 up to 1e11",
    ),
    ("binance_pct: 0.1", "binance_pct: 6", "12: fees.binance_pct: '6' is too large; allowed: 0 to 5"),
    ("levels: 5", "levels: 0", "14: liquidity.levels: '0' is too small; allowed: a whole number, 1 to 30"),
    ("every_ms: 500", "every_ms: 1", "15: frames_every_ms: '1' is too small; allowed: a whole number, 10 to 60000"),
    (
        "slippage_bps: 3",
        "slippage_bps: 10000",
        "21: risk_profile.slippage_bps: '10000' is too large; allowed: 0 and below 10000",
    ),
    ("gap_bps: 2", "gap_bps: yes", "14: liquidity.gap_bps: 'yes' is not a number; allowed: above 0 up to 1000"),
    # other kinds of values
    (
        "down: true",
        "down: 2",
        "29: steps[4].venues.binance.down: '2' is neither true nor false; allowed: true or false",
    ),
    ("seed: 7", "seed:", "3: seed: is empty; allowed: a value, or no line at all"),
    ("lasts_s: 60", "lasts_s: null", "31: lasts_s: is empty; allowed: a value, or no line at all"),
    (
        "fees: {upbit_pct: 0.05, binance_pct: 0.1}",
        "fees: [1]",
        "12: fees: a list is not a mapping; allowed: a mapping of binance_pct, upbit_pct",
    ),
    ("trips: [venue_errors]", "trips: {a: 1}", "36: expected_outcomes.trips: a mapping is not a list; allowed: a list"),
    ("seed: 7", "seed: {a: 1}", "3: seed: a mapping is not a whole number; allowed: a whole number, 0 to 1e15"),
    (
        "{bid: 1400, ask: 1401}",
        "dear",
        "27: steps[2].fx: 'dear' does not fit; allowed: 0 to 1e12, or a mapping of ask, bid",
    ),
    (
        "everything once",
        "x" * 81,
        "1: name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'… has the wrong length; allowed: a",
    ),
    (
        "name: everything once",
        'name: "a\\nb"',
        "1: name: 'a\\nb' is not one line of text that can be shown; allowed: a text of 1 to 80 characters",
    ),
    (
        "12:00:00+09:00",
        "12:00:00",
        "4: starts_at: '2026-11-22T12:00:00' is no date and time with its offset; allowed: such as 2026-11-22T12",
    ),
    (
        "2026-11-22T12:00:00+09:00",
        "1700000000",
        "4: starts_at: '1700000000' is no date and time with its offset; allowed: such as 2026-11-22T12",
    ),
    (
        "2026-11-22T",
        "1926-11-22T",
        "4: starts_at: '1926-11-22T12:00:00+09:00' is not between the years 2000 and 2100; allowed: such",
    ),
    (
        "2026-11-22T",
        "2026-02-30T",
        "4: starts_at: '2026-02-30T12:00:00+09:00' does not fit; allowed: such as 2026-11-22T12",
    ),
    # closed lists
    ("kind: shock", "kind: shok", "28: steps[3].generate[0].kind: 'shok' is unknown; allowed: one of drift"),
    (
        "command: resume",
        "command: go",
        "30: steps[5].operator.command: 'go' is unknown; allowed: one of halt, resume, flatten, accept",
    ),
    (
        "edge_too_small",
        "edge_to_small",
        "34: expected_outcomes.refusals.edge_to_small: unknown key; did you mean edge_too_small? allowed: plan",
    ),
    (
        "[venue_errors]",
        "[venue_error]",
        "36: expected_outcomes.trips[0]: 'venue_error' is unknown; allowed: one of venue_errors",
    ),
    (
        "latches: [operator]",
        "latches: [operators]",
        "37: expected_outcomes.latches[0]: 'operators' does not fit; allowed: such as daily_loss",
    ),
    ("ACTIVE", "ALIVE", "38: expected_outcomes.trading_state: 'ALIVE' is unknown; allowed: one of ACTIVE"),
    # faults
    ("kind: error_5xx", "kind: error_500", "23: faults[0].kind: 'error_500' does not fit; allowed: one of banned"),
    ("kind: error_5xx, venue", "venue", "23: faults[0].kind: is missing; allowed: one of banned"),
    ("count: 2", "cuont: 2", "23: faults[0].cuont: unknown field; did you mean count? allowed: after_s"),
    ("status: 503", "status: 200", "23: faults[0].status: '200' does not fit; allowed: a whole number, 500 to 599"),
    ("count: 2", "code: 1001", "23: faults[0]: `code` means nothing for error_5xx; allowed: what"),
    ("count: 2", "count: two", "23: faults[0].count: 'two' is not a number; allowed: a whole number, 0 to 1000000"),
    # what does not go together
    ("{t: 5,", "{t: 99,", "27: steps[2].t: 9 is before the one above; allowed: 99 and later"),
    ("lasts_s: 60", "lasts_s: 11", "31: lasts_s: 11 s is before the last step; allowed: 12 to 518400"),
    (
        "{t: 0, rate: 1400}",
        "{t: 61, rate: 1400}",
        "8: symbols.exchange_rate[1].t: 60 is before the one above; allowed: 61 and later",
    ),
    ("ETHUSDT]", "XRPUSDT]", "7: symbols.binance[1]: 'XRPUSDT' is not the same asset as KRW-ETH; allowed: ETHUSDT"),
    ("[BTCUSDT, ETHUSDT]", "[BTCUSDT]", "5: symbols: upbit has 2 markets, binance 1; allowed: as many of each"),
    (
        "KRW-ETH]\n  binance: [BTCUSDT, ETHUSDT]",
        "KRW-BTC]\n  binance: [BTCUSDT, BTCUSDT]",
        "7: symbols.binance[1]: 'BTCUSDT' cannot be a pair here; allowed: each asset once, USDT excepted",
    ),
    (
        "upbit: [KRW-BTC, KRW-ETH]",
        "upbit: [KRW-BTC, BTC-ETH]",
        "6: symbols.upbit[1]: 'BTC-ETH' does not fit; allowed: such as KRW-BTC",
    ),
    ("books: {KRW-BTC", "books: {KRW-XRP", "27: steps[2].books.KRW-XRP: unknown market; allowed: KRW-BTC"),
    (
        "symbols: [KRW-BTC]",
        "symbols: [krw-btc]",
        "28: steps[3].generate[0].symbols[0]: 'krw-btc' does not fit; allowed: such as KRW-BTC, BTCUSDT",
    ),
    ("base: ETH", "base: XRP", "26: steps[1].base: unknown asset; allowed: BTC, ETH"),
    ("{BTC: 0}", "{XRP: 0}", "35: expected_outcomes.exposure.XRP: unknown asset; allowed: BTC, ETH"),
    ("upbit_ask: 140010000, ", "", "25: steps[0].upbit_bid: is named without upbit_ask; allowed: both"),
    (
        "books: {KRW-BTC",
        "books: {KRW-USDT: {}, KRW-BTC",
        "27: steps[2].fx: is named beside the book of KRW-USDT; allowed: one of the two",
    ),
    (
        "slippage_bps: 3",
        "max_daily_loss: 3",
        "18: risk_profile.max_daily_loss_krw: is the same limit as max_daily_loss; allowed: one of the",
    ),
    (
        "{min: 1, max: 20}",
        "{min: 21, max: 20}",
        "33: expected_outcomes.trades.min: 21 is more than the most; allowed: up to 20",
    ),
    ("{min: 1, max: 20}", "{}", "33: expected_outcomes.trades: asks for nothing; allowed: min, max, or both"),
    (
        'kind: error_5xx, venue: upbit, endpoint: "POST *", status: 503, executed: true, count: 2',
        "kind: socket_close",
        "23: faults[0].kind: 'socket_close' strikes nothing here; allowed: other kinds, or a",
    ),
    (
        "tick: {BTCUSDT: 0.1}",
        "tick: {KRW-BTC: 1}",
        "29: steps[4].venues.binance.tick.KRW-BTC: unknown market; allowed: BTCUSDT, ETHUSDT",
    ),
    (
        "halted: {BTCUSDT: break}",
        "wallets: {BTC: paused}",
        "29: steps[4].venues.binance.wallets: nobody looks at them; allowed: those of upbit",
    ),
    (
        "binance: {down: true, halted: {BTCUSDT: break}, tick: {BTCUSDT: 0.1}}",
        "upbit: {wallets: {XRP: paused}}",
        "29: steps[4].venues.upbit.wallets.XRP: unknown asset; allowed: BTC, ETH",
    ),
    (
        "command: resume",
        "command: halt",
        "30: steps[5].operator.latch: means nothing for halt; allowed: for resume",
    ),
    # what would do nothing
    (
        "POST *",
        "POST /v1/order",
        "23: faults[0].endpoint: 'POST /v1/order' fits no request; allowed: a pattern",
    ),
    ("POST *", "* order.place", "23: faults[0].endpoint: '* order.place' fits no request; allowed: a pattern over"),
    (
        "POST *",
        "POST /api/v3/order",
        "23: faults[0].endpoint: 'POST /api/v3/order' fits no request; allowed: a",
    ),
    (
        'kind: error_5xx, venue: upbit, endpoint: "POST *", status: 503, executed: true, count: 2',
        "kind: event_lost, contains: myOrders",
        "23: faults[0].contains: 'myOrders' stands in no private event; allowed: a part of myOrder",
    ),
    (
        'kind: error_5xx, venue: upbit, endpoint: "POST *", status: 503, executed: true, count: 2',
        "kind: event_lost, venue: upbit, contains: executionReport",
        "23: faults[0].contains: 'executionReport' stands in no private event; allowed: a part of myOrder",
    ),
    (
        'kind: error_5xx, venue: upbit, endpoint: "POST *", status: 503, executed: true, count: 2',
        "kind: too_many, s: 5",
        "23: faults[0].s: is a Retry-After, which is not kept here; allowed: banned",
    ),
    ("count: 2}", "after_s: 60}", "23: faults[0].after_s: 60 s is after the end of the scenario; allowed: below 60"),
    ("{t: 10, ", "{t: 10, restart_after_s: 5, ", "28: steps[3].restart_after_s: is named without an end; allowed"),
    ("{t: 10, ", "{t: 10, crash_after_s: 50, ", "28: steps[3].crash_after_s: 50 s is after the end of the scenario"),
    ("{t: 10, ", "{t: 10, base: ETH, ", "28: steps[3].base: is named without a touch; allowed: beside bid and ask"),
    (
        "venues: {binance: {down: true, ",
        "venues: {upbit: {clock_ahead_ms: 5}, binance: {down: true, ",
        "29: steps[4].venues.upbit.clock_ahead_ms: nobody looks at it; allowed: that of binance",
    ),
    (
        "by_bps: 50, seconds: 30",
        "by_bps: 50, pull_s: 30",
        "28: steps[3].generate[0].pull_s: means nothing for shock; allowed: by_bps, every_ms, seconds",
    ),
    ("by_bps: 50, ", "", "28: steps[3].generate[0]: moves nothing; allowed: by_bps other than 0"),
    (
        "steps:\n",
        "steps:\n  - {t: 0, generate: [{kind: gap, by_bps: 5}]}\n",
        "25: steps[0].generate[0]: KRW-BTC has no price to be moved yet; allowed: after a step that names one",
    ),
    (
        "{t: 60, rate: 1401}",
        "{t: 61, rate: 1401}",
        "8: symbols.exchange_rate[1].t: 61 is after the end of the scenario; allowed: up to 60",
    ),
    ("BTC: 0.05}\n  binance", "BTCC: 1}\n  binance", "10: balances.upbit.BTCC: unknown currency; did you mean BTC?"),
    ("KRW: 5000000", "KRW: -1", "10: balances.upbit.KRW: '-1' is too small; allowed: 0 to 1e15"),
    (
        "{min: 1, max: 20}",
        "{min: 0}",
        "33: expected_outcomes.trades.min: 0 holds for every count; allowed: 1 and more, or a max",
    ),
    # YAML
    ("seed: 7\n", "seed: 7\nseed: 8\n", "4: seed: is there twice; allowed: once"),
    ("{t: 60, rate: 1401}", "*rate", "8: symbols.exchange_rate[1]: is an alias (*); allowed: the same, written out"),
    ("seed: 7", "seed: !!int 7", "3: seed: has a tag (!); allowed: plain values"),
    ("operator}}\n", "operator}\n", "31: is not YAML: did not find expected ',' or '}'; allowed: plain YAML"),
    (
        "  exchange_rate",
        "\texchange_rate",
        "8: is not YAML: found character that cannot start any token; allowed: plain YAML",
    ),
]
"""What stands in the good scenario, what a person wrote instead, and how the complaint about it begins."""


def complaints(path: Path) -> list[str]:
    with pytest.raises(ScenarioWrong) as wrong:
        read_scenario(path)
    return str(wrong.value).split("\n")


def test_the_scenario_that_is_spoilt_here_is_right(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)

    assert read_scenario(path).name == "everything once"
    assert len(MISTAKES) >= 50


@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES)
def test_each_mistake_is_told_with_file_line_field_and_what_is_allowed(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(right, wrong, 1))

    assert right in GOOD
    assert [complaint for complaint in complaints(path) if complaint.startswith(f"{path}:{told}")], complaints(path)
    assert all("allowed: " in complaint for complaint in complaints(path))


def test_more_faults_than_can_be_in_force_are_told(tmp_path: Path) -> None:
    fault = "{kind: drop_before}"
    path = tmp_path / "faulty.yaml"
    path.write_text(
        GOOD.replace("{t: 10, ", "{t: 10, faults: [" + ", ".join([fault] * 1_000) + "], ", 1), encoding="utf-8"
    )

    assert complaints(path) == [f"{path}:22: faults: there are 1001 with those of the steps; allowed: up to 1000"]


PIECES = """\
name symbols steps t upbit_bid faults kind drop_before venues upbit down fx books bids operator trades min Bounds
0 1e3 -1 .nan ~ yes 2026-11-22 [key] << & * ! ? | > ' " # % \\ \t é \u2028 \x00"""
SCRAPS = st.sampled_from([*PIECES.split(), ": ", "- ", "[", "]", "{", "}", ", ", "\n", "\n  ", "\n---\n", "&a ", "*a"])


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scraps=st.lists(SCRAPS, max_size=40), at=st.integers(0, len(GOOD)), cut=st.integers(0, 60))
def test_no_text_raises_anything_else(tmp_path: Path, scraps: list[str], at: int, cut: int) -> None:
    path = tmp_path / "fuzz.yaml"
    for text in ("".join(scraps), GOOD[:at] + "".join(scraps) + GOOD[at + cut :]):
        path.write_text(text, encoding="utf-8")
        told = told_of(path)

        assert all(line.startswith(f"{path}:") for line in told)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200))
def test_no_bytes_raise_anything_else(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "fuzz.yaml"
    path.write_bytes(raw)

    assert complaints(path)


def test_a_scenario_that_goes_on_for_too_long_is_told(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(GOOD.replace("seconds: 30", "seconds: 518400").replace("lasts_s: 60\n", ""), encoding="utf-8")

    told = "24: steps: what they tell lasts 518440 s; allowed: up to 518400 s, with the end"
    assert complaints(path) == [f"{path}:{told}"]


STRIKING = [
    *(f'kind: drop_before, endpoint: "{fits}"' for fits in ("*", "GET *", "* /v1/orders", "DELETE /api/v3/order")),
    *(f"kind: event_lost, contains: {fits}" for fits in ("Order", "arb-paper-1-2-b-1", "-u-1", "balanceUpdate USDT")),
    "kind: event_lost",
]


@pytest.mark.parametrize("fault", STRIKING)
def test_a_fault_that_may_strike_is_taken(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "faulty.yaml"
    path.write_text(GOOD.replace("{t: 10, ", f"{{t: 10, faults: [{{{fault}}}], ", 1), encoding="utf-8")

    assert told_of(path) == []


def told_of(path: Path) -> list[str]:
    """Return what is told of a file, nothing if it is right."""
    try:
        read_scenario(path)
    except ScenarioWrong as wrong:
        return str(wrong).split("\n")
    return []
