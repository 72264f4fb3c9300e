"""Who may use Upbit's private side: every way in which a token can be wrong has its own name."""

import hashlib

import pytest

from arbitrage.sandbox.keys import UPBIT_KEYS, Keys
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.upbit_private_errors import Refused
from arbitrage.sandbox.upbit_private_key import NONCE_KEPT_S, KeyCheck
from tests.clocks import ManualClock
from tests.upbit_venue import Signer

QUERY = "market=KRW-BTC&states[]=wait&states[]=watch"
ADDRESS = "127.0.0.1"


def a_key(clock: ManualClock | None = None, **knobs: object) -> KeyCheck:
    return KeyCheck(UPBIT_KEYS, Knobs(**knobs), clock or ManualClock())


def refusal(key: KeyCheck, token: str | None, query: str | None = QUERY, address: str = ADDRESS) -> str:
    """Return the name under which a request is refused, or nothing."""
    try:
        key.admit(token, address, query)
    except Refused as e:
        return e.name
    return ""


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
@pytest.mark.parametrize("query", [QUERY, "", None, "a=한글 &b=+"])
def test_both_algorithms_are_taken(algorithm, query):
    assert refusal(a_key(), Signer(algorithm=algorithm).token(query), query) == ""


@pytest.mark.parametrize(
    ("case", "token", "name"),
    [
        ("nothing", None, "no_authorization_token"),
        ("no bearer", "Basic abc", "jwt_verification"),
        ("two parts", "Bearer a.b", "jwt_verification"),
        ("no base64", "Bearer a.b.c", "jwt_verification"),
        ("no JSON", "Bearer YWJj.YWJj.YWJj", "jwt_verification"),
        ("another key", Signer(Keys("another", UPBIT_KEYS.secret)).token(QUERY), "invalid_access_key"),
        ("another secret", Signer(Keys(UPBIT_KEYS.access, "wrong")).token(QUERY), "jwt_verification"),
        ("unsigned", Signer(algorithm="none").token(QUERY), "jwt_verification"),
        ("another algorithm", Signer(algorithm="HS384").token(QUERY), "jwt_verification"),
        ("no nonce", Signer(claims={"nonce": None}).token(QUERY), "jwt_verification"),
        ("a nonce that is no text", Signer(claims={"nonce": 5}).token(QUERY), "jwt_verification"),
        ("a hash of something else", Signer().token(f"{QUERY}&page=1"), "invalid_query_payload"),
        ("no hash", Signer().token(None), "invalid_query_payload"),
        ("a hash that is no text", Signer(claims={"query_hash": 1}).token(QUERY), "invalid_query_payload"),
        ("a hash in Korean", Signer(claims={"query_hash": "한"}).token(QUERY), "invalid_query_payload"),
        ("another hash", Signer(claims={"query_hash_alg": "SHA256"}).token(QUERY), "invalid_query_payload"),
    ],
)
def test_a_wrong_token_is_refused_by_name(case, token, name):
    assert refusal(a_key(), token) == name


def test_a_hash_over_the_parameters_in_another_order_is_wrong():
    token = Signer().token("states[]=watch&states[]=wait&market=KRW-BTC")

    assert refusal(a_key(), token) == "invalid_query_payload"


def test_the_hash_is_hexadecimal_sha512_of_the_decoded_parameters():
    claims = {"query_hash": hashlib.sha512(QUERY.encode()).hexdigest(), "query_hash_alg": "SHA512"}

    assert refusal(a_key(), Signer(claims=claims).token(None)) == ""


def test_a_nonce_is_good_for_one_request():
    key = a_key()
    first, second = (Signer().token(QUERY, "the same") for _ in range(2))

    assert [refusal(key, first), refusal(key, first), refusal(key, second)] == ["", "nonce_used", "nonce_used"]


def test_a_nonce_is_used_up_by_a_request_that_fails_behind_the_signature_and_by_no_other():
    key = a_key()
    unsigned = Signer(Keys(UPBIT_KEYS.access, "wrong")).token(QUERY, "one")
    misquoted = Signer().token("else", "one")

    assert refusal(key, unsigned) == "jwt_verification"
    assert refusal(key, misquoted) == "invalid_query_payload"
    assert refusal(key, Signer().token(QUERY, "one")) == "nonce_used"


def test_nonces_are_forgotten_in_time_so_that_they_do_not_fill_the_memory():
    clock = ManualClock()
    key = a_key(clock)
    token = Signer().token(QUERY)
    refusal(key, token)
    clock.advance(NONCE_KEPT_S)

    assert refusal(key, token) == "nonce_used"
    clock.advance(1)
    assert refusal(key, token) == ""


def test_a_key_expires():
    clock = ManualClock()
    key = a_key(clock, key_expires_in_s=60.0)
    before = refusal(key, Signer().token(QUERY))
    clock.advance(60)

    assert (before, refusal(key, Signer().token(QUERY))) == ("", "expired_access_key")


def test_a_key_that_nobody_set_lives_for_a_year():
    key = a_key()

    assert key.expires_at - key.created_at == 365 * 86_400 * 10**9


@pytest.mark.parametrize(("address", "name"), [("10.0.0.1", ""), ("10.0.0.2", "no_authorization_ip")])
def test_only_the_listed_addresses_may_use_a_key(address, name):
    assert refusal(a_key(allowed_ips={"10.0.0.1"}), Signer().token(QUERY), QUERY, address) == name


def test_a_key_may_do_what_its_permissions_say():
    key = a_key(permissions={"view_account"})
    key.demand("view_account")
    key.demand("")

    with pytest.raises(Refused, match="out_of_scope"):
        key.demand("make_orders")


def test_a_key_that_nobody_set_can_trade_and_cannot_withdraw():
    assert {"view_account", "view_orders", "make_orders"} <= a_key().permissions
    assert not {"withdraw", "transfer", "deposit"} & a_key().permissions


def test_a_secret_is_not_shown():
    assert UPBIT_KEYS.secret not in repr(UPBIT_KEYS)
