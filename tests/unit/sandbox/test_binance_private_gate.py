"""Who Binance's private side lets in: keys, signatures over exact bytes, and time to the millisecond."""

from decimal import Decimal

import pytest

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.binance_errors import BinanceError
from arbitrage.sandbox.binance_gate import READING, TRADING, Credentials, Gate, without_signature
from arbitrage.sandbox.binance_limits import OrderCounts
from arbitrage.sandbox.binance_params import Params, parse_form
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import BINANCE_KEYS
from arbitrage.sandbox.knobs import Knobs
from tests.binance_venue import signature
from tests.clocks import NOON, ManualClock

NOW_MS = NOON // NS_PER_MS


class Entrance:
    """A gate with a clock and knobs to turn, and a request that passes unless something is changed."""

    def __init__(self, knobs: Knobs | None = None) -> None:
        self.clock = ManualClock()
        self.knobs = knobs or Knobs()
        self.gate = Gate(Floor(Venue.BINANCE, {}, self.knobs, self.clock), BINANCE_KEYS)

    def code(self, payload: str | None = None, permission: str = TRADING, **changed: str | None) -> int:
        """Ask to be let in; 0 if the gate does so."""
        payload = f"timestamp={NOW_MS}" if payload is None else payload
        wanted: dict[str, str | None] = {"api_key": BINANCE_KEYS.access, "signature": signature(payload), **changed}
        credentials = Credentials(
            api_key=wanted["api_key"],
            payload=payload.encode(),
            signature=wanted["signature"],
            address=wanted.get("address") or "127.0.0.1",
        )
        try:
            self.gate.admit(credentials, Params(parse_form(payload.encode())), permission)
        except BinanceError as e:
            return e.code
        return 0


@pytest.mark.parametrize(
    ("case", "timestamp_ms", "window", "code"),
    [
        ("now", NOW_MS, None, 0),
        ("999 ms ahead", NOW_MS + 999, None, 0),
        ("1000 ms ahead", NOW_MS + 1_000, None, -1021),
        ("as old as the usual window", NOW_MS - 5_000, None, 0),
        ("1 ms older", NOW_MS - 5_001, None, -1021),
        ("as old as its own window", NOW_MS - 60_000, "60000", 0),
        ("1 ms older than that", NOW_MS - 60_001, "60000", -1021),
        ("within part of a millisecond", NOW_MS - 1, "1.5", 0),
        ("an empty window", NOW_MS - 1, "0", -1021),
        ("microseconds", NOW_MS * 1_000, None, 0),
        ("microseconds of long ago", NOW_MS * 1_000 - 6_000_000, None, -1021),
        ("a window beyond the longest", NOW_MS, "60001", -1131),
        ("a window that is no number", NOW_MS, "wide", -1100),
        ("the year zero", 0, None, -1021),
    ],
)
def test_a_request_is_let_in_within_its_window(case: str, timestamp_ms: int, window: str | None, code: int) -> None:
    payload = f"timestamp={timestamp_ms}" + ("" if window is None else f"&recvWindow={window}")

    assert Entrance().code(payload) == code, case


def test_both_texts_of_1021_are_the_venues() -> None:
    gate = Entrance().gate
    texts = []
    for timestamp in (NOW_MS + 1_000, NOW_MS - 5_001):
        payload = f"timestamp={timestamp}"
        credentials = Credentials(
            api_key=BINANCE_KEYS.access, payload=payload.encode(), signature=signature(payload), address=""
        )
        with pytest.raises(BinanceError) as refused:
            gate.admit(credentials, Params({"timestamp": str(timestamp)}), READING)
        texts.append(refused.value.message)

    assert texts == [
        "Timestamp for this request was 1000ms ahead of the server's time.",
        "Timestamp for this request is outside of the recvWindow.",
    ]


