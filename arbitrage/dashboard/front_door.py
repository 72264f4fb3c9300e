"""The front door: every request and every websocket passes here first, the assets' as well, and is refused by default.

Plain ASGI, so that nothing is reached around it. It knows roles and paths, and nothing of what is behind them.
"""

import json
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arbitrage.dashboard.headers import with_ours
from arbitrage.dashboard.patience import TooSlow, body_of
from arbitrage.dashboard.requests import BODY_LIMIT, SOCKET_PATH, Asked, Hosts, No, problem_of_head
from arbitrage.dashboard.sessions import COOKIE, Entrance, LockedOut, Visitor, WrongToken
from arbitrage.dashboard.tokens import Role

log = structlog.get_logger()

OPEN: Final = frozenset({("GET", "/login"), ("HEAD", "/login"), ("POST", "/api/login"), ("GET", "/healthz")})
"""What needs no token: it tells nothing."""

FOR_READERS: Final = frozenset({"/api/logout"})
"""The POSTs that need no control."""

_LOGIN_FIRST: Final = No(401, "show a token: log in at /login, or send Authorization: Bearer")
_TO_LOGIN: Final = No(303, "log in first", (("location", "/login"),))
_POLICY_VIOLATION: Final = 1008  # RFC 6455, section 7.4.1


class FrontDoor:
    """Lets a request through to `app`, with `scope["visitor"]`, or answers it itself."""

    def __init__(self, app: ASGIApp, entrance: Entrance, hosts: Hosts) -> None:
        self._app = app
        self._entrance = entrance
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one connection."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        send = _with_headers(send, asked)
        no, visitor = self._judge(asked)
        no, body = (no, b"") if no else await _body(receive)
        if no:
            await _refuse(no, asked, send)
            return
        await self._app(_cleaned(scope, visitor), _replayed(body, receive), send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        visitor = self._entrance.find(asked.cookie(COOKIE))
        is_ours = not asked.doubled and not self._hosts.problem(asked) and self._hosts.is_same_origin(asked)
        if is_ours and visitor and asked.path.startswith(SOCKET_PATH):
            await self._app(_cleaned(scope, visitor), receive, send)
            return
        log.warning("dashboard_refused", client=asked.client, path=asked.path[:80], status="websocket")
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    def _judge(self, asked: Asked) -> tuple[No | None, Visitor | None]:
        no = problem_of_head(asked, self._hosts)
        if no or (asked.method, asked.path) in OPEN:
            return no, None
        try:
            visitor = self._visitor(asked)
        except LockedOut as locked:
            return No(429, str(locked), (("retry-after", str(locked.wait_s)),)), None
        except WrongToken:
            return No(401, "the token is wrong", (("www-authenticate", "Bearer"),)), None
        if visitor is None:
            return (_TO_LOGIN if asked.path == "/" else _LOGIN_FIRST), None
        if asked.method == "POST" and asked.path not in FOR_READERS and visitor.role is not Role.CONTROL:
            return No(403, "this token may only look; log in with the control token"), None
        return None, visitor

    def _visitor(self, asked: Asked) -> Visitor | None:
        if asked.bearer is not None:
            return self._entrance.show_token(asked.bearer, asked.client)
        return self._entrance.find(asked.cookie(COOKIE))


def _asked(scope: Scope) -> Asked:
    client = scope["client"][0] if scope.get("client") else "unknown"
    return Asked(scope["path"], scope.get("method", ""), scope["headers"], client)


def _cleaned(scope: Scope, visitor: Visitor | None) -> Scope:
    """Return the scope with who it is, without what only a proxy of ours could say: there is none."""
    headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(b"x-forwarded")]
    return {**scope, "headers": headers, "visitor": visitor}


async def _body(receive: Receive) -> tuple[No | None, bytes]:
    """Read the whole body, or say why not."""
    try:
        body = await body_of(receive, BODY_LIMIT)
    except TooSlow:
        return No(408, "the body did not come in time", (("connection", "close"),)), b""
    return (No(413, f"at most {BODY_LIMIT} bytes"), b"") if body is None else (None, body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body once more, and then what really comes: that the client has gone."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _with_headers(send: Send, asked: Asked) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": with_ours(asked.path, message["status"], message.get("headers", []))}
        await send(message)

    return sending


async def _refuse(no: No, asked: Asked, send: Send) -> None:
    if no is not _TO_LOGIN:
        log.warning("dashboard_refused", client=asked.client, path=asked.path[:80], status=no.status, why=no.detail)
    body = json.dumps({"detail": no.detail}).encode()
    headers: list[tuple[bytes, bytes]] = [(name.encode(), value.encode()) for name, value in no.headers]
    fixed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start: dict[str, Any] = {"type": "http.response.start", "status": no.status, "headers": [*headers, *fixed]}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if asked.method == "HEAD" else body})
