"""What can go wrong in the sandbox: kinds of faults, and a fault as people write it. When one strikes: `fault_plan`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from arbitrage.domain.instruments import Venue


class Kind(StrEnum):
    """What goes wrong. The first group strikes requests, then private events, then sockets."""

    DELAY_BEFORE = "delay_before"
    DELAY_AFTER = "delay_after"
    HANG_AFTER_EXECUTION = "hang_after_execution"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    LATE_EXECUTION = "late_execution"
    ERROR_5XX = "error_5xx"
    HTML_502 = "html_502"
    EMPTY_200 = "empty_200"
    TRUNCATED_BODY = "truncated_body"
    TOO_MANY = "too_many"
    BANNED = "banned"
    MAINTENANCE = "maintenance"
    EVENT_LOST = "event_lost"
    EVENT_DELAYED = "event_delayed"
    EVENT_DUPLICATED = "event_duplicated"
    EVENT_REORDERED = "event_reordered"
    SOCKET_STALL = "socket_stall"
    SOCKET_HALF_OPEN = "socket_half_open"
    SOCKET_CLOSE = "socket_close"


class Target(StrEnum):
    """What a kind of fault strikes."""

    REQUEST = "request"
    EVENT = "event"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True)
class _Trait:
    """What a kind strikes, its time in seconds where it has one, and whether the request is carried out (or a choice).

    A `default_s` of 0 stands for "until the other side goes".
    """

    target: Target
    default_s: float | None = None
    executes: bool | None = None
    choice: bool = False


_TRAITS: Final = {
    Kind.DELAY_BEFORE: _Trait(Target.REQUEST, 1.0, True),
    Kind.DELAY_AFTER: _Trait(Target.REQUEST, 1.0, True),
    Kind.HANG_AFTER_EXECUTION: _Trait(Target.REQUEST, 0.0, True),
    Kind.DROP_BEFORE: _Trait(Target.REQUEST, executes=False),
    Kind.DROP_AFTER: _Trait(Target.REQUEST, executes=True),
    Kind.LATE_EXECUTION: _Trait(Target.REQUEST, 3.0, True),
    Kind.ERROR_5XX: _Trait(Target.REQUEST, executes=False, choice=True),
    Kind.HTML_502: _Trait(Target.REQUEST, executes=False, choice=True),
    Kind.EMPTY_200: _Trait(Target.REQUEST, executes=True, choice=True),
    Kind.TRUNCATED_BODY: _Trait(Target.REQUEST, executes=True),
    Kind.TOO_MANY: _Trait(Target.REQUEST, 1.0, False),
    Kind.BANNED: _Trait(Target.REQUEST, 120.0, False),
    Kind.MAINTENANCE: _Trait(Target.REQUEST, executes=False),
    Kind.EVENT_LOST: _Trait(Target.EVENT),
    Kind.EVENT_DELAYED: _Trait(Target.EVENT, 1.0),
    Kind.EVENT_DUPLICATED: _Trait(Target.EVENT),
    Kind.EVENT_REORDERED: _Trait(Target.EVENT, 1.0),
    Kind.SOCKET_STALL: _Trait(Target.SOCKET, 0.0),
    Kind.SOCKET_HALF_OPEN: _Trait(Target.SOCKET, 0.0),
    Kind.SOCKET_CLOSE: _Trait(Target.SOCKET),
}

REQUEST_KINDS: Final = frozenset(kind for kind, trait in _TRAITS.items() if trait.target is Target.REQUEST)
"""What can befall an HTTP request."""

HANDSHAKE_KINDS: Final = frozenset(k for k in REQUEST_KINDS if k is Kind.DELAY_BEFORE or not _TRAITS[k].executes)
"""What can befall a websocket's handshake: it cannot be carried out and lost."""

MESSAGE_KINDS: Final = REQUEST_KINDS - {Kind.HTML_502, Kind.EMPTY_200, Kind.TRUNCATED_BODY}
"""What can befall a request that came as a websocket message."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule, as people write it. Raises ValueError for a field that its kind does not know.

    venue        whom it strikes; both if not said
    endpoint     requests: a pattern over "POST /v1/orders" or "WS order.place"; sockets: over the path
    contains     events: a text that the frame must hold
    count        how often it strikes: once if not said, without end with a probability; 0 is without end
    probability  how likely each time
    s            its length in seconds
    after_s      how long it sleeps before it begins to watch
    status       error_5xx: the status
    executed     error_5xx, html_502, empty_200: whether the request was carried out nevertheless
    code         socket_close: the close frame's code; without, the connection is cut
    """

    kind: Kind
    venue: Venue | None = None
    endpoint: ShortText = "*"
    contains: ShortText = ""
    count: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    s: Seconds | None = None
    after_s: Seconds = 0.0
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] | None = None
    executed: bool | None = None
    code: Annotated[int, msgspec.Meta(ge=1000, le=4999)] | None = None

    def __post_init__(self) -> None:
        trait = _TRAITS[self.kind]
        knows = {
            "endpoint": trait.target is not Target.EVENT,
            "contains": trait.target is Target.EVENT,
            "s": trait.default_s is not None,
            "status": self.kind is Kind.ERROR_5XX,
            "executed": trait.choice,
            "code": self.kind is Kind.SOCKET_CLOSE,
        }
        for name, known in knows.items():
            if not known and getattr(self, name) not in (None, "", "*"):
                raise ValueError(f"`{name}` means nothing for {self.kind.value}")

    @property
    def target(self) -> Target:
        """Return what it strikes."""
        return _TRAITS[self.kind].target

    @property
    def seconds(self) -> float:
        """Return its length in seconds: what was said, or the kind's own."""
        return _TRAITS[self.kind].default_s or 0.0 if self.s is None else self.s

    @property
    def executes(self) -> bool:
        """Say whether the request is carried out."""
        return bool(_TRAITS[self.kind].executes if self.executed is None else self.executed)

    @property
    def times(self) -> int | None:
        """Return how often it strikes, or None for without end."""
        if self.count is None:
            return 1 if self.probability is None else None
        return self.count or None
