"""The headers of every answer, and the nonce that lets a page's own scripts run and no others."""

import re
import secrets
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOUND: Final = 200
_ASSETS: Final = "/_nicegui/"
"""NiceGUI's scripts and styles; their address holds its version, so they may be kept."""

ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
NOTHING: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The policy of all that is no page."""

_SCRIPT: Final = re.compile(rb"<script(?=[\s>])")


def with_ours(path: str, status: int, theirs: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with ours over them. Nobody may keep what is not an asset that was found."""
    kept = b"private, max-age=86400" if status == _FOUND and path.startswith(_ASSETS) else b"no-store"
    ours = [*ALWAYS, (b"cache-control", kept)]
    if not any(name.lower() == b"content-security-policy" for name, _ in theirs):
        ours.append((b"content-security-policy", NOTHING))
    names = {name for name, _ in ours}
    return [*((name, value) for name, value in theirs if name.lower() not in names), *ours]


def policy(nonce: str, host: str) -> str:
    """Return the policy of a page. `host` is one of ours; some browsers do not count its websockets as 'self'.

    NiceGUI evaluates the handlers that its own server sends, and Vue compiles templates: hence 'unsafe-eval'. No script
    from elsewhere and none without the nonce runs all the same. Styles are set on elements: hence 'unsafe-inline'.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' ws://{host} wss://{host}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class PageNonce:
    """Gives each page a new nonce: in its policy, and in each script tag that its template has.

    Whatever others wrote is escaped where it enters a page, so what looks like a script tag here is the template's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an answer on; one that is a page is held back until it is whole."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        page = _Page(send, host)
        await self._app(scope, receive, page.take)


class _Page:
    """An answer under way. `take` is its `send`."""

    def __init__(self, send: Send, host: str) -> None:
        self._send = send
        self._host = host
        self._start: Message | None = None
        self._body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = dict(message["headers"]).get(b"content-type", b"")
            if kind.startswith(b"text/html"):
                self._start = message
                return
            await self._send(message)
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        nonce = secrets.token_urlsafe(16)
        body = _SCRIPT.sub(f'<script nonce="{nonce}"'.encode(), self._body)
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        headers.append((b"content-security-policy", policy(nonce, self._host).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
