"""The loop of the watch: one thread looks, this one draws, so that a Redis that hangs never freezes the picture."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.live import Live

from arbitrage.domain.errors import ArbitrageError
from arbitrage.ports import Clock
from arbitrage.watch.frame import Frame, Seen
from arbitrage.watch.reading import Picture

LOOK_S: Final = 0.5
DRAW_S: Final = 0.25
"""How often Redis is asked, and how often the terminal is drawn; a new size of the terminal counts with the next."""

Look = Callable[[], Picture | None]


class Lookout:
    """Looks again and again, and keeps what it saw last."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._ended = threading.Event()
        self.seen = Seen(problem="looking …")

    def run(self) -> None:
        """Look until `end`."""
        while not self._ended.is_set():
            self.seen = self.once()
            self._ended.wait(LOOK_S)

    def once(self) -> Seen:
        """Look once; what was seen before stays where nothing can be seen."""
        try:
            return Seen(self._look())
        except ArbitrageError as failure:
            return Seen(self.seen.picture, str(failure))
        except Exception as failure:  # noqa: BLE001 - whatever is in Redis, the watch goes on and says that it is blind
            return Seen(self.seen.picture, f"what is in Redis cannot be shown ({type(failure).__name__})")

    def end(self) -> None:
        """Ask `run` to end."""
        self._ended.set()


def watch(look: Look, clock: Clock) -> int:
    """Draw until Ctrl-C, on the terminal's second screen; the first one is there again afterwards. Returns 0."""
    console = Console(file=sys.stdout, highlight=False, markup=False)
    lookout = Lookout(look)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the terminal is given back then, too
    threading.Thread(target=lookout.run, name="lookout", daemon=True).start()
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(Frame(lookout.seen, clock.now()), refresh=True)
                time.sleep(DRAW_S)
    except KeyboardInterrupt:
        return 0
    finally:
        lookout.end()
