"""Fault scripts: YAML in, a rehearsal or one line out."""

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.fault_script import LARGEST_FILE, read_script
from arbitrage.sandbox.faults import Kind

ROUGH_DAY = """
seed: 7
faults:
  - {kind: hang_after_execution, venue: binance, endpoint: "POST /api/v3/order", count: 1}
  - {kind: delay_before, venue: upbit, probability: 0.2, s: 0.5}
knobs:
  - {venue: binance, after_s: 60, for_s: 30, set: {price_shock: {BTCUSDT: 0.68}, halted: {ETHUSDT: BREAK}}}
"""


def test_a_script_has_a_seed_faults_and_knobs(tmp_path):
    path = tmp_path / "rough-day.yaml"
    path.write_text(ROUGH_DAY)
    script = read_script(path)

    assert script.seed == 7
    assert [(fault.kind, fault.venue) for fault in script.faults] == [
        (Kind.HANG_AFTER_EXECUTION, Venue.BINANCE),
        (Kind.DELAY_BEFORE, Venue.UPBIT),
    ]
    assert (script.knobs[0].after_s, str(script.knobs[0].set.price_shock["BTCUSDT"])) == (60, "0.68")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("faults: [", "while parsing a flow node did not find expected node content"),
        ("faults: 3", "Expected `array`, got `int` - at `$.faults`"),
        ("fault: []", "Object contains unknown field `fault`"),
        ("faults: [{kind: nope}]", "Invalid enum value 'nope' - at `$.faults[0].kind`"),
        ("faults: [{kind: banned}, {kind: banned, code: 1000}]", "`code` means nothing for banned - at `$.faults[1]`"),
        ("faults: [{kind: banned, s: .nan}]", "Expected `float` >= 0.0 - at `$.faults[0].s`"),
        ("knobs: [{venue: upbit, set: {fill_share: 2}}]", "`fill_share` is from 0 to 1 - at `$.knobs[0].set`"),
        ("knobs: [{venue: upbit, set: {fill_share: .nan}}]", "`fill_share` is from 0 to 1 - at `$.knobs[0].set`"),
        ("knobs: [{venue: upbit, set: {tick: {KRW-BTC: 0}}}]", "`tick` is above zero"),
        ("knobs: [{venue: upbit, set: {price_shock: {KRW-BTC: 1e30}}}]", "`price_shock`|Decimal"),
        ("knobs: [{venue: upbit, set: {volume: 11}}]", "Object contains unknown field `volume` - at `$.knobs[0].set`"),
        ("faults: [" + "{kind: banned}," * 1_001 + "]", "more than 1000 faults"),
        ("#" * (LARGEST_FILE + 1), "larger than"),
        ("\x00", "special characters are not allowed|control characters"),
    ],
)
def test_a_wrong_script_is_one_line_with_file_and_field(tmp_path, text, error):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_script(path)
    said = str(refused.value)

    assert said.startswith(f"{path}: ")
    assert any(part in said for part in error.split("|"))
    assert "\n" not in said
    assert len(said) < 600


def test_a_script_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        read_script(tmp_path / "nowhere.yaml")
