"""What a request's head is refused for, before anybody is asked who they are."""

import pytest

from arbitrage.dashboard.requests import Asked, Hosts, problem_of_head

HOSTS = Hosts(8080, ("desk.example.com",))
POST = {"host": "localhost:8080", "origin": "http://localhost:8080", "content-type": "application/json"}


def asked(method: str = "GET", path: str = "/api/status", *more: tuple[str, str], **headers: str) -> Asked:
    pairs = [*({"host": "localhost:8080", **headers}).items(), *more]
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in pairs]
    return Asked(path, method, raw, "127.0.0.1")


def status_of(request: Asked) -> int | None:
    no = problem_of_head(request, HOSTS)
    return no.status if no else None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", None),
        ("LOCALHOST:8080", None),
        ("127.0.0.1:8080", None),
        ("[::1]:8080", None),
        ("desk.example.com", None),
        ("desk.example.com:8080", 421),
        ("localhost", 421),
        ("localhost:80", 421),
        ("localhost.evil.example:8080", 421),
        ("evil.example", 421),
        ("", 421),
        ("localhost:8080, evil.example", 421),
        ("localhost:8080@evil.example", 421),
    ],
)
def test_only_our_own_names_are_answered_to_exactly(host, status):
    assert status_of(asked(host=host)) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8080", None),
        ("https://localhost:8080", None),
        ("http://127.0.0.1:8080", 403),  # ours as well, but not where this page came from
        ("http://localhost", 403),
        ("http://localhost:8080.evil.example", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("file://localhost:8080", 403),
        ("http://[", 403),
        ("localhost:8080", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_says_it_comes_from_elsewhere_is_refused(method, origin, status):
    path = "/api/halt" if method == "POST" else "/api/status"

    assert status_of(asked(method, path, **{**POST, "origin": origin})) == status


@pytest.mark.parametrize(
    ("case", "method", "path", "headers", "status"),
    [
        ("as it should be", "POST", "/api/halt", POST, None),
        ("with a charset", "POST", "/api/halt", {**POST, "content-type": "application/json; charset=utf-8"}, None),
        ("a form", "POST", "/api/halt", {**POST, "content-type": "application/x-www-form-urlencoded"}, 415),
        ("text that looks like JSON", "POST", "/api/halt", {**POST, "content-type": "text/plain"}, 415),
        ("no origin, no token", "POST", "/api/halt", {**POST, "origin": ""}, 403),
        ("no origin, a token", "POST", "/api/halt", {**POST, "origin": "", "authorization": "Bearer x"}, None),
        ("where nothing is sent to", "POST", "/api/status", POST, 405),
        ("too long", "POST", "/api/halt", {**POST, "content-length": "4097"}, 413),
        ("just not too long", "POST", "/api/halt", {**POST, "content-length": "4096"}, None),
        ("longer than a number", "POST", "/api/halt", {**POST, "content-length": "9" * 40}, 413),
        ("of no length", "POST", "/api/halt", {**POST, "content-length": "-1"}, 400),
        ("of a length in other digits", "POST", "/api/halt", {**POST, "content-length": "²"}, 400),
        ("another method", "PUT", "/api/halt", POST, 405),
        ("a question of CORS", "OPTIONS", "/api/halt", POST, 405),
        ("polling", "GET", "/_nicegui_ws/socket.io/", {}, 403),
        ("polling, cut", "GET", "/_nicegui_ws", {}, 403),
    ],
)
def test_a_request_is_refused_for_what_it_is(case, method, path, headers, status):
    assert status_of(asked(method, path, **headers)) == status


@pytest.mark.parametrize("name", ["host", "origin", "authorization", "content-type", "content-length"])
def test_a_header_that_comes_twice_is_refused(name):
    value = {"host": "localhost:8080"}.get(name, "x")

    assert status_of(asked("GET", "/", (name, value), **{name: value})) == 400


def test_cookies_are_found_among_others():
    request = asked(cookie="a=1; arbitrage_session=x=y; b=2")

    assert (request.cookie("arbitrage_session"), request.cookie("session")) == ("x=y", "")
