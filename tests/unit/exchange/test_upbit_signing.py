import hashlib
import hmac
import json
import subprocess
import sys
from base64 import urlsafe_b64decode
from itertools import count
from random import Random
from urllib.parse import parse_qsl
from uuid import UUID

import pytest

from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.upbit_signing import UpbitSigner, fresh_nonce, sent_query, signed_text

KEYS = ApiKeys("access", "hush")

# in a process of its own: importing ccxt arms a Decimal trap for everybody
SIGN_AS_CCXT = """
import json, sys, ccxt
for row in map(json.loads, sys.stdin):
    venue = ccxt.upbit({"apiKey": row["access"], "secret": row["secret"]})
    venue.uuid = lambda row=row: row["nonce"]
    signed = venue.sign(row["path"], ["private"], row["method"], dict(row["fields"]))
    print(json.dumps([signed["headers"]["Authorization"], signed["url"].partition("?")[2]]))
"""


def random_request(rng: Random) -> dict[str, object]:
    letters = "abcXYZ019._-:+/= &%\"'가나[]"
    fields = [
        (f"{name}_{number}", "".join(rng.choices(letters, k=rng.randint(1, 12))))
        for number, name in enumerate(rng.choices(["market", "price", "volume", "identifier"], k=rng.randint(0, 6)))
    ]
    method, path = rng.choice([("GET", "order"), ("DELETE", "order"), ("POST", "orders")])
    secret = "".join(rng.choices(letters, k=40))
    return {
        "method": method,
        "path": path,
        "fields": fields,
        "nonce": fresh_nonce(),
        "access": "a-key",
        "secret": secret,
    }


def test_our_tokens_are_those_of_ccxt():
    rng = Random(7)
    requests = [random_request(rng) for _ in range(200)]
    lines = "\n".join(json.dumps(request) for request in requests)
    output = subprocess.run(
        [sys.executable, "-c", SIGN_AS_CCXT], input=lines, capture_output=True, text=True, check=True
    ).stdout
    theirs = [json.loads(line) for line in output.splitlines()]

    for request, (authorization, query) in zip(requests, theirs, strict=True):
        keys = ApiKeys(request["access"], request["secret"])
        signer = UpbitSigner(keys, lambda request=request: request["nonce"], algorithm="HS256")
        assert f"Bearer {signer.token(signed_text(request['fields']))}" == authorization
        if request["method"] != "POST":
            assert parse_qsl(sent_query(request["fields"])) == parse_qsl(query)


def test_a_token_says_who_signs_once_and_what():
    signer = UpbitSigner(KEYS, lambda: "nonce-1")
    head, claims, signature = signer.token("market=KRW-BTC").split(".")

    assert decoded(head) == {"alg": "HS512", "typ": "JWT"}
    assert decoded(claims) == {
        "access_key": "access",
        "nonce": "nonce-1",
        "query_hash": hashlib.sha512(b"market=KRW-BTC").hexdigest(),
        "query_hash_alg": "SHA512",
    }
    assert raw(signature) == hmac.digest(b"hush", f"{head}.{claims}".encode(), "sha512")


def test_a_request_without_parameters_has_nothing_to_hash():
    _, claims, _ = UpbitSigner(KEYS, lambda: "n").token().split(".")

    assert decoded(claims) == {"access_key": "access", "nonce": "n"}


def test_each_token_has_a_nonce_of_its_own():
    signer = UpbitSigner(KEYS)

    assert len({signer.token() for _ in range(100)}) == 100
    assert UUID(fresh_nonce()).version == 4


def test_a_nonce_comes_from_where_one_says():
    numbers = count(1)
    signer = UpbitSigner(KEYS, lambda: f"n{next(numbers)}")

    assert [decoded(signer.token().split(".")[1])["nonce"] for _ in range(2)] == ["n1", "n2"]


@pytest.mark.parametrize(
    ("fields", "signed", "sent"),
    [
        ([], "", ""),
        ([("states[]", "wait"), ("states[]", "watch")],) + ("states[]=wait&states[]=watch",) * 2,
        ([("t", "2026-11-22T12:00:00+09:00")], "t=2026-11-22T12:00:00+09:00", "t=2026-11-22T12%3A00%3A00%2B09%3A00"),
    ],
)
def test_what_is_signed_is_not_encoded_and_what_is_sent_is(fields, signed, sent):
    assert (signed_text(fields), sent_query(fields)) == (signed, sent)


def test_a_signer_shows_no_secret():
    assert "hush" not in repr(UpbitSigner(KEYS)) + repr(KEYS)


def raw(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def decoded(part: str) -> dict[str, str]:
    return dict(json.loads(raw(part)))
