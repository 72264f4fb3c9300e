"""`arbitrage evaluate`: the engine's own verdict on books in a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.evaluate import Evaluation, evaluate_file
from tests import builders as make

WINNING: dict[str, Any] = {
    "base": "BTC",
    "upbit": {"bids": [[120_000_000, 1]], "asks": [[120_001_000, 1]]},
    "binance": {"bids": [["84999.99", "1"]], "asks": [["85000.00", "1"]]},
    "fx": {"bid": 1400, "ask": 1401},
    "limits": {"max_position_size": 100_000_000},
}


def found(folder: Path, **changes: Any) -> Evaluation:
    path = folder / "books.json"
    path.write_text(json.dumps({**WINNING, **changes}))
    return evaluate_file(path)


def test_a_file_gets_the_plan_that_the_engine_would_make(tmp_path: Path) -> None:
    plan = found(tmp_path).plan
    story = make.Story()
    (submit,) = story.tell(make.fx(), make.binance_book(84_999.99, 85_000.0), make.upbit_book(120_000_000, 120_001_000))

    assert plan is not None
    assert (plan.net_edge_bps, plan.upbit, plan.binance) == (
        submit.approved.what.net_edge_bps,  # type: ignore[union-attr]  # a story with a premium ends in a plan
        submit.approved.what.upbit,  # type: ignore[union-attr]  # the same
        submit.approved.what.binance,  # type: ignore[union-attr]  # the same
    )


@pytest.mark.parametrize(
    ("case", "changes", "codes"),
    [
        ("old fx", {"fx": {"bid": 1400, "ask": 1401, "age_ms": 30_001}}, {"fx_too_old"}),
        ("no coins", {"balances": {"upbit": {"BTC": 0}, "binance": {"USDT": 1e9}}}, {"inventory_dry"}),
        ("no such profit", {"fx": {"bid": 1000, "ask": 1001}}, {"edge_implausible"}),
    ],
)
def test_a_refusal_has_its_reasons(tmp_path: Path, case: str, changes: dict[str, Any], codes: set[str]) -> None:
    verdict = found(tmp_path, **changes)

    assert verdict.plan is None
    assert {refusal["code"] for refusal in verdict.to_json()["refusals"]} == codes


def test_no_edge_is_neither_a_plan_nor_a_refusal(tmp_path: Path) -> None:
    verdict = found(tmp_path, binance={"bids": [[85_599.9, 1]], "asks": [[85_600, 1]]})

    assert verdict.verdict == "no_edge"
    assert verdict.edges_bps["sell_upbit"] == pytest.approx(-13.79, abs=0.01)


@pytest.mark.parametrize(
    ("case", "changes", "complaint"),
    [
        ("unknown field", {"fees": 1}, "unknown field `fees`"),
        ("misspelt limit", {"limits": {"max_edge": 1}}, "limits.max_edge: unknown"),
        ("limit of zero", {"limits": {"max_edge_pct": 0}}, "above zero: max_edge_pct = 0"),
        ("three numbers", {"upbit": {"bids": [[1, 2, 3]], "asks": []}}, "upbit.bids"),
        ("no number", {"fx": {"bid": "x", "ask": 1}}, "fx.bid"),
        ("no such fx", {"fx": {"bid": 1.4, "ask": 1.401}}, "fx: must be from 100 to 100000"),
        ("crossed", {"upbit": {"bids": [[2, 1]], "asks": [[1, 1]]}}, "KRW-BTC: the book is empty, crossed"),
        ("bad level", {"binance": {"bids": [[2, 1], [3, 1]], "asks": [[4, 1]]}}, "BTCUSDT: the book"),
        ("NaN price", {"upbit": {"bids": [["NaN", 1]], "asks": [[1, 1]]}}, "KRW-BTC: the book"),
        ("lot of zero", {"binance": {**WINNING["binance"], "lot": 0}}, "binance.lot"),
        ("lot NaN", {"binance": {**WINNING["binance"], "lot": "NaN"}}, "binance.lot"),
        ("fee of 200 %", {"upbit": {**WINNING["upbit"], "fee_pct": 200}}, "upbit.fee_pct"),
        ("infinite balance", {"balances": {"upbit": {"BTC": "Infinity"}}}, "balances.upbit.BTC"),
        ("broken count", {"limits": {"max_position_count": 2.9}}, "max_position_count: must be a whole number"),
        ("infinite count", {"limits": {"max_position_count": "Infinity"}}, "limits.max_position_count"),
        ("age below zero", {"fx": {"bid": 1400, "ask": 1401, "age_ms": -1}}, "age_ms"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_field(
    tmp_path: Path, case: str, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        found(tmp_path, **changes)

    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        evaluate_file(tmp_path / "none.json")
