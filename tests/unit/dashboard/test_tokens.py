"""The dashboard's tokens: strong ones pass, all others are refused by name and never repeated."""

import random
import string

import pytest

from arbitrage.dashboard.tokens import Role, Tokens, new_token, weakness
from arbitrage.domain.errors import ConfigurationError
from arbitrage.settings import load_settings

READ, CONTROL = new_token(), new_token()


def tokens_of(read: str = READ, control: str = CONTROL) -> Tokens:
    given = {"DASHBOARD_READ_TOKEN": read, "DASHBOARD_CONTROL_TOKEN": control}
    return Tokens.of(load_settings({name: text for name, text in given.items() if text}, env_file=None))


def test_a_thousand_new_tokens_are_all_strong_and_all_different():
    made = {new_token() for _ in range(1_000)}

    assert len(made) == 1_000
    assert not any(map(weakness, made))


def test_random_hex_of_256_bits_is_strong():
    rng = random.Random(1)

    assert not any(weakness(rng.randbytes(32).hex()) for _ in range(1_000))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "changeme",
        "password",
        READ[:42],
        "0123456789abcdef" * 3,
        "0123456789abcdef" * 4,
        "a" * 64,
        "A" * 43,
        "change-me" * 6,
        "deadbeef" * 8,
        string.ascii_letters,
        string.ascii_lowercase + string.digits + string.ascii_uppercase,
        "abc123" * 10,
        f"{READ} ",
        f"{READ}\u00e9",
        "-" * 60,
        "x" * 40 + READ[:3],
        "9" * 63 + "a",
    ],
)
def test_a_token_that_can_be_guessed_is_refused(token: str):
    assert weakness(token)
    assert not token or token not in weakness(token)


@pytest.mark.parametrize(
    ("read", "control", "complaint"),
    [
        ("", "", "DASHBOARD_READ_TOKEN is not set (there is no default); DASHBOARD_CONTROL_TOKEN is not set"),
        (READ, "", "DASHBOARD_CONTROL_TOKEN is not set"),
        ("short", CONTROL, "DASHBOARD_READ_TOKEN must be at least 43"),
        (READ, READ, "must not be the same"),
    ],
)
def test_without_two_strong_tokens_there_is_no_dashboard_and_the_way_to_one_is_said(read, control, complaint):
    with pytest.raises(ConfigurationError) as refused:
        tokens_of(read, control)

    assert complaint in str(refused.value)
    assert "arbitrage dashboard --new-token" in str(refused.value)
    assert READ not in str(refused.value)


def test_a_token_says_what_it_allows_and_any_other_text_nothing():
    tokens = tokens_of()

    assert (tokens.role_of(READ), tokens.role_of(CONTROL)) == (Role.READ, Role.CONTROL)
    assert {tokens.role_of(text) for text in ("", "x", READ[:-1], f"{READ}x", READ.swapcase(), "ü" * 43)} == {None}
    assert READ not in repr(tokens)
    assert CONTROL not in repr(tokens)


def test_a_token_may_stand_in_a_file(tmp_path):
    (tmp_path / "token").write_text(f"{READ}\n")
    given = {"DASHBOARD_READ_TOKEN_FILE": str(tmp_path / "token"), "DASHBOARD_CONTROL_TOKEN": CONTROL}

    assert Tokens.of(load_settings(given, env_file=None)).role_of(READ) is Role.READ
