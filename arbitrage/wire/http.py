"""A small JSON client over HTTP: one GET, one typed answer. It knows no venue, no secret, and follows no redirect."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from arbitrage.domain.errors import VenueUnreachable
from arbitrage.wire.quiet_log import describe, one_line

T = TypeVar("T")

CHUNK_BYTES: Final = 1 << 16


class VenueFailed(VenueUnreachable):
    """A venue did not answer usefully: which one, the HTTP status (0 without an answer), and the start of the body."""

    def __init__(self, venue: str, what: str, status: int = 0, body: bytes = b"") -> None:
        super().__init__(f"{venue}: {what}")
        self.venue = venue
        self.status = status
        self.body = body


class JsonHttp:
    """GET requests to one base address. An async context manager; the connection is kept between requests."""

    def __init__(self, venue: str, base_url: str, *, total_s: float = 10.0, max_body_bytes: int = 32 << 20) -> None:
        self.venue = venue
        self._base_url = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=total_s)
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # trust_env=False: a proxy or netrc that happens to be on the machine has no say in what we believe
        self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, shape: type[T], params: Mapping[str, str] | None = None) -> T:
        """Ask for `path` and decode the answer into `shape`. Raises VenueFailed for everything that goes wrong."""
        status, body = await self._fetch(path, params or {})
        if status != 200:
            raise VenueFailed(self.venue, f"GET {path} answered {status}: {one_line(body)}", status, body)
        try:
            return msgspec.json.decode(body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
            what = f"GET {path} answered what cannot be read ({describe(failure)}): {one_line(body)}"
            raise VenueFailed(self.venue, what, status, body) from failure

    async def _fetch(self, path: str, params: Mapping[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            raise RuntimeError("JsonHttp is used outside `async with`")
        # encoded here: Binance checks the characters of `symbols` as they are sent, quotes and brackets included
        query = f"?{urlencode(params)}" if params else ""
        try:
            url = URL(f"{self._base_url}{path}{query}", encoded=True)
            async with self._session.get(url, allow_redirects=False) as response:
                return response.status, await self._read(path, response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            raise VenueFailed(self.venue, f"GET {path} failed: {describe(failure)}") from failure

    async def _read(self, path: str, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > self._max_body_bytes:
                raise VenueFailed(self.venue, f"GET {path} answered more than {self._max_body_bytes} bytes")
        return bytes(body)
