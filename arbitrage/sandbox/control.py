"""The control API: faults, knobs and deposits in, the truth out. For this machine only, beside the venues' port.

It speaks JSON, and answers a mistake with 400 and one line. It knows no venue's protocol.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.fault_plan import FaultPlan, Rule
from arbitrage.sandbox.fault_script import Script, one_line
from arbitrage.sandbox.fault_sockets import SocketFaults
from arbitrage.sandbox.faults import Fault, ShortText, Target
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.knob_changes import KnobChange, KnobPanel
from arbitrage.sandbox.purse import is_amount
from arbitrage.sandbox.truth import KEPT, Truth

_ROWS: Final = 1_000
"""How many rows a list of the truth has if nothing else is asked."""

_Wanted = TypeVar("_Wanted")


class Deposit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money from outside, or to outside with a negative amount."""

    venue: Venue
    currency: ShortText
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Director:
    """Everything that can be told to a running sandbox, whether by the control API or by a script."""

    plan: FaultPlan
    sockets: SocketFaults
    panel: KnobPanel
    truth: Truth
    floors: Mapping[Venue, Floor]
    deposits: Mapping[Venue, Callable[[str, Decimal], None]]

    def follow(self, script: Script) -> None:
        """Put a script's faults in force and turn its knobs. Raises ValueError naming what does not fit."""
        self.turn(script.knobs)
        self.add(script.faults)

    def add(self, faults: Sequence[Fault]) -> list[Rule]:
        """Put faults in force: all of them, or with a ValueError, where that would be too many, none."""
        rules = self.plan.add(*faults)
        for rule in rules:
            if rule.fault.target is Target.SOCKET:
                self.sockets.schedule(rule)
        return rules

    def turn(self, changes: Sequence[KnobChange]) -> None:
        """Turn knobs: all of them, or with a ValueError, where a market is not listed, none."""
        for number, change in enumerate(changes):
            self.panel.check(change, f"knobs[{number}]")
        for change in changes:
            self.panel.turn(change)

    def deposit(self, deposit: Deposit) -> None:
        """Book money from outside. Raises ValueError for what cannot be booked."""
        core = self.floors[deposit.venue].core
        known = {currency for i in core.instruments.values() for currency in (i.base, i.quote)}
        if deposit.currency not in known:
            raise ValueError(f"{deposit.venue.value} does not know {deposit.currency[:20]}")
        if not is_amount(deposit.amount):
            raise ValueError("`amount` has eight decimals at most")
        self.deposits[deposit.venue](deposit.currency, deposit.amount)


def control_app(director: Director) -> web.Application:
    """Make the application that serves the control API."""
    api = _Api(director)
    app = web.Application(middlewares=[_in_json])
    app.router.add_routes(
        [
            web.get("/faults", api.list_faults),
            web.post("/faults", api.add_faults),
            web.delete("/faults", api.clear_faults),
            web.get("/knobs", api.show_knobs),
            web.post("/knobs", api.turn_knobs),
            web.post("/deposit", api.deposit),
            web.get("/truth/requests", api.listed(director.truth.requests)),
            web.get("/truth/orders", api.listed(director.truth.orders)),
            web.get("/truth/fills", api.listed(director.truth.fills)),
            web.get("/truth/balances", api.shown(director.truth.balances)),
            web.get("/truth/net", api.shown(director.truth.net)),
            web.get("/truth/duplicates", api.shown(director.truth.duplicates)),
        ]
    )
    return app


class _Api:
    """The handlers."""

    def __init__(self, director: Director) -> None:
        self._director = director

    async def list_faults(self, _: web.Request) -> web.Response:
        return _json({"faults": [rule.view() for rule in self._director.plan.rules()]})

    async def add_faults(self, request: web.Request) -> web.Response:
        faults = _listed(await _decode(request, Fault | list[Fault]))
        return _json({"added": [rule.number for rule in self._director.add(faults)]}, 201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        return _json({"deleted": self._director.plan.clear()})

    async def show_knobs(self, _: web.Request) -> web.Response:
        return _json({venue.value: self._director.panel.view(venue) for venue in Venue})

    async def turn_knobs(self, request: web.Request) -> web.Response:
        changes = _listed(await _decode(request, KnobChange | list[KnobChange]))
        self._director.turn(changes)
        return _json({"turned": len(changes)})

    async def deposit(self, request: web.Request) -> web.Response:
        deposit: Deposit = await _decode(request, Deposit)
        self._director.deposit(deposit)
        return _json(self._director.truth.balances()[deposit.venue.value])

    def listed(self, rows: Callable[[int], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            limit = request.query.get("limit", str(_ROWS))
            if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and 1 <= int(limit) <= KEPT):
                raise ValueError(f"`limit` is from 1 to {KEPT}")
            return _json(rows(int(limit)))

        return answer

    def shown(self, facts: Callable[[], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_: web.Request) -> web.Response:
            return _json(facts())

        return answer


@web.middleware
async def _in_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    # a page in somebody's browser must not turn knobs
    if "Origin" in request.headers:
        return _json({"error": "not for browsers"}, 403)
    try:
        return await handler(request)
    except web.HTTPException as e:
        return _json({"error": e.reason}, e.status)
    except web.RequestPayloadError as e:
        return _json({"error": one_line(e)}, 400)
    except (ValueError, ArithmeticError, RecursionError) as e:
        return _json({"error": one_line(e)}, 400)


async def _decode(request: web.Request, wanted: Any) -> Any:
    return msgspec.json.decode(await request.read(), type=wanted)


def _listed(given: _Wanted | list[_Wanted]) -> list[_Wanted]:
    return given if isinstance(given, list) else [given]


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