@pytest.mark.parametrize(
    ("case", "changed", "code"),
    [
        ("no key", {"api_key": None}, -2014),
        ("an empty key", {"api_key": ""}, -2014),
        ("a key of odd characters", {"api_key": "ключ"}, -2014),
        ("somebody else's key", {"api_key": "A" * 64}, -2015),
        ("no signature", {"signature": None}, -1102),
        ("a wrong signature", {"signature": "0" * 64}, -1022),
        ("a signature of odd characters", {"signature": "\udcff서명"}, -1022),
        ("an empty signature", {"signature": ""}, -1022),
        ("upper case, which is as good", {"signature": signature(f"timestamp={NOW_MS}").upper()}, 0),
    ],
)
def test_a_key_and_a_signature_are_needed(case: str, changed: dict[str, str | None], code: int) -> None:
    assert Entrance().code(None, TRADING, **changed) == code, case


@pytest.mark.parametrize(
    ("payload", "code"), [("", -1102), ("timestamp=", -1102), ("timestamp=soon", -1100), ("timestamp=-1", -1100)]
)
def test_a_request_must_tell_its_time(payload: str, code: int) -> None:
    assert Entrance().code(payload) == code


def test_the_venues_clock_may_be_ahead_of_ours() -> None:
    entrance = Entrance(Knobs(clock_ahead_ms=5_001))

    assert entrance.code() == -1021


def test_a_key_is_good_from_some_addresses_and_for_some_things_and_for_some_time() -> None:
    entrance = Entrance(Knobs(allowed_ips={"10.0.0.1"}, permissions={READING}, key_expires_in_s=60))
    elsewhere = entrance.code(permission=READING)
    at_home = entrance.code(permission=READING, address="10.0.0.1")
    trading = entrance.code(permission=TRADING, address="10.0.0.1")
    entrance.clock.advance(60)
    late = entrance.code(f"timestamp={NOW_MS + 60_000}", permission=READING, address="10.0.0.1")

    assert (elsewhere, at_home, trading, late) == (-2015, 0, -2015, -2015)


@pytest.mark.parametrize(
    ("raw", "rest", "found"),
    [
        (b"a=1&signature=ab", b"a=1", "ab"),
        (b"signature=ab&a=%7e", b"a=%7e", "ab"),
        (b"a=1&signature=ab&b=%2F+%ff", b"a=1&b=%2F+%ff", "ab"),
        (b"a=1", b"a=1", None),
        (b"", b"", None),
        (b"xsignature=1", b"xsignature=1", None),
    ],
)
def test_only_the_signature_is_taken_out(raw: bytes, rest: bytes, found: str | None) -> None:
    assert without_signature(raw) == (rest, found)


def test_unfilled_orders_are_counted_by_interval_and_given_back() -> None:
    counts = OrderCounts(on=True)
    for _ in range(100):
        counts.take(0)
    with pytest.raises(BinanceError, match="current limit is 100 orders per 10 SECOND") as refused:
        counts.take(3_500_000_000)
    counts.give_back(3_500_000_000)
    counts.take(3_500_000_000)

    assert (refused.value.code, refused.value.status, refused.value.retry_after_s) == (-1015, 429, 7)
    assert [row["count"] for row in counts.rows(3_500_000_000)] == [100, 100]
    assert [row["count"] for row in counts.rows(10_000_000_000)] == [0, 100]


def test_without_limits_orders_are_counted_and_never_refused() -> None:
    counts = OrderCounts(on=False)
    for _ in range(101):
        counts.take(0)

    assert counts.rows(0)[0]["count"] == 101


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("1.5", Decimal("1.5")),
        ("0.00000001", Decimal("0.00000001")),
        ("0.000000001", -1111),
        ("1e5", -1100),
        ("-1", -1100),
        ("1_000", -1100),
        ("١", -1100),
        ("Infinity", -1100),
        (" 1", -1100),
        ("1" * 21, -1100),
        ("", -1105),
    ],
)
def test_numbers_are_plain_decimals(text: str, outcome: Decimal | int) -> None:
    try:
        found: Decimal | int | None = Params({"price": text}).decimal("price")
    except BinanceError as e:
        found = e.code

    assert found == outcome


def test_a_parameter_comes_once_and_there_are_not_endlessly_many() -> None:
    for raw in (b"a=1&a=1", b"&".join(b"p%d=1" % n for n in range(65))):
        with pytest.raises(BinanceError) as refused:
            parse_form(raw)

        assert refused.value.code == -1101
