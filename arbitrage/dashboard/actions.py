"""What can be asked of the daemon from here: halt, flatten, acknowledge. Nothing that allows more is in this file."""

from enum import StrEnum

import structlog

from arbitrage.dashboard.answers import Given
from arbitrage.dashboard.connection import Connection
from arbitrage.dashboard.reader import Reader
from arbitrage.dashboard.sessions import Visitor
from arbitrage.domain.errors import ArbitrageError
from arbitrage.ports import Clock
from arbitrage.state.keys import ACK, COMMAND, FLATTEN, HALT, StateKeys

log = structlog.get_logger()


class NoDaemon(ArbitrageError):
    """Nobody is there who would do it."""


class Forbidden(ArbitrageError):
    """Whoever asks may only look."""


class Action(StrEnum):
    """What can be asked for; each can only lower risk."""

    HALT = HALT
    FLATTEN = FLATTEN
    ACK = ACK

    @property
    def confirmation(self) -> str:
        """Return the word that a person types to say that it is meant."""
        return self.value.upper()


class Actions:
    """Leaves commands for the daemon, with who asked and why; the daemon writes both into its journal."""

    def __init__(self, connection: Connection, reader: Reader, clock: Clock) -> None:
        self._connection = connection
        self._reader = reader
        self._clock = clock

    async def give(self, visitor: Visitor, action: Action, reason: str, alert: str = "") -> Given:
        """Ask for something. A halt also waits for a daemon that fell silent, and where none runs for the next start.

        Raises Forbidden, NoDaemon, StateUnavailable.
        """
        if not visitor.may_control:
            raise Forbidden("this token may only look; log in with the control token")
        living = await self._reader.living()
        silent = await self._reader.fallen_silent() if action is Action.HALT else []
        daemons = [*living, *silent] or self._absent(action)
        row: dict[str, str | int] = {
            COMMAND: action.value,
            "who": visitor.who,
            "why": reason,
            "given_at": self._clock.now(),
            **({"alert": alert} if action is Action.ACK else {}),
        }
        await self._connection.command(daemons, row)
        log.warning("dashboard_command", command=action, who=visitor.who, why=reason, daemon_alive=bool(living))
        self._reader.nudge()
        detail = (
            "the daemon obeys within a second"
            if living
            else "no daemon answers; it is halted once it does, or at its next start"
        )
        told = [keys.namespace for keys in daemons]
        return Given(command=action, who=visitor.who, told=told, daemon_alive=bool(living), detail=detail)

    def _absent(self, action: Action) -> list[StateKeys]:
        """Return whom a halt waits for: the daemon that was shown last."""
        if action is not Action.HALT:
            raise NoDaemon(f"no daemon runs, so nobody can {action.value}")
        if not self._reader.picture.namespace:
            raise NoDaemon("no daemon has run with this Redis and APP_ENV yet")
        return [StateKeys(self._reader.picture.namespace)]
