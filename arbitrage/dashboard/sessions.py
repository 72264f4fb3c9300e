"""Who is looking: sessions in this process's memory, and the check of a token that begins one.

A session ends with the process, by itself, or by logging out. The cookie holds nothing but its name.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import structlog

from arbitrage.dashboard.lock_out import LockOut
from arbitrage.dashboard.tokens import Role, Tokens
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.ports import Clock

log = structlog.get_logger()

LASTS_S: Final = 12 * 3_600
"""How long a session lasts: a working day."""

COOKIE: Final = "arbitrage_session"
_MOST_SESSIONS: Final = 256


class WrongToken(Exception):
    """A token is neither of ours."""


class LockedOut(Exception):
    """No token is looked at now. `wait_s` says for how long."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong tokens; try again in {wait_s} s")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who has shown a right token: what they may do, who they say they are, and from where."""

    role: Role
    name: str
    client: str
    session_id: str = field(default="", repr=False)

    @property
    def may_control(self) -> bool:
        """Tell whether they may do more than look."""
        return self.role is Role.CONTROL

    @property
    def who(self) -> str:
        """Return how the journal names them."""
        return f"{self.name}@dashboard ({self.client})"


@dataclass(frozen=True, slots=True)
class _Session:
    visitor: Visitor
    until: Instant


class Entrance:
    """Lets visitors in. Raises nothing to those whose session stands."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lock_out = LockOut(clock)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def show_token(self, token: str, client: str, name: str = "") -> Visitor:
        """Return who shows a token. Raises WrongToken, or LockedOut without having looked at it."""
        if wait_s := self._lock_out.wait_s(client):
            raise LockedOut(wait_s)
        role = self._tokens.role_of(token)
        if role is None:
            self._lock_out.failed(client)
            log.warning("dashboard_token_wrong", client=client)
            raise WrongToken
        self._lock_out.passed(client)
        return Visitor(role, name or role.value, client)

    def begin(self, visitor: Visitor) -> str:
        """Begin a session and return its name, 256 bits that nobody guesses. The oldest makes room."""
        session_id = secrets.token_urlsafe(32)
        visitor = Visitor(visitor.role, visitor.name, visitor.client, session_id)
        self._sessions[session_id] = _Session(visitor, Instant(self._clock.now() + LASTS_S * NS_PER_S))
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        log.info("dashboard_login", who=visitor.who, role=visitor.role)
        return session_id

    def find(self, session_id: str) -> Visitor | None:
        """Return whose session it is; None if there is none, or it is over."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        if self._clock.now() < session.until:
            return session.visitor
        del self._sessions[session_id]
        return None

    def end(self, session_id: str) -> None:
        """End a session."""
        if session := self._sessions.pop(session_id, None):
            log.info("dashboard_logout", who=session.visitor.who)
