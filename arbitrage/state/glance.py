"""One glance at the state: a short conversation with Redis for the commands that must answer at once.

Only hiredis and a socket, because importing redis-py takes longer than the whole rest of `arbitrage status`. The daemon
does not use it: it knows no reconnecting, no TLS and no waiting.
"""

import socket
from typing import Any, Final

import hiredis

from arbitrage.domain.errors import StateUnavailable
from arbitrage.state.keys import Command, RedisAddress

TIMEOUT_S: Final = 1.0
"""How long to wait for the connection, and for each piece of the answer."""

ADVICE: Final = "is it running, and are REDIS_HOST and REDIS_PORT right?"

_INCOMPLETE: Final = object()


def ask(address: RedisAddress, *commands: Command, timeout_s: float = TIMEOUT_S) -> list[Any]:
    """Run commands one after another and return their replies, texts as bytes.

    Raises StateUnavailable in one line: with the address if Redis is not there, with the key that holds something else.
    """
    credentials = address.credentials()
    first: list[Command] = [("AUTH", *credentials)] if credentials else []
    before = [*first, ("SELECT", address.db)]
    try:
        # no MULTI: a server without memory refuses that too, and reading must go on
        replies = _talk(address, [*before, *commands], timeout_s)
    except (OSError, hiredis.ProtocolError) as error:
        raise StateUnavailable(f"Redis at {address}: {_line(error) or type(error).__name__}; {ADVICE}") from error
    for reply in replies[: len(before)]:
        if isinstance(reply, hiredis.ReplyError):
            raise StateUnavailable(f"Redis at {address}: {_line(reply)}")
    results = replies[len(before) :]
    for command, result in zip(commands, results, strict=True):
        if isinstance(result, hiredis.ReplyError):
            about = command[min(1, len(command) - 1)]  # the key, where there is one
            raise StateUnavailable(f"{about!s}: {_line(result)}")
    return results


def _talk(address: RedisAddress, commands: list[Command], timeout_s: float) -> list[Any]:
    reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
    with socket.create_connection((address.host, address.port), timeout=timeout_s) as connection:
        packed = [hiredis.pack_command(command) for command in commands]  # type: ignore[arg-type]  # its stub wants one word
        connection.sendall(b"".join(packed))
        return [_next_reply(connection, reader) for _ in commands]


def _next_reply(connection: socket.socket, reader: hiredis.Reader) -> Any:
    while (reply := reader.gets()) is _INCOMPLETE:
        received = connection.recv(65_536)
        if not received:
            raise ConnectionError("it closed the connection")
        reader.feed(received)
    return reply


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
