"""Puts a sandbox together: market, floors, both venues' handlers, faults, control. Wiring only; it binds no port."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from aiohttp import web

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from arbitrage.ports import Clock
from arbitrage.sandbox.bank import Bank
from arbitrage.sandbox.binance_private_rest import BinancePrivateRest
from arbitrage.sandbox.binance_rest import BinanceRest, no_page
from arbitrage.sandbox.binance_socket import BinanceSockets
from arbitrage.sandbox.binance_streams import BinanceStreams
from arbitrage.sandbox.binance_ws_api import BinanceWsApi
from arbitrage.sandbox.control import Director, control_app
from arbitrage.sandbox.fault_messages import MessageFaults
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.fault_requests import Handler, RequestFaults
from arbitrage.sandbox.fault_script import Script, read_script
from arbitrage.sandbox.fault_sockets import EventFaults, SocketFaults, Sockets
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import BINANCE_KEYS, UPBIT_KEYS
from arbitrage.sandbox.knob_changes import KnobPanel
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.late import Late
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.market_book import MarketBook
from arbitrage.sandbox.model import MarketModel
from arbitrage.sandbox.options import Manners, SandboxOptions
from arbitrage.sandbox.pulse import Pulse
from arbitrage.sandbox.purse import Purse, default_balances, read_balances
from arbitrage.sandbox.tape import Replay
from arbitrage.sandbox.truth import Truth
from arbitrage.sandbox.upbit_private import UpbitPrivate
from arbitrage.sandbox.upbit_rest import UpbitRest, no_route
from arbitrage.sandbox.upbit_socket import Snapshot, UpbitSockets
from arbitrage.sandbox.upbit_streams import UpbitStreams

_PublicSockets = TypeVar("_PublicSockets")

UPBIT_LAG_S: Final = 0.01
"""How long Upbit takes to match or cancel after its answer; it documents that it is later, not how much."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A whole sandbox that does not run yet: two applications, the market's task, the purse, and who directs it."""

    app: web.Application
    control: web.Application
    market: Coroutine[Any, Any, None]
    purse: Purse
    director: Director
    script: Script


