"""The dashboard's doors: every route against everyone who must not come in, on the real command."""

import itertools
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from nicegui import __version__ as nicegui_version
from redis import Redis

from arbitrage.dashboard.sessions import COOKIE
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from tests.dashboard_process import CONTROL_TOKEN, READ_TOKEN, Dashboard, a_dashboard

APP_ENV = "doors"
ASSETS = f"/_nicegui/{nicegui_version}/static"
READING = (
    "/", "/look?lang=ko", "/api/status", "/api/series", "/api/plans", "/api/refusals", "/api/alerts", "/api/log",
    "/api/limits", "/api/openapi.json", f"{ASSETS}/nicegui.js", f"{ASSETS}/socket.io.min.js", "/favicon.ico",
    "/nowhere", "/api/nowhere", "/_nicegui/components/x", "//api/status", "/api/../api/status", "/API/STATUS",
)  # fmt: skip
ACTING = ("/api/halt", "/api/flatten", "/api/ack")
POSTING = (*ACTING, "/api/logout")
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
POLLING = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
EVIL = ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost")
WANTED = {
    "/api/halt": {"confirm": "HALT", "reason": "a test"},
    "/api/flatten": {"confirm": "FLATTEN", "reason": "a test"},
    "/api/ack": {"confirm": "ACK", "reason": "a test"},
    "/api/logout": {},
}
LARGE = b'{"confirm": "HALT", "reason": "' + b"x" * 5_000 + b'"}'


@dataclass(frozen=True)
class Attempt:
    """A request that must be refused, with the statuses that say so."""

    what: str
    method: str
    path: str
    refused_with: tuple[int, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.what}: {self.method} {self.path}"


@dataclass(frozen=True)
class Visitors:
    """A dashboard, with a reader's and an operator's session on it."""

    dashboard: Dashboard
    read: str
    control: str
    address: RedisAddress

    def commands(self) -> int:
        """How many commands were left for any daemon."""
        with Redis(host=self.address.host, port=self.address.port) as redis:
            return sum(
                redis.xlen(StateKeys(namespace_of(mode, APP_ENV)).commands) for mode in ("shadow", "live", "paper")
            )


@pytest.fixture(scope="module")
def visitors(shared_redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitors]:
    with a_dashboard(shared_redis.address, APP_ENV, tmp_path_factory.mktemp("dashboard")) as dashboard:
        yield Visitors(dashboard, dashboard.log_in(READ_TOKEN), dashboard.log_in(), shared_redis.address)


def attempts(visitors: Visitors) -> Iterator[Attempt]:
    """Every route with everything that is wrong, one thing at a time."""
    url = visitors.dashboard.url
    for path in ACTING:
        body = json.dumps(WANTED[path]).encode()
        reader = {"Content-Type": "application/json", "Origin": url, "Cookie": f"{COOKIE}={visitors.read}"}
        bearer = {"Content-Type": "application/json", "Authorization": f"Bearer {READ_TOKEN}"}
        yield Attempt("a reader's session", "POST", path, (403,), reader, body)
        yield Attempt("a reader's session and nonsense", "POST", path, (403,), reader, b"{")
        yield Attempt("the read token", "POST", path, (403,), bearer, body)
    for path, method in (*((path, "GET") for path in READING), *((path, "POST") for path in POSTING)):
        body = json.dumps(WANTED.get(path, {})).encode() if method == "POST" else b""
        plain = {"Content-Type": "application/json", "Origin": url} if method == "POST" else {}
        known = {**plain, "Cookie": f"{COOKIE}={visitors.control}"}
        yield from _by_nobody(method, path, plain, body)
        yield from _from_elsewhere(method, path, known, body)
        yield from _malformed(method, path, known)
    for method in ("GET", "POST"):
        known = {"Cookie": f"{COOKIE}={visitors.control}", "Origin": url, "Content-Type": "application/json"}
        yield Attempt("polling", method, POLLING, (403,), known)


