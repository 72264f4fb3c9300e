"""Our signature for Binance against ccxt's, for parameters drawn at random.

ccxt runs in a process of its own: importing it arms a trap of the decimal context for everybody in the process.
"""

import json
import subprocess
import sys
from random import Random
from typing import Any

from arbitrage.exchange.binance_signing import BinanceSigner, encoded, signature

CCXT = """
import ccxt, json, sys
for method, path, params, secret, at_ms in json.load(sys.stdin):
    exchange = ccxt.binance({"apiKey": "access", "secret": secret})
    exchange.nonce = lambda: at_ms
    request = exchange.sign(path, ["private"], method, params)
    print(request["body"] if method == "POST" else request["url"].partition("?")[2])
"""

ALPHABET = "abcXYZ0189 -_.~!*'();:@&=+$,/?%#[]\"<>{}|^`\\한글é\U0001f600"
NAMES = ("symbol", "side", "quantity", "price", "origClientOrderId", "orderId", "strategy", "limit")


def a_case(rng: Random) -> tuple[str, str, dict[str, str], str, int]:
    """A request with up to six parameters that nobody would send, and a secret of any length."""
    text = lambda most: "".join(rng.choices(ALPHABET, k=rng.randint(1, most)))  # noqa: E731 - a drawer of texts
    params = {name: text(24) for name in rng.sample(NAMES, rng.randint(0, 6))}
    method, path = rng.choice([("POST", "order"), ("GET", "order"), ("DELETE", "order"), ("GET", "myTrades")])
    secret = "".join(rng.choices("abcdefXYZ0189", k=rng.randint(1, 100)))
    return method, path, {**params, "newClientOrderId": text(36)}, secret, rng.randint(10**12, 10**13)


def test_we_write_and_sign_parameters_as_ccxt_does() -> None:
    rng = Random(7)
    cases = [a_case(rng) for _ in range(200)]
    ran = subprocess.run(
        [sys.executable, "-c", CCXT], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    theirs = ran.stdout.splitlines()

    assert len(theirs) == len(cases)
    for (_, _, params, secret, at_ms), their_payload in zip(cases, theirs, strict=True):
        full: dict[str, Any] = {"timestamp": str(at_ms), **params, "recvWindow": "10000"}
        assert BinanceSigner(secret.encode()).signed(encoded(full)) == their_payload


def test_a_signature_is_that_of_the_venues_own_example() -> None:
    # rest-api, "SIGNED Endpoint Examples for POST /api/v3/order": HMAC keys, example 1
    secret = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    payload = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )

    assert signature(secret, payload) == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
