"""One open page: its elements, and what is put into them when the picture changes. It computes nothing itself."""

from typing import Any, Final

from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from arbitrage.dashboard.actions import Action
from arbitrage.dashboard.page import charts, glance
from arbitrage.dashboard.page.confirming import Confirming
from arbitrage.dashboard.page.markup import Markup, el
from arbitrage.dashboard.page.pieces import CARDS, pieces_of, switches
from arbitrage.dashboard.page.words import Words
from arbitrage.dashboard.parts import Parts
from arbitrage.dashboard.reader import Picture
from arbitrage.dashboard.sessions import Visitor
from arbitrage.domain.instants import NS_PER_S, Instant

EVERY_NS: Final = NS_PER_S
CHART_EVERY_NS: Final = 3 * NS_PER_S

_ACKNOWLEDGED: Final = "(event) => { const b = event.target.closest('[data-alert]'); if (b) emit(b.dataset.alert); }"
_CHARTS: Final = ("edge_chart", "premium_chart")
_LONGEST_ID: Final = 64


class View:
    """The page as one visitor sees it. `show` is called with each picture; it sends what has changed and no more."""

    def __init__(self, client: Client, parts: Parts, visitor: Visitor, words: Words) -> None:
        self._client = client
        self._parts = parts
        self._visitor = visitor
        self._words = words
        self._confirming = Confirming(parts.actions, parts.entrance, visitor, words)
        self._elements: dict[str, ui.html] = {}
        self._charts: dict[str, ui.echart] = {}
        self._shown_at = self._drawn_at = Instant(0)
        self._urgent: object = None

    def build(self, picture: Picture, theme: str) -> None:
        """Make the elements, with what is known already in them."""
        pieces = pieces_of(picture, self._parts.clock.now(), self._visitor, self._words)
        with ui.element("div").classes("page").props(f"lang={self._words.language}"):
            with ui.element("header"):
                ui.html(el("span", "arbitrage", cls="brand"), sanitize=True)
                self._put("mode", pieces)
                self._put("clock", pieces)
                ui.html(switches(theme, self._visitor, self._words), sanitize=True).classes("switches")
                ui.button(self._words("log_out"), color=None, on_click=self._log_out).props("flat dense no-caps")
            self._put("banners", pieces)
            with ui.element("div").classes("first"):
                self._put("headline", pieces)
                if self._visitor.may_control:
                    self._confirming.buttons()
            self._put("numbers", pieces)
            with ui.element("div").classes("grid"):
                self._chart_cards(picture)
                for name in CARDS:
                    self._put(name, pieces)
        if self._visitor.may_control:
            self._elements["alerts"].on("click", self._acknowledge, js_handler=_ACKNOWLEDGED)

    def show(self, picture: Picture) -> None:
        """Show a picture: at once if something urgent changed, else once a second. An ended session shows nothing."""
        now, urgent = self._parts.clock.now(), _urgent(picture)
        if urgent == self._urgent and now - self._shown_at < EVERY_NS:
            return
        self._shown_at, self._urgent = now, urgent
        with self._client:
            if self._parts.entrance.find(self._visitor.session_id) is None:
                ui.navigate.to("/login")
                return
            for name, piece in pieces_of(picture, now, self._visitor, self._words).items():
                if self._elements[name].content != piece:
                    self._elements[name].set_content(piece)
            if now - self._drawn_at >= CHART_EVERY_NS:
                self._drawn_at = now
                self._draw(picture)

    def _put(self, name: str, pieces: dict[str, Markup]) -> None:
        # everything in it was escaped where it was written; the browser cleans it once more
        self._elements[name] = ui.html(pieces[name], sanitize=True).classes(f"at-{name}")

    def _chart_cards(self, picture: Picture) -> None:
        for name, title in zip(_CHARTS, ("edges", "premiums"), strict=True):
            with ui.element("div").classes(f"card at-{name}"):
                heading = el("h2", self._words(title), el("small", self._words(f"{title}_note")))
                ui.html(heading, sanitize=True)
                self._charts[name] = ui.echart(self._options(name, picture)).classes("chart")

    def _options(self, name: str, picture: Picture) -> dict[str, Any]:
        bases = list(picture.status.edges) if picture.status else []
        if name == "edge_chart":
            return charts.edge_chart(picture.series, bases, glance.minimum_edge_bps(picture.status), self._words)
        return charts.premium_chart(picture.series, bases, self._words)

    def _draw(self, picture: Picture) -> None:
        for name, chart in self._charts.items():
            chart.options.clear()
            chart.options.update(self._options(name, picture))
            chart.update()

    def _acknowledge(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str) and len(event.args) <= _LONGEST_ID:
            self._confirming.ask(Action.ACK, event.args)

    def _log_out(self) -> None:
        self._parts.entrance.end(self._visitor.session_id)
        ui.navigate.to("/login")


def _urgent(picture: Picture) -> object:
    """Return what must be seen at once when it changes."""
    status = picture.status
    shown = (status.trading_state, status.trading_state_reason, len(status.latches)) if status else ()
    newest = picture.closed_plans[0].plan_id if picture.closed_plans else ""
    return picture.reachable, picture.problem, shown, picture.alerts, len(picture.open_plans), newest
