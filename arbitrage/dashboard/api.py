"""The JSON API: what the reader saw, and the three things that can be asked for. The front door stands before it."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from arbitrage.dashboard import answers
from arbitrage.dashboard.actions import Action, Actions, Forbidden, NoDaemon
from arbitrage.dashboard.answers import described
from arbitrage.dashboard.models import Link
from arbitrage.dashboard.page.login import login_page
from arbitrage.dashboard.parts import Parts
from arbitrage.dashboard.reader import SERIES_ROWS, Picture, Reader
from arbitrage.dashboard.reason import LONGEST_REASON, one_line
from arbitrage.dashboard.sessions import COOKIE, LASTS_S, Entrance, LockedOut, Visitor, WrongToken
from arbitrage.domain.errors import ArbitrageError, StateUnavailable
from arbitrage.ports import Clock

KEPT_S: Final = 365 * 86_400
"""How long a browser remembers language and theme."""

_STATUS: Final[dict[type[ArbitrageError], int]] = {Forbidden: 403, NoDaemon: 409, StateUnavailable: 503}


Reason = Annotated[
    str, Field(min_length=1, max_length=LONGEST_REASON, pattern=r"[0-9A-Za-z가-힣]"), AfterValidator(one_line)
]
AlertId = Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z:._-]*$")]


class Body(BaseModel):
    """What somebody sends: exactly the fields it has."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Login(Body):
    """A token, and who shows it, for the journal."""

    token: Annotated[str, Field(min_length=1, max_length=512)]
    name: Annotated[str, Field(max_length=32, pattern=r"^[0-9A-Za-z가-힣._-]*$")] = ""


class LogoutAsked(Body):
    """End the session: an empty object."""


class HaltAsked(Body):
    """Start no new plan. `confirm` is typed by a person."""

    confirm: Literal["HALT"]
    reason: Reason


class FlattenAsked(Body):
    """Bring everything to neutral, then start no new plan."""

    confirm: Literal["FLATTEN"]
    reason: Reason


class AckAsked(Body):
    """Say that an alert was seen, or with an empty id all of them."""

    confirm: Literal["ACK"]
    reason: Reason
    alert: AlertId = ""


def the_visitor(request: Request) -> Visitor:
    """Return who asks; the front door lets nobody else through."""
    visitor = request.scope["visitor"]
    assert isinstance(visitor, Visitor)
    return visitor


From = Annotated[Visitor, Depends(the_visitor)]

_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    400: described("the request, or the JSON in it, is malformed"),
    401: described("no token, or a wrong one"),
    403: described("this token may only look, or the Origin is not ours"),
    413: described("the body is too long"),
    415: described("not JSON"),
    421: described("another host was asked for"),
    422: described("a field is missing or wrong"),
    429: described("too many wrong tokens"),
}
_ACTED: Final = {
    **_REFUSED,
    409: described("no daemon is there that would do it"),
    503: described("Redis cannot be reached: nothing was asked"),
}


