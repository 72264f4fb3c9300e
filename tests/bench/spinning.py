"""A loop that does not sleep for a while: whoever is never asleep need not be woken up. It measures nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_spinning(is_wanted: bool = True) -> Iterator[None]:
    """Let the running loop look at its sockets again and again while the context lasts, if that is wanted."""
    loop = asyncio.get_running_loop()
    is_on = is_wanted

    def again() -> None:
        if is_on:
            loop.call_soon(again)

    again()
    try:
        yield
    finally:
        is_on = False
