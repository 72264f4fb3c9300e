"""What a request says of itself, and what of that is refused before anybody is asked who they are. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

BODY_LIMIT: Final = 4_096  # bytes
SOCKET_PATH: Final = "/_nicegui_ws/"
"""Where the page's websocket is. Nothing but a websocket is let through there: its polling has no Origin."""

POSTS: Final = frozenset({"/api/halt", "/api/flatten", "/api/ack", "/api/login", "/api/logout"})
"""The only addresses that anything may be sent to."""

_METHODS: Final = ("GET", "HEAD", "POST")
_ONCE: Final = ("host", "origin", "authorization", "content-type", "content-length")


@dataclass(frozen=True, slots=True)
class No:
    """An answer that refuses: the HTTP status, what to do about it, and headers."""

    status: int
    detail: str
    headers: tuple[tuple[str, str], ...] = ()


class Asked:
    """The head of a request. Its texts are as they came: compare them, never trust them."""

    def __init__(self, path: str, method: str, headers: Iterable[tuple[bytes, bytes]], client: str) -> None:
        self.path = path
        self.method = method
        self.client = client
        self._headers: dict[str, list[str]] = {}
        for name, value in headers:
            self._headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def header(self, name: str) -> str:
        """Return a header, "" if it is not there; of several the first."""
        return self._headers.get(name, [""])[0]

    @property
    def doubled(self) -> str:
        """Return the name of a header that came more than once and must not; else nothing."""
        return next((name for name in _ONCE if len(self._headers.get(name, [])) > 1), "")

    @property
    def bearer(self) -> str | None:
        """Return the token that the request shows, None if it shows none."""
        kind, _, token = self.header("authorization").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None

    def cookie(self, name: str) -> str:
        """Return a cookie's value, "" if it is not there."""
        pairs = (pair.strip().partition("=") for line in self._headers.get("cookie", []) for pair in line.split(";"))
        return next((value for key, _, value in pairs if key == name), "")


class Hosts:
    """The names that we answer to, exactly: a name that somebody else points at us is not ours."""

    def __init__(self, port: int, names: Iterable[str] = ()) -> None:
        self.names = frozenset({f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", *names})

    def problem(self, asked: Asked) -> No | None:
        """Refuse a request for another host."""
        if asked.header("host").lower() in self.names:
            return None
        return No(421, "this is not the host that was asked for; DASHBOARD_HOSTS lists the names it answers to")

    def is_same_origin(self, asked: Asked) -> bool:
        """Tell whether the request says that it comes from a page of ours."""
        try:
            origin = urlsplit(asked.header("origin").lower())
        except ValueError:
            return False
        return origin.scheme in {"http", "https"} and origin.netloc == asked.header("host").lower()


def problem_of_head(asked: Asked, hosts: Hosts) -> No | None:
    """Refuse what no request of ours looks like, whoever sends it."""
    if asked.doubled:
        return No(400, f"{asked.doubled}: given twice")
    if no := hosts.problem(asked):
        return no
    if asked.method not in _METHODS:
        return No(405, "only GET, HEAD and POST", (("allow", ", ".join(_METHODS)),))
    if f"{asked.path}/".startswith(SOCKET_PATH):
        return No(403, "only by websocket")
    if asked.header("origin") and not hosts.is_same_origin(asked):
        return No(403, "Origin: not a page of this dashboard")
    return _problem_of_length(asked) or (_problem_of_post(asked) if asked.method == "POST" else None)


def _problem_of_length(asked: Asked) -> No | None:
    length = asked.header("content-length")
    if length and not (length.isascii() and length.isdigit()):
        return No(400, "content-length: not a number")
    return No(413, f"at most {BODY_LIMIT} bytes") if length and int(length[:12]) > BODY_LIMIT else None


def _problem_of_post(asked: Asked) -> No | None:
    if asked.path not in POSTS:
        return No(405, "only GET and HEAD here", (("allow", "GET, HEAD"),))
    # a browser always says where a POST comes from, and only browsers have cookies
    if not asked.header("origin") and asked.bearer is None:
        return No(403, "Origin: missing")
    kind = asked.header("content-type").partition(";")[0].strip().lower()
    return None if kind == "application/json" else No(415, "send application/json")
