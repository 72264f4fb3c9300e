"""Where a venue's HTTP server is, and requests to it written out as bytes. It opens nothing and signs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """A server, and the path that all of its resources begin with."""

    host: str
    port: int
    is_tls: bool
    path: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `https://host[:port][/path]`. Raises ValueError for anything else, user names and queries included."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("an address is http(s)://host[:port][/path]")
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.hostname, port, parts.scheme == "https", parts.path.rstrip("/"))

    @property
    def host_header(self) -> str:
        """Return what goes into the Host header (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.is_tls else "http"] else f"{host}:{self.port}"


class RequestForm:
    """One method and path of an address with all that is the same in each request, encoded once.

    What is filled in must be ASCII without line breaks: it is not looked at again.
    """

    def __init__(self, address: HttpAddress, method: str, path: str, fixed: Mapping[str, str] | None = None) -> None:
        lines = {"Host": address.host_header, "Accept": "application/json", **(fixed or {})}
        self._start = f"{method} {address.path}{path}".encode("ascii")
        self._rest = (" HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in lines.items())).encode("ascii")

    def write(self, query: str = "", header: str = "", body: bytes = b"") -> bytes:
        """Return a whole request. `query` comes percent-encoded and without `?`, `header` as one `Name: value`."""
        target = f"?{query}".encode("ascii") if query else b""
        signed = f"{header}\r\n".encode("ascii") if header else b""
        if not body:
            return b"%b%b%b%b\r\n" % (self._start, target, self._rest, signed)
        return b"%b%b%b%bContent-Length: %d\r\n\r\n%b" % (self._start, target, self._rest, signed, len(body), body)