def assemble(options: SandboxOptions, clock: Clock) -> Assembly:
    """Put a sandbox together. Raises ConfigurationError for coins that are not listed and for files that are wrong."""
    script = Script() if options.faults is None else read_script(options.faults)
    model = MarketModel(coins_of(options.symbols), options.seed)
    books = {venue: model.books(venue) for venue in Venue}
    floors = {venue: Floor(venue, books[venue], venue_knobs(venue), clock) for venue in Venue}
    purse = Purse(floors, options.keep)
    purse.fill(default_balances(books) if options.balances is None else read_balances(options.balances))
    replay = None if options.tape is None else Replay(options.tape, options.speed)
    plan = FaultPlan(options.seed if script.seed is None else script.seed, clock)

    streams = UpbitStreams(books[Venue.UPBIT], clock.now() // NS_PER_MS)
    world = _World(floors, books, plan, clock, options.manners)
    truth, late = Truth(floors), Late()
    upbit = _upbit(world, streams, streams.snapshot if replay is None else replay.snapshot)
    binance = _binance(world, MessageFaults(plan, truth, clock, late))
    sides = (upbit, binance)
    director = Director(
        plan=plan,
        sockets=SocketFaults(plan, [*upbit.sockets, *binance.sockets]),
        panel=KnobPanel(floors, books, model if replay is None else None),
        truth=truth,
        floors=floors,
        deposits={Venue.UPBIT: upbit.deposit, Venue.BINANCE: binance.deposit},
    )
    guard = RequestFaults(plan, truth, clock, late, frozenset([*upbit.open_to_all, *binance.open_to_all]))
    if replay is not None:
        market = replay.run(upbit.public, binance.public)
    else:
        frames = BinanceStreams(books[Venue.BINANCE].values(), binance.public.publish)
        market = Pulse(model, floors, streams, upbit.public.publish, frames).run(options.speed)
    return Assembly(_app(sides, guard, late, clock), control_app(director), market, purse, director, script)


def venue_knobs(venue: Venue) -> Knobs:
    """Return a venue's knobs as they stand when nothing is wrong."""
    lag_s = UPBIT_LAG_S if venue is Venue.UPBIT else 0.0
    return Knobs(match_after_s=lag_s, cancel_after_s=lag_s)


@dataclass(frozen=True, slots=True)
class _World:
    """What both venues are made of."""

    floors: Mapping[Venue, Floor]
    books: Mapping[Venue, dict[str, MarketBook]]
    plan: FaultPlan
    clock: Clock
    manners: Manners


@dataclass(frozen=True, slots=True)
class _Side(Generic[_PublicSockets]):
    """One venue: its public sockets, its routes, the paths that anybody may ask, and what can be done to it."""

    public: _PublicSockets
    routes: Sequence[web.RouteDef]
    open_to_all: Sequence[str]
    sockets: Sequence[Sockets]
    deposit: Callable[[str, Decimal], None]


def _upbit(world: _World, streams: UpbitStreams, first_frame: Snapshot) -> _Side[UpbitSockets]:
    floor, books = world.floors[Venue.UPBIT], world.books[Venue.UPBIT]
    # a floor tells its venue's time, which may be told to be ahead of ours
    public = UpbitSockets(books, first_frame, floor, world.manners)
    rest = UpbitRest(books, streams.changed_ms, floor, world.manners, floor.knobs)
    private = UpbitPrivate(floor, UPBIT_KEYS, world.clock, world.manners)
    private.sockets.send_event = EventFaults(world.plan, Venue.UPBIT).send
    # what is there at the start is no news
    private.sockets.assets_moved()

    def deposit(currency: str, amount: Decimal) -> None:
        floor.core.account.deposit(currency, amount)
        private.sockets.assets_moved()

    routes: list[web.RouteDef] = []
    open_to_all: list[web.RouteDef] = []
    for prefix in ("/upbit", ""):
        open_to_all += rest.routes(prefix)
        routes += [*private.routes(prefix), web.get(f"{prefix}/websocket/v1", public.handle)]
    sockets = [
        Sockets(Venue.UPBIT, "/websocket/v1", public.connections),
        Sockets(Venue.UPBIT, "/websocket/v1/private", private.sockets.connections),
    ]
    return _Side(public, [*open_to_all, *routes], [route.path for route in open_to_all], sockets, deposit)


def _binance(world: _World, messages: MessageFaults) -> _Side[BinanceSockets]:
    floor, books = world.floors[Venue.BINANCE], world.books[Venue.BINANCE]
    public = BinanceSockets(floor, world.manners)
    private = BinancePrivateRest(floor, BINANCE_KEYS, world.clock, world.manners)
    rest = BinanceRest(books, floor, world.manners, floor.knobs, private.private.weights)
    ws_api = BinanceWsApi(floor, BINANCE_KEYS, world.clock, world.manners, private.private)
    ws_api.guard = messages.guard
    ws_api.send_event = EventFaults(world.plan, Venue.BINANCE).send
    routes: list[web.RouteDef] = []
    open_to_all: list[web.RouteDef] = []
    for prefix in ("/binance", ""):
        open_to_all += rest.routes(prefix)
        routes += [*private.routes(prefix), web.get(f"{prefix}/ws-api/v3", ws_api.handle)]
        routes += _stream_routes(prefix, public)
    sockets = [
        Sockets(Venue.BINANCE, "/ws", public.connections),
        Sockets(Venue.BINANCE, "/ws-api/v3", ws_api.connections),
    ]
    return _Side(public, [*open_to_all, *routes], [route.path for route in open_to_all], sockets, ws_api.deposit)


def _stream_routes(prefix: str, binance: BinanceSockets) -> list[web.RouteDef]:
    return [
        web.get(f"{prefix}/ws", binance.raw),
        web.get(f"{prefix}/ws/{{streams:.*}}", binance.raw),
        web.get(f"{prefix}/stream", binance.combined),
        # ccxt takes an address for the spot market only if it holds "/stream", and adds a number to it
        web.get(f"{prefix}/stream/ws/{{streams:.*}}", binance.raw),
    ]


def _app(sides: Sequence[_Side[Any]], guard: RequestFaults, late: Late, clock: Clock) -> web.Application:
    # the guard stands outside, so that it sees what a path that does not exist is answered
    app = web.Application(middlewares=[guard.guard, _in_the_venues_shape])
    for side in sides:
        app.router.add_routes(side.routes)
    app.router.add_get("/bank/v1/latest", Bank(clock).latest)

    async def close(_: web.Application) -> None:
        for connection in [c for side in sides for group in side.sockets for c in group.connections]:
            connection.close(1001, "going away")
        guard.close()
        await late.close()

    app.on_shutdown.append(close)
    return app


@web.middleware
async def _in_the_venues_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        of_upbit = request.path.startswith(("/upbit", "/v1"))
        return no_route() if of_upbit else no_page()
