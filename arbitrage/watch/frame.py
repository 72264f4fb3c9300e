"""One frame of the watch: the picture, put into the width that there is, and how old it is. It reads nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.watch.panels import market, state, trade
from arbitrage.watch.reading import Picture

WIDE: Final = 150
"""Columns from which on two halves of at least 74 stand side by side."""

OLD_S: Final = 3.0
"""Older than this a picture is said to be old; it is taken twice a second."""

NOTHING_YET: Final = "no daemon has run with this Redis and APP_ENV yet; start one with `arbitrage run`"


@dataclass(frozen=True, slots=True)
class Seen:
    """The last picture, None before the first, and why there is no newer one; "" if there is."""

    picture: Picture | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is seen at an instant, as rich renders it."""

    seen: Seen
    now: Instant

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._news()
        picture = self.seen.picture
        try:
            parts = [] if picture is None else [*self._parts(picture, options.max_width)]
        except (ArithmeticError, LookupError, TypeError, ValueError) as failure:  # figures that no daemon writes
            parts = [Text(f"what is in Redis cannot be shown ({type(failure).__name__})", style="bold red")]
        yield from parts

    def _parts(self, picture: Picture, width: int) -> Iterator[RenderableType]:
        yield from _cut(state(picture))
        if width >= WIDE:
            halves = Table.grid(padding=(0, 2), expand=True)
            halves.add_column(ratio=1)
            halves.add_column(ratio=1)
            halves.add_row(Group(*_cut(market(picture))), Group(*_cut(trade(picture))))
            yield halves
        else:
            yield from _cut(market(picture))
            yield from _cut(trade(picture))

    def _news(self) -> Iterator[RenderableType]:
        """Yield that what follows is not how it is now."""
        picture, problem = self.seen.picture, self.seen.problem
        if picture is None:
            yield Text(problem or NOTHING_YET, style="bold red" if problem else "yellow")
            return
        age_s = (self.now - picture.at) / NS_PER_S
        if problem or not age_s <= OLD_S:
            yield Text(f"NO NEWS: this is how it was {age_s:,.0f} s ago", style="bold white on red")
            yield Text(problem or "Redis answers slowly", style="red")


def _cut(parts: Iterator[RenderableType]) -> Iterator[RenderableType]:
    """Yield each line in one line: what is too long for it ends in an ellipsis."""
    for part in parts:
        if isinstance(part, Text):
            part.no_wrap, part.overflow = True, "ellipsis"
        yield part