def _by_nobody(method: str, path: str, headers: dict[str, str], body: bytes) -> Iterator[Attempt]:
    no = (303,) if path == "/" else (401,)
    yield Attempt("no token", method, path, no, headers, body)
    yield Attempt("a cookie of nobody", method, path, no, {**headers, "Cookie": f"{COOKIE}=abc"}, body)
    yield Attempt("a wrong token", method, path, (401, 429), {**headers, "Authorization": "Bearer x"}, body)
    yield Attempt(
        "a token in the address", method, f"{path}{'&' if '?' in path else '?'}token={CONTROL_TOKEN}", no, headers, body
    )
    yield Attempt("another scheme", method, path, no, {**headers, "Authorization": f"Basic {CONTROL_TOKEN}"}, body)


def _from_elsewhere(method: str, path: str, headers: dict[str, str], body: bytes) -> Iterator[Attempt]:
    for host in ("evil.example", "evil.example:8080", "127.0.0.1", "localhost.evil.example:80", ""):
        yield Attempt(f"host {host!r}", method, path, (400, 421), {**headers, "Host": host}, body)
    for origin in EVIL:
        yield Attempt(f"origin {origin}", method, path, (403,), {**headers, "Origin": origin}, body)
    if method == "POST":
        silent = {name: value for name, value in headers.items() if name != "Origin"}
        yield Attempt("no origin", method, path, (403,), silent, body)


def _malformed(method: str, path: str, headers: dict[str, str]) -> Iterator[Attempt]:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""):
        form = {**headers, "Content-Type": kind}
        form.setdefault("Origin", "")
        yield Attempt(f"a form post as {kind!r}", "POST", path, (403, 405, 415), form, b"confirm=HALT&reason=x")
    yield Attempt("oversize", method, path, (413,), headers, LARGE)
    for other in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        yield Attempt(other, other, path, (405,), headers)


def test_every_route_refuses_everyone_who_must_not_come_in(visitors: Visitors) -> None:
    passed, tried = [], 0
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")  # who guesses is locked out, and only they
    with httpx.Client(base_url=visitors.dashboard.url, timeout=5, transport=elsewhere) as client:
        for attempt in attempts(visitors):
            answer = client.request(
                attempt.method,
                attempt.path,
                headers=dict(attempt.headers),
                content=attempt.body,
                follow_redirects=False,
            )
            client.cookies.clear()
            tried += 1
            if answer.status_code not in attempt.refused_with:
                passed.append(f"{attempt}: {answer.status_code} {answer.text[:80]}")

    assert passed == []
    assert tried > 400
    assert visitors.commands() == 0


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off(visitors: Visitors) -> None:
    headers = {
        "Content-Type": "application/json",
        "Origin": visitors.dashboard.url,
        "Cookie": f"{COOKIE}={visitors.control}",
    }

    answer = httpx.post(f"{visitors.dashboard.url}/api/halt", headers=headers, content=iter([LARGE]), timeout=5)

    assert answer.status_code == 413
    assert visitors.commands() == 0


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("no origin", {"Origin": None}),
        ("another origin", {"Origin": "https://evil.example"}),
        ("the origin of nothing", {"Origin": "null"}),
        ("no session", {"Cookie": None}),
        ("a session of nobody", {"Cookie": f"{COOKIE}=abc"}),
        ("a token instead of a session", {"Cookie": None, "Authorization": f"Bearer {CONTROL_TOKEN}"}),
        ("another host", {"Host": "evil.example", "Origin": "http://evil.example"}),
        ("two hosts", {"Host": "evil.example\r\nHost: evil.example"}),
    ],
)
@pytest.mark.parametrize("path", [SOCKET, "/", "/api/status", "/nowhere"])
def test_a_websocket_is_opened_only_by_a_page_of_ours(
    visitors: Visitors, what: str, change: dict[str, str | None], path: str
) -> None:
    assert handshake(visitors, path, change) in {400, 403}


def test_a_websocket_of_a_page_of_ours_is_opened(visitors: Visitors) -> None:
    assert handshake(visitors, SOCKET, {}) == 101
    assert handshake(visitors, "/api/status", {}) == 403


def handshake(visitors: Visitors, path: str, change: Mapping[str, str | None]) -> int:
    """Ask for a websocket, and return the status that answers."""
    port = visitors.dashboard.port
    headers: dict[str, str | None] = {
        "Host": f"127.0.0.1:{port}",
        "Origin": visitors.dashboard.url,
        "Cookie": f"{COOKIE}={visitors.control}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **change,
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(64).split()[1])


