"""The mode gate: no path to Live but the whole one, and a reason for every step that is missing."""

from dataclasses import replace
from itertools import product

import pytest

from liveguard.mode_gate import API_KEYS, ARM_PHRASE, ArmFile, GateEvidence, Mode, NotLive, decide, issue_live_permit
from liveguard.risk_limits import RiskLimits

LIMITS = RiskLimits.over_cautious({})
ALL_MET = GateEvidence(
    live_mode="true", safety_mode="true", dry_run="false", keys_present=frozenset(API_KEYS), limits=LIMITS
)
TEXTS = (None, "true", "TRUE", "1", "yes", "false", "0", "no", "", "ture")
FLAGS = ("PAPER_MODE", "LIVE_MODE", "SAFETY_MODE", "DRY_RUN")


def unmet(evidence: GateEvidence) -> list[str]:
    return [layer.name for layer in decide(evidence).unmet]


def expected(paper: str | None, live: str | None, safety: str | None, dry: str | None) -> tuple[Mode, list[str]]:
    """Say what the design says, written out once more by hand."""
    yes, no = ["true", "TRUE", "1", "yes"], ["false", "0", "no"]
    met = {
        "PAPER_MODE": paper in [None, *no],
        "LIVE_MODE": live in yes,
        "SAFETY_MODE": safety in [None, *yes],
        "DRY_RUN": dry in no,
    }
    allowed = Mode.LIVE if all(met.values()) else Mode.SHADOW
    return Mode.PAPER if paper in yes else allowed, [name for name in FLAGS if not met[name]]


def test_the_flags_lead_where_the_design_says_in_all_ten_thousand_combinations():
    seen, wanted = {}, {}
    for texts in product(TEXTS, repeat=4):
        paper, live, safety, dry = texts
        evidence = replace(ALL_MET, paper_mode=paper, live_mode=live, safety_mode=safety, dry_run=dry)
        seen[texts] = decide(evidence).mode, unmet(evidence)
        wanted[texts] = expected(paper, live, safety, dry)

    assert seen == wanted
    # PAPER_MODE unset or no (4) · LIVE_MODE yes (4) · SAFETY_MODE unset or yes (5) · DRY_RUN no (3)
    assert sum(mode is Mode.LIVE for mode, _ in seen.values()) == 4 * 4 * 5 * 3


def test_with_everything_met_the_mode_is_live_and_every_layer_says_so():
    decision = decide(ALL_MET)

    assert decision.mode is Mode.LIVE
    assert [layer.name for layer in decision.layers] == [*FLAGS, "API_KEYS", "RISK_LIMITS"]
    assert all(layer.passed and not layer.fix for layer in decision.layers)


def test_with_nothing_given_the_mode_is_shadow_and_every_reason_is_listed():
    decision = decide(GateEvidence())

    assert decision.mode is Mode.SHADOW
    assert [layer.name for layer in decision.unmet] == ["LIVE_MODE", "DRY_RUN", "API_KEYS", "RISK_LIMITS"]
    assert all(layer.seen and layer.fix for layer in decision.unmet)


@pytest.mark.parametrize("missing", API_KEYS)
def test_a_single_missing_key_keeps_us_from_live(missing):
    decision = decide(replace(ALL_MET, keys_present=frozenset(API_KEYS) - {missing}))

    assert decision.mode is Mode.SHADOW
    assert [(layer.name, layer.seen) for layer in decision.unmet] == [("API_KEYS", f"missing {missing}")]


def test_missing_limits_keep_us_from_live_and_their_problem_is_told():
    decision = decide(replace(ALL_MET, limits=None, limits_problem="RISK_MAX_DAILY_LOSS is not set"))

    assert decision.mode is Mode.SHADOW
    assert decision.unmet[0].seen == "RISK_MAX_DAILY_LOSS is not set"


@pytest.mark.parametrize(
    "text", [" false", "false ", "f", "n", "none", "null", "fALSE\n", "０", "disabled", "00", "-1"]
)
def test_a_dry_run_that_is_not_exactly_a_no_stays_dry(text):
    assert unmet(replace(ALL_MET, dry_run=text)) == ["DRY_RUN"]


@pytest.mark.parametrize("text", ["yeſ", " true", "true ", "t", "y", "2", "１", "enabled", "live"])
def test_a_live_mode_that_is_not_exactly_a_yes_is_not_live(text):
    assert unmet(replace(ALL_MET, live_mode=text)) == ["LIVE_MODE"]


@pytest.mark.parametrize("text", ["Off", "NO", "oFF", "False"])
def test_a_no_counts_in_any_case(text):
    assert decide(replace(ALL_MET, dry_run=text)).mode is Mode.LIVE


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (None, "not set, which means true"),
        ("true", "true"),
        ("YES", "YES, which means true"),
        ("", "empty, which is neither yes nor no"),
        ("flase", "'flase', which is neither yes nor no"),
        ("\x1b[2J\r\n", "'\\x1b[2J\\r\\n', which is neither yes nor no"),
    ],
)
def test_a_layer_shows_what_it_saw(text, seen):
    layer = decide(replace(ALL_MET, dry_run=text)).unmet[0]

    assert (layer.seen, layer.fix) == (seen, "set DRY_RUN=false")


def test_a_key_pasted_into_a_flag_is_not_shown():
    layer = decide(replace(ALL_MET, live_mode="k" * 40)).unmet[0]

    assert layer.seen == "a text of 40 characters, which is neither yes nor no"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (None, Mode.SHADOW),
        ("", Mode.SHADOW),
        (f"do not write: {ARM_PHRASE}", Mode.SHADOW),
        (ARM_PHRASE.lower(), Mode.SHADOW),
        (f"# signed by both of us\n  {ARM_PHRASE}\r\n", Mode.LIVE),
    ],
)
def test_an_arm_file_that_is_asked_for_must_hold_the_phrase_on_a_line(text, mode):
    decision = decide(replace(ALL_MET, arm_file=ArmFile("/run/arm", text)))

    assert decision.mode is mode
    assert [layer.name for layer in decision.unmet] == ([] if mode is Mode.LIVE else ["LIVE_ARM_FILE"])


def test_the_permit_carries_the_limits():
    assert issue_live_permit(ALL_MET).limits is LIMITS


@pytest.mark.parametrize("text", ["true", "ture"])
def test_no_permit_in_another_mode(text):
    with pytest.raises(NotLive, match="PAPER_MODE") as refused:
        issue_live_permit(replace(ALL_MET, paper_mode=text, dry_run=None))

    assert [layer.name for layer in refused.value.unmet] == ["PAPER_MODE", "DRY_RUN"]
