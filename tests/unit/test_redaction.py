"""Secrets are taken out of any text: the named ones whole or in pieces, and what looks like one."""

import string
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.redaction import PIECE, REDACTED, conceal, conceal_environment, conceal_settings, redact
from arbitrage.settings import load_settings

KEY = "Rk7mQ2vX9zT4bW6nY8dL1sH3jF5gP0cAeUiOqZwE"
ADDRESS = (
    "tgram://9876543210:AAHq-xyzTOKENxyz_12345/4455667788 json://ops:swordfish99@hook.example.com/alerts/T0K3N-af31bc9d"
)
conceal([KEY, ADDRESS])

inside = st.text(string.ascii_letters + string.digits + " =&:/\"'{}\n", max_size=40)


@given(before=inside, after=inside)
def test_a_named_secret_is_taken_out_wherever_it_stands(before: str, after: str) -> None:
    for written in (KEY, quote(KEY, safe=""), b64encode(KEY.encode()).decode()):
        assert KEY not in redact(f"{before}{written}{after}")
        assert written not in redact(f"{before}{written}{after}")


@given(before=inside, after=inside, cut=st.integers(PIECE, len(KEY)))
def test_a_beginning_or_an_end_of_it_is_taken_out_as_far_as_it_goes(before: str, after: str, cut: int) -> None:
    head, tail = redact(f"{before}|{KEY[:cut]}|{after}"), redact(f"{before}|{KEY[-cut:]}|{after}")

    assert KEY[:PIECE] not in head
    assert KEY[cut - PIECE : cut] not in head
    assert KEY[-PIECE:] not in tail
    assert KEY[-cut : len(KEY) - cut + PIECE] not in tail


@pytest.mark.parametrize(
    "part", ["9876543210:AAHq-xyzTOKENxyz_12345", "AAHq-xyzTOKENxyz_12345", "swordfish99", "T0K3N-af31bc9d"]
)
def test_of_an_address_everything_that_lets_one_write_there_is_secret(part: str) -> None:
    told = redact(f"POST https://api.telegram.org/bot{part}/send")

    assert part not in told
    assert told.startswith("POST https://api.telegram.org/bot[redacted]")


@pytest.mark.parametrize("word", ["hook.example.com", "alerts", "json", "tgram"])
def test_plain_words_of_an_address_stay(word: str) -> None:
    assert redact(f"see {word} there") == f"see {word} there"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /api/v3/order?symbol=BTCUSDT&signature=abcdef0123&timestamp=1", "abcdef0123"),
        ('{"apiKey":"abcdef0123"}', "abcdef0123"),
        ("{'X-MBX-APIKEY': 'abcdef0123'}", "abcdef0123"),
        ("[(b'X-MBX-APIKEY', b'abcdef0123')]", "abcdef0123"),
        ("Authorization: Bearer abcdef.0123", "abcdef.0123"),
        ("authorization=Basic YWJjOmRlZg==", "YWJjOmRlZg"),
        ("('Authorization', 'Bearer abcdef0123')", "abcdef0123"),
        ("Proxy-Authorization: Digest abcdef0123", "abcdef0123"),
        ("redis://user:abcdef0123@host:6379/0", "abcdef0123"),
        ("token%3Dabcdef0123", "abcdef0123"),
        ('\\"secret\\": \\"abcdef0123\\"', "abcdef0123"),
        ("it said eyJhbGciOiJIUzUxMiJ9.eyJhY2Nlc3Nfa2V5Ijoi.c2lnbmF0dXJl again", "eyJhbGciOiJIUzUxMiJ9"),
        ("password: hunter2hunter2", "hunter2hunter2"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert REDACTED in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "[SHADOW_LIVE] 매도 0.01 KRW-BTC @ ₩120,000,000 → 14.2 bps",
        "keys_present=4 monkey business, base KEY",
        "Upbit's key ends in 12 days: make a new one",
        "https://api.upbit.com/v1/orders?market=KRW-BTC",
        "401 invalid_access_key",
        "the secret is out",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=300))
def test_taking_out_twice_is_taking_out_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_the_environment_and_the_settings_name_their_secrets() -> None:
    conceal_environment({"MY_DB_PASSWORD": "kx81-cellardoor", "SECRET_FILE": "/run/kx82", "LANG": "kx83-english"})
    conceal_settings(load_settings({"REDIS_PASSWORD": "kx84-cellardoor", "APP_ENV": "kx85-desk"}, None))

    assert redact("kx81-cellardoor kx84-cellardoor") == f"{REDACTED} {REDACTED}"
    assert redact("/run/kx82 kx83-english kx85-desk") == "/run/kx82 kx83-english kx85-desk"


def test_what_is_too_short_to_be_told_from_a_word_is_left_alone() -> None:
    conceal(["BTC", ""])

    assert redact("BTC") == "BTC"
