"""One event is one line, and no secret is in it, whatever the world sends."""

import json
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.redaction import REDACTED
from arbitrage.telemetry.cleaning import clean_text
from arbitrage.telemetry.log import processors

CANARY = "c4n4ry-5ecret"


class Lines:
    """A logger's end that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        self.lines.append(line)


def logged(fmt: str, event: str, **fields: object) -> str:
    end = Lines()
    structlog.wrap_logger(end, processors=processors(fmt)).info(event, **fields)
    (line,) = end.lines
    return line


class Hidden:
    """Behaves as pydantic's SecretStr does not: its text shows the secret."""

    def get_secret_value(self) -> str:
        return CANARY

    def __str__(self) -> str:
        return CANARY


class Textless:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("fmt", ["json", "console"])
@pytest.mark.parametrize(
    "payload",
    [
        "a\nb",
        "a\r\nb",
        "\x1b[2J\x1b[31mred",
        "\x9b31m",
        "safe\u202egnp.exe",
        "\u2066hidden\u2069",
        "a\x00b",
        "a\u2028b\u2029c\u0085d",
        "\x07\x08\x7f",
        "\ud800 lone",
        "zero\u200bwidth\ufeff",
        "%s %d {0} {event} %(levelname)s",
        '{"level":"critical"}\n{"event":"forged"}',
        "x" * 100_000,
    ],
)
def test_one_event_is_one_printable_line(fmt: str, payload: str) -> None:
    line = logged(fmt, payload, reason=payload, nested={payload: [payload]}, **{payload: 1})

    assert line.isprintable()
    assert len(line) < 10_000


@given(st.text(st.characters(), max_size=80))
def test_any_text_is_one_printable_line_of_json(text: str) -> None:
    line = logged("json", text, reason=text)

    assert line.isprintable()
    assert json.loads(line)["event"] == clean_text(text)


def test_text_that_people_write_is_left_alone() -> None:
    text = "[SHADOW_LIVE] 매도 0.01 KRW-BTC @ ₩120,000,000 → 14.2 bps"

    assert clean_text(text) == text


@pytest.mark.parametrize("fmt", ["json", "console"])
@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": CANARY},
        {"UPBIT_SECRET_KEY": CANARY},
        {"X-MBX-APIKEY": CANARY},
        {"Authorization": f"Bearer {CANARY}"},
        {"password": [CANARY]},
        {"key": CANARY},
        {"listen-key": CANARY},
        {"access_token": {"a": CANARY}},
        {"request": {"params": {"signature": CANARY}}},
        {"rows": [{"secret": CANARY}]},
        {"value": Hidden()},
        {"values": (Hidden(), [Hidden()])},
        {"url": f"https://api.binance.com/api/v3/order?symbol=BTCUSDT&signature={CANARY}&timestamp=1"},
        {"url": f"redis://:{CANARY}@localhost:6380/0"},
        {"text": f"Authorization: Bearer {CANARY}"},
        {"text": f'body {{"secret_key": "{CANARY}"}}'},
        {"text": "x" * 480 + f" signature={CANARY}"},
        {"text": "x" * 470 + f" redis://:{CANARY}@localhost"},
        {"text": "x" * 484 + f" redis://:{CANARY}@localhost"},
    ],
)
def test_a_secret_is_never_written(fmt: str, fields: dict[str, Any]) -> None:
    line = logged(fmt, "event", **fields)

    assert CANARY not in line
    assert CANARY[:6] not in line


def test_a_secret_in_an_exceptions_text_is_never_written() -> None:
    try:
        raise ValueError(f"GET https://host/?signature={CANARY}\nfailed")
    except ValueError:
        line = logged("json", "failed", exc_info=True)

    assert CANARY not in line
    assert "ValueError" in json.loads(line)["exception"]


def test_names_that_only_look_like_secrets_stay() -> None:
    fields = {"keys_present": 4, "monkey": "a", "passed": True, "base": "KEY"}

    assert json.loads(logged("json", "e", **fields)).items() >= fields.items()


def test_an_object_without_a_text_is_told_by_its_type() -> None:
    assert "Textless" in json.loads(logged("json", "e", thing=Textless()))["thing"]


def test_a_redacted_value_says_so() -> None:
    assert json.loads(logged("json", "e", secret="x"))["secret"] == REDACTED
