"""What replies prove: a row for every error that the venues' pages name, and laws over any reply at all."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arbitrage.domain.events import ReplyKind
from arbitrage.exchange.outcomes import Outcome, Question, binance_outcome, failure_outcome, unsent, upbit_outcome
from arbitrage.wire.http_reply import LineFailure, LineFault

PLACE, ASK, CANCEL = Question.PLACE, Question.ASK, Question.CANCEL
ACCEPTED, ENDED, REFUSED = ReplyKind.ACCEPTED, ReplyKind.ENDED, ReplyKind.REFUSED
BUSY, UNKNOWN, MISSING = ReplyKind.BUSY, ReplyKind.UNKNOWN, ReplyKind.MISSING

PAGE_502 = b"<html><head><title>502 Bad Gateway</title></head></html>"


def upbit_error(name: object, message: str = "") -> bytes:
    return json.dumps({"error": {"name": name, "message": message}}).encode()


def binance_error(code: object, message: str = "") -> bytes:
    return json.dumps({"code": code, "msg": message}).encode()


# --- Upbit, in reply to a new order


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "insufficient_funds_bid", REFUSED),
        (400, "insufficient_funds_ask", REFUSED),
        (400, "under_min_total_bid", REFUSED),
        (400, "under_min_total_ask", REFUSED),
        (400, "under_min_total_market_bid", REFUSED),
        (400, "invalid_price_bid", REFUSED),
        (400, "invalid_price_ask", REFUSED),
        (400, "over_krw_funds_bid", REFUSED),
        (400, "over_krw_funds_ask", REFUSED),
        (400, "invalid_parameter", REFUSED),
        (400, "validation_error", REFUSED),
        (400, "invalid_time_in_force", REFUSED),
        (400, "invalid_post_only", REFUSED),
        (400, "invalid_volume_bid", REFUSED),
        (400, "create_bid_error", REFUSED),
        (400, "create_ask_error", REFUSED),
        (400, "volume_too_large", REFUSED),
        (400, "invalid_funds_bid", REFUSED),
        # the venue's pages disagree on the status, so the name counts
        (400, "notfoundmarket", REFUSED),
        (404, "notfoundmarket", REFUSED),
        (401, "invalid_query_payload", REFUSED),
        (401, "jwt_verification", REFUSED),
        (401, "invalid_access_key", REFUSED),
        (401, "expired_access_key", REFUSED),
        (401, "no_authorization_ip", REFUSED),
        (401, "no_authorization_i_p", REFUSED),
        (401, "no_authorization_token", REFUSED),
        (403, "out_of_scope", REFUSED),
        (403, "market_offline", BUSY),
        (429, "too_many_requests", BUSY),
        (418, "too_many_requests", BUSY),
        # a copy of the request was seen before: what became of that one is open
        (401, "nonce_used", UNKNOWN),
        (400, "duplicated_identifier", UNKNOWN),
        # whatever the status and the name may turn out to be
        (409, "duplicated_identifier", UNKNOWN),
        (400, "identifier_already_used", UNKNOWN),
        # not in the table, or with a status under which it proves nothing
        (404, "order_not_found", UNKNOWN),
        (400, "something_new", UNKNOWN),
        (400, 400, UNKNOWN),
        (500, "server_error", UNKNOWN),
        (503, "service_unavailable", UNKNOWN),
        (500, "insufficient_funds_bid", UNKNOWN),
        (408, "invalid_parameter", UNKNOWN),
        (200, "insufficient_funds_bid", UNKNOWN),
    ],
)
def test_upbits_word_on_a_new_order(status: int, name: object, kind: ReplyKind) -> None:
    assert upbit_outcome(PLACE, status, upbit_error(name)).kind is kind


def test_a_known_name_that_speaks_of_the_identifier_may_mean_a_repeated_one() -> None:
    body = upbit_error("validation_error", "이미 사용된 identifier 입니다.")

    assert upbit_outcome(PLACE, 400, body).kind is UNKNOWN


@pytest.mark.parametrize(
    ("question", "status", "body", "kind"),
    [
        (PLACE, 201, b'{"uuid":"u-1","state":"wait"}', ACCEPTED),
        (ASK, 200, b'{"uuid":"u-1","state":"done"}', ACCEPTED),
        # a request taken on, and not yet a cancel
        (CANCEL, 200, b'{"uuid":"u-1","state":"wait"}', ACCEPTED),
        (PLACE, 201, b'{"uuid":"u-1","error":{"name":"server_error"}}', UNKNOWN),
        (PLACE, 429, b"Too many API requests.", BUSY),
        (PLACE, 418, b"This IP has been blocked.", BUSY),
        (ASK, 404, upbit_error("order_not_found"), MISSING),
        # a proxy's 404 is not the venue's
        (ASK, 404, b"<html>not found</html>", UNKNOWN),
        (ASK, 404, upbit_error("notfoundmarket"), UNKNOWN),
        (ASK, 500, upbit_error("order_not_found"), UNKNOWN),
        # it may have ended before: then it is there, and filled
        (CANCEL, 404, upbit_error("order_not_found"), UNKNOWN),
        # a cancel that was sent twice on the way may have worked
        (CANCEL, 401, upbit_error("nonce_used"), UNKNOWN),
    ],
)
def test_upbits_other_replies(question: Question, status: int, body: bytes, kind: ReplyKind) -> None:
    assert upbit_outcome(question, status, body).kind is kind


# --- Binance, in reply to a new order


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, -1013, "Filter failure: PRICE_FILTER", REFUSED),
        (400, -1013, "Filter failure: NOTIONAL", REFUSED),
        (400, -1014, "Unsupported order combination.", REFUSED),
        (400, -1020, "This operation is not supported.", REFUSED),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", REFUSED),
        (400, -1022, "Signature for this request is not valid.", REFUSED),
        (400, -1102, "Mandatory parameter 'price' was not sent.", REFUSED),
        (400, -1104, "Not all sent parameters were read.", REFUSED),
        (400, -1111, "Parameter 'price' has too much precision.", REFUSED),
        (400, -1121, "Invalid symbol.", REFUSED),
        (413, -1101, "Too many parameters sent for this endpoint.", REFUSED),
        (400, -2010, "Account has insufficient balance for requested action.", REFUSED),
        (400, -2010, "Order would immediately match and take.", REFUSED),
        (400, -2010, "Market is closed.", REFUSED),
        (400, -2010, "This action is disabled on this account.", REFUSED),
        (400, -2010, "This symbol is not permitted for this account.", REFUSED),
        # an order with that id is open: perhaps this one
        (400, -2010, "Duplicate order sent.", UNKNOWN),
        (400, -2010, "A text that nobody has seen before.", UNKNOWN),
        (400, -2010, "", UNKNOWN),
        (401, -1002, "You are not authorized to execute this request.", REFUSED),
        (401, -2014, "API-key format invalid.", REFUSED),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", REFUSED),
        (429, -1003, "Too much request weight used.", BUSY),
        (418, -1003, "Way too much request weight used; IP banned until 1.", BUSY),
        (429, -1015, "Too many new orders; current limit is 100.", BUSY),
        (500, -1000, "An unknown error occurred while processing the request.", UNKNOWN),
        (400, -1000, "An unknown error occurred while processing the request.", UNKNOWN),
        (502, -1001, "Internal error; unable to process your request.", UNKNOWN),
        (400, -1001, "Internal error; unable to process your request.", UNKNOWN),
        (400, -1006, "An unexpected response was received. Execution status unknown.", UNKNOWN),
        (504, -1007, "Timeout waiting for response from backend server.", UNKNOWN),
        (408, -1007, "Timeout waiting for response from backend server.", UNKNOWN),
        (503, -1008, "Server is currently overloaded with other requests.", UNKNOWN),
        (400, -1016, "This service is no longer available.", UNKNOWN),
        (400, -2011, "Unknown order sent.", UNKNOWN),
        (400, -2013, "Order does not exist.", UNKNOWN),
        (400, -2026, "Order was archived.", UNKNOWN),
        (409, -2021, "Order cancel-replace partially failed.", UNKNOWN),
        (409, -2022, "Order cancel-replace failed.", UNKNOWN),
        (503, 1, "System is under maintenance.", UNKNOWN),
        (500, -1013, "Filter failure: LOT_SIZE", UNKNOWN),
        (200, -1013, "Filter failure: LOT_SIZE", UNKNOWN),
        (400, -9999, "", UNKNOWN),
    ],
)
def test_binances_word_on_a_new_order(status: int, code: int, message: str, kind: ReplyKind) -> None:
    assert binance_outcome(PLACE, status, binance_error(code, message)).kind is kind


@pytest.mark.parametrize(
    ("question", "status", "body", "kind"),
    [
        (PLACE, 200, b'{"orderId":28,"status":"EXPIRED"}', ACCEPTED),
        (ASK, 200, b'{"orderId":28,"status":"FILLED"}', ACCEPTED),
        (CANCEL, 200, b'{"orderId":28,"status":"CANCELED"}', ACCEPTED),
        (PLACE, 200, b'{"orderId":0}', UNKNOWN),
        (PLACE, 200, b'{"orderId":28,"code":-1000}', UNKNOWN),
        # the firewall's page: it says nothing of the order, though it is unlikely that there is one
        (PLACE, 403, b"<html>403 Forbidden</html>", UNKNOWN),
        (PLACE, 429, b"slow down", BUSY),
        (ASK, 400, binance_error(-2013, "Order does not exist."), MISSING),
        (ASK, 503, binance_error(-2013, "Order does not exist."), UNKNOWN),
        # only what never had a fill is archived
        (ASK, 400, binance_error(-2026, "Order was canceled or expired with no executed qty."), ENDED),
        (ASK, 400, binance_error(-1121, "Invalid symbol."), UNKNOWN),
        (CANCEL, 400, binance_error(-2011, "Unknown order sent."), UNKNOWN),
        (CANCEL, 400, binance_error(-2013, "Order does not exist."), UNKNOWN),
        (CANCEL, 400, binance_error(-2026, "Order was archived."), UNKNOWN),
    ],
)
def test_binances_other_replies(question: Question, status: int, body: bytes, kind: ReplyKind) -> None:
    assert binance_outcome(question, status, body).kind is kind


# --- what is the same on both


@pytest.mark.parametrize("outcome_of", [upbit_outcome, binance_outcome])
@pytest.mark.parametrize("question", Question)
@pytest.mark.parametrize("status", [200, 201, 400, 403, 404, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [b"", PAGE_502, b"null", b"[]", b"{}", b'{"uuid":"","orderId":0}', b'{"uuid":"u-1","order', b"\xff", b"[" * 5000],
)
def test_a_reply_without_a_word_proves_nothing(outcome_of: Any, question: Question, status: int, body: bytes) -> None:
    assert outcome_of(question, status, body) == Outcome(UNKNOWN, f"{status} without a reason", True)


@pytest.mark.parametrize("question", [ASK, CANCEL])
@pytest.mark.parametrize("status", [401, 418, 429])
def test_a_question_that_was_turned_away_says_nothing_of_the_order(question: Question, status: int) -> None:
    upbit = upbit_outcome(question, status, upbit_error("jwt_verification"))
    binance = binance_outcome(question, status, binance_error(-2015))

    assert (upbit.kind, binance.kind) == (UNKNOWN, UNKNOWN)


@pytest.mark.parametrize("fault", LineFault)
def test_a_request_without_a_reply_proves_nothing(fault: LineFault) -> None:
    outcome = failure_outcome(LineFailure(fault, "gone"))

    assert outcome == Outcome(UNKNOWN, f"no answer: {fault.value}, gone", is_trouble=True)


def test_what_was_never_written_was_not_processed() -> None:
    assert unsent("no connection is idle") == Outcome(BUSY, "no connection is idle", is_trouble=False)


@pytest.mark.parametrize(
    ("outcome", "is_trouble"),
    [
        (upbit_outcome(PLACE, 400, upbit_error("insufficient_funds_bid")), False),
        (upbit_outcome(ASK, 404, upbit_error("order_not_found")), False),
        (upbit_outcome(CANCEL, 404, upbit_error("order_not_found")), False),
        (upbit_outcome(PLACE, 403, upbit_error("market_offline")), True),
        (upbit_outcome(ASK, 429, b"Too many API requests."), True),
        (upbit_outcome(PLACE, 503, upbit_error("service_unavailable")), True),
        (binance_outcome(PLACE, 400, binance_error(-2010, "Duplicate order sent.")), False),
        (binance_outcome(PLACE, 400, binance_error(-1013, "Filter failure: LOT_SIZE")), False),
        (binance_outcome(PLACE, 400, binance_error(-1021, "Timestamp")), True),
        (binance_outcome(PLACE, 418, binance_error(-1003)), True),
        (binance_outcome(ASK, 504, binance_error(-1007)), True),
        (binance_outcome(PLACE, 403, b"<html>403</html>"), True),
    ],
)
def test_a_venues_trouble_is_told_from_a_mistake_of_ours(outcome: Outcome, is_trouble: bool) -> None:
    assert outcome.is_trouble is is_trouble


def test_a_reason_is_the_venues_own_word() -> None:
    upbit = upbit_outcome(PLACE, 400, upbit_error("invalid_price_bid", "주문가격 단위를 잘못 입력하셨습니다."))
    binance = binance_outcome(PLACE, 400, binance_error(-1013, "Filter failure: LOT_SIZE"))

    assert upbit.reason == "400 invalid_price_bid"
    assert binance.reason == "400 -1013 Filter failure: LOT_SIZE"


def test_a_reason_repeats_no_key_and_breaks_no_line() -> None:
    key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
    binance = binance_outcome(PLACE, 400, binance_error(-1022, f"not valid:\nsignature={key}&x"))
    upbit = upbit_outcome(PLACE, 400, upbit_error(f"no\nname {key}"))
    hexed = upbit_outcome(PLACE, 400, upbit_error("5f" * 32))

    assert hexed.reason == "400 without a reason"
    assert key not in binance.reason + upbit.reason
    assert "\n" not in binance.reason + upbit.reason
    assert "not valid" in binance.reason


# --- laws

NAMES = st.sampled_from(["insufficient_funds_bid", "market_offline", "nonce_used", "order_not_found", "new", "", 7])
CODES = st.integers(-3_000, 10) | st.sampled_from([-2010, -2013, -2026, -1013, -1007])
TEXTS = st.sampled_from(["Market is closed.", "Duplicate order sent.", "identifier", ""])
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "uuid": st.text(max_size=3) | st.none(),
        "orderId": st.integers() | st.none(),
        "error": st.fixed_dictionaries({"name": NAMES, "message": TEXTS}) | st.none(),
        "code": CODES | st.text(max_size=3),
        "msg": TEXTS,
    },
)
BODIES = st.binary(max_size=60) | MEMBERS.map(lambda body: json.dumps(body).encode())
STATUSES = st.sampled_from([200, 201, 302, 400, 401, 403, 404, 408, 409, 418, 422, 429, 500, 503]) | st.integers(0, 999)
TURNED_AWAY = {400, 401, 403, 404, 413, 422}


def member(body: bytes, name: str) -> Any:
    said = json.loads(body)
    return said.get(name) if isinstance(said, dict) else None


@given(question=st.sampled_from(Question), status=STATUSES, body=BODIES)
@example(question=PLACE, status=400, body=upbit_error("nonce_used"))
def test_upbit_nothing_is_refused_or_over_without_proof(question: Question, status: int, body: bytes) -> None:
    kind = upbit_outcome(question, status, body).kind

    assert kind is not ENDED
    if kind is REFUSED:
        assert question is PLACE
        assert status in TURNED_AWAY
        assert member(body, "error")["name"] == "insufficient_funds_bid"
        assert "identifier" not in member(body, "error")["message"]
    if kind is BUSY:
        assert question is PLACE
        assert status in (418, 429) or member(body, "error")["name"] == "market_offline"
    if kind is ACCEPTED:
        assert 200 <= status < 300
        assert member(body, "uuid")
        assert not member(body, "error")
    if kind is MISSING:
        assert (question, status, member(body, "error")["name"]) == (ASK, 404, "order_not_found")


@given(question=st.sampled_from(Question), status=STATUSES, body=BODIES)
@example(question=ASK, status=500, body=binance_error(-2026))
def test_binance_nothing_is_refused_or_over_without_proof(question: Question, status: int, body: bytes) -> None:
    kind = binance_outcome(question, status, body).kind

    if kind is REFUSED:
        assert question is PLACE
        assert status in TURNED_AWAY
        assert member(body, "code") not in {0, -1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016}
        assert member(body, "code") != -2010 or member(body, "msg") == "Market is closed."
    if kind is BUSY:
        assert question is PLACE
        assert status in (418, 429) or member(body, "code") in (-1003, -1015)
    if kind is ENDED:
        assert question is ASK
        assert status in TURNED_AWAY
        assert member(body, "code") == -2026
    if kind is ACCEPTED:
        assert 200 <= status < 300
        assert member(body, "orderId") > 0
        assert not member(body, "code")
    if kind is MISSING:
        assert question is ASK
        assert status in TURNED_AWAY
        assert member(body, "code") == -2013