def test_what_is_asked_rightly_is_answered(visitors: Visitors) -> None:
    cookies = {COOKIE: visitors.read}
    statuses = {
        path: httpx.get(f"{visitors.dashboard.url}{path}", cookies=cookies, timeout=5).status_code
        for path in ("/", "/api/status", "/api/openapi.json", f"{ASSETS}/nicegui.js", "/api/nowhere")
    }

    assert list(statuses.values()) == [200, 200, 200, 200, 404]
    assert httpx.get(f"{visitors.dashboard.url}/healthz", timeout=5).json() == {"up": True}


def test_every_answer_says_what_a_browser_may_do_with_it(visitors: Visitors) -> None:
    paths = ("/", "/login", "/healthz", "/api/status", "/nowhere", f"{ASSETS}/nicegui.js")
    cookies = itertools.cycle([{COOKIE: visitors.read}, {}])
    answers = [
        httpx.get(f"{visitors.dashboard.url}{path}", cookies=cookie, timeout=5)
        for path, cookie in itertools.product(paths, itertools.islice(cookies, 2))
    ]

    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
        is_asset = answer.request.url.path.startswith("/_nicegui") and answer.status_code == 200
        assert answer.headers["cache-control"].startswith("private" if is_asset else "no-store")


def test_each_page_has_a_nonce_of_its_own_on_every_script(visitors: Visitors) -> None:
    nonces = set()
    for _ in range(3):
        answer = httpx.get(f"{visitors.dashboard.url}/", cookies={COOKIE: visitors.read}, timeout=5)
        nonce = answer.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
        nonces.add(nonce)
        assert answer.text.count("<script") == answer.text.count(f'<script nonce="{nonce}"') > 3

    assert len(nonces) == 3


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(visitors: Visitors) -> None:
    url = visitors.dashboard.url
    answer = httpx.post(f"{url}/api/login", json={"token": READ_TOKEN}, headers={"Origin": url}, timeout=5)
    cookie = answer.headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert READ_TOKEN.lower() not in cookie


def test_a_login_needs_a_page_of_ours_and_never_repeats_what_was_shown(visitors: Visitors) -> None:
    url = f"{visitors.dashboard.url}/api/login"
    elsewhere = httpx.post(url, json={"token": CONTROL_TOKEN}, headers={"Origin": "https://evil.example"}, timeout=5)
    nowhere = httpx.post(url, json={"token": CONTROL_TOKEN}, timeout=5)
    mistaken = httpx.post(url, json={"tokn": CONTROL_TOKEN}, headers={"Origin": visitors.dashboard.url}, timeout=5)

    assert [answer.status_code for answer in (elsewhere, nowhere, mistaken)] == [403, 403, 422]
    assert all(
        CONTROL_TOKEN not in answer.text and "set-cookie" not in answer.headers
        for answer in (elsewhere, nowhere, mistaken)
    )


def test_a_session_that_logged_out_is_over(visitors: Visitors) -> None:
    session, url = visitors.dashboard.log_in(READ_TOKEN), visitors.dashboard.url
    headers = {"Origin": url, "Cookie": f"{COOKIE}={session}"}
    before = httpx.get(f"{url}/api/status", headers=headers, timeout=5).status_code
    httpx.post(f"{url}/api/logout", json={}, headers=headers, timeout=5).raise_for_status()

    assert before == 200
    assert httpx.get(f"{url}/api/status", headers=headers, timeout=5).status_code == 401


def test_who_guesses_is_locked_out_and_sessions_go_on(shared_redis, tmp_path: Path) -> None:
    with a_dashboard(shared_redis.address, "locked", tmp_path) as dashboard:
        session = dashboard.log_in()
        guesses = [
            httpx.get(f"{dashboard.url}/api/status", headers={"Authorization": f"Bearer {number}"}, timeout=5)
            for number in range(8)
        ]
        right = httpx.get(
            f"{dashboard.url}/api/status", headers={"Authorization": f"Bearer {CONTROL_TOKEN}"}, timeout=5
        )
        known = httpx.get(f"{dashboard.url}/api/status", cookies={COOKIE: session}, timeout=5)

    assert [guess.status_code for guess in guesses] == [401] * 5 + [429] * 3
    assert int(guesses[-1].headers["retry-after"]) >= 1
    assert right.status_code == 429
    assert known.status_code == 200
    assert CONTROL_TOKEN not in (tmp_path / "dashboard.log").read_text()