def build_api(parts: Parts) -> FastAPI:
    """Put the API together."""
    api = FastAPI(
        title="arbitrage dashboard",
        description="What the daemon says of itself, and three ways to lower risk. Decimals are strings.",
        version="1",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    api.include_router(_market(parts.reader, parts.clock))
    api.include_router(_safety(parts.reader, parts.clock))
    api.include_router(_acting(parts.actions))
    api.include_router(_sessions(parts.entrance))
    api.include_router(_open())
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(ArbitrageError, _failed)
    api.add_exception_handler(WrongToken, _wrong)
    api.add_exception_handler(LockedOut, _locked)
    return api


def _reader_router() -> APIRouter:
    bearer = Depends(HTTPBearer(auto_error=False, description="the read or the control token"))
    return APIRouter(prefix="/api", tags=["reading"], responses=_REFUSED, dependencies=[bearer])


def _seen(reader: Reader, clock: Clock) -> tuple[Picture, Link]:
    return reader.picture, reader.picture.link(clock.now())


def _market(reader: Reader, clock: Clock) -> APIRouter:
    router = _reader_router()

    @router.get("/status")
    async def status() -> answers.StatusAnswer:
        picture, link = _seen(reader, clock)
        return answers.StatusAnswer(link=link, status=picture.status)

    @router.get("/series")
    async def series(seconds: Annotated[int, Query(ge=1, le=SERIES_ROWS)] = 600) -> answers.SeriesAnswer:
        picture, link = _seen(reader, clock)
        return answers.SeriesAnswer(link=link, points=list(picture.series[-seconds:]))

    @router.get("/plans")
    async def plans() -> answers.PlansAnswer:
        picture, link = _seen(reader, clock)
        return answers.PlansAnswer(link=link, open=list(picture.open_plans), closed=list(picture.closed_plans))

    @router.get("/refusals")
    async def refusals() -> answers.RefusalsAnswer:
        picture, link = _seen(reader, clock)
        counts = picture.status.refusals if picture.status else {}
        return answers.RefusalsAnswer(link=link, counts=counts, newest=list(picture.refusals))

    return router


def _safety(reader: Reader, clock: Clock) -> APIRouter:
    router = _reader_router()

    @router.get("/alerts")
    async def alerts() -> answers.AlertsAnswer:
        picture, link = _seen(reader, clock)
        return answers.AlertsAnswer(link=link, alerts=list(picture.alerts))

    @router.get("/log")
    async def log() -> answers.LogAnswer:
        picture, link = _seen(reader, clock)
        return answers.LogAnswer(link=link, lines=list(picture.log))

    @router.get("/limits")
    async def limits() -> answers.LimitsAnswer:
        picture, link = _seen(reader, clock)
        return answers.LimitsAnswer(link=link, limits=picture.status.limits if picture.status else [])

    return router


def _acting(actions: Actions) -> APIRouter:
    bearer = Depends(HTTPBearer(auto_error=False, description="the control token"))
    router = APIRouter(
        prefix="/api", tags=["acting"], responses=_ACTED, dependencies=[bearer], default_response_class=JSONResponse
    )

    @router.post("/halt", status_code=202)
    async def halt(asked: HaltAsked, visitor: From) -> answers.Given:
        return await actions.give(visitor, Action.HALT, asked.reason)

    @router.post("/flatten", status_code=202)
    async def flatten(asked: FlattenAsked, visitor: From) -> answers.Given:
        return await actions.give(visitor, Action.FLATTEN, asked.reason)

    @router.post("/ack", status_code=202)
    async def ack(asked: AckAsked, visitor: From) -> answers.Given:
        return await actions.give(visitor, Action.ACK, asked.reason, asked.alert)

    return router


def _sessions(entrance: Entrance) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["sessions"], responses=_REFUSED)

    @router.post("/login")
    async def login(shown: Login, request: Request, response: Response) -> answers.SessionAnswer:
        client = request.client.host if request.client else "unknown"
        visitor = entrance.show_token(shown.token, client, shown.name)
        # behind TLS the page's own address says so; the cookie then never goes out without
        is_secure = request.headers.get("origin", "").startswith("https://")
        response.set_cookie(
            COOKIE, entrance.begin(visitor), max_age=LASTS_S, httponly=True, samesite="strict", secure=is_secure
        )
        return answers.SessionAnswer(role=visitor.role.value, name=visitor.name)

    @router.post("/logout")
    async def logout(_: LogoutAsked, visitor: From, response: Response) -> answers.SessionAnswer:
        entrance.end(visitor.session_id)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answers.SessionAnswer(role=visitor.role.value, name=visitor.name)

    return router


def _open() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"up": True}

    @router.get("/look")
    async def look(
        lang: Literal["en", "ko"] | None = None, theme: Literal["auto", "light", "dark"] | None = None
    ) -> Response:
        response = RedirectResponse("/", 303)
        for name, value in (("lang", lang), ("theme", theme)):
            if value is not None:
                response.set_cookie(name, value, max_age=KEPT_S, httponly=True, samesite="strict")
        return response

    @router.api_route("/login", methods=["GET", "HEAD"])
    async def login(request: Request) -> HTMLResponse:
        return HTMLResponse(login_page(request.headers.get("accept-language", ""), dict(request.cookies)))

    return router


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Name the field and the complaint, never what was sent: it may be a token."""
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors())
    return JSONResponse({"detail": said[:500]}, 422)


async def _failed(_: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    return JSONResponse({"detail": str(error)}, status)


async def _wrong(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the token is wrong"}, 401, {"www-authenticate": "Bearer"})


async def _locked(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LockedOut)
    return JSONResponse({"detail": str(error)}, 429, {"retry-after": str(error.wait_s)})
