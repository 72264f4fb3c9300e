"""The buttons that lower risk. Each asks for a typed word and a reason first, and then does what the API would do."""

from typing import Final

from nicegui import ui

from arbitrage.dashboard.actions import Action, Actions
from arbitrage.dashboard.page.words import Words
from arbitrage.dashboard.reason import LONGEST_REASON, one_line
from arbitrage.dashboard.sessions import Entrance, Visitor
from arbitrage.domain.errors import ArbitrageError

_TOLD_MS: Final = 6_000


class Confirming:
    """Asks a person whether it is meant, for one visitor's page."""

    def __init__(self, actions: Actions, entrance: Entrance, visitor: Visitor, words: Words) -> None:
        self._actions = actions
        self._entrance = entrance
        self._visitor = visitor
        self._words = words

    def buttons(self) -> None:
        """Place the two buttons."""
        with ui.element("div").classes("actions"):
            for action in (Action.HALT, Action.FLATTEN):
                button = ui.button(self._words(action.value), color=None).classes(f"act is-{action.value}")
                button.props("unelevated no-caps").on_click(lambda _, asked=action: self.ask(asked))

    def ask(self, action: Action, alert: str = "") -> None:
        """Open the question."""
        words, needed = self._words, action.confirmation
        with ui.dialog(value=True) as dialog, ui.card().classes("ask"):
            ui.label(words("acknowledge") if action is Action.ACK else words(action.value)).classes("ask-title")
            ui.label(words(f"{action.value}_means")).classes("muted")
            typed = ui.input(words("type_word", word=needed)).props("autofocus outlined dense autocomplete=off")
            reason = ui.input(words("reason")).props(f"outlined dense maxlength={LONGEST_REASON} autocomplete=off")
            with ui.element("div").classes("ask-buttons"):
                ui.button(words("cancel"), color=None, on_click=dialog.close).props("flat no-caps")
                do_it = ui.button(words("do_it"), color=None).classes(f"act is-{action.value}")
                do_it.props("unelevated no-caps")

        def is_meant() -> bool:
            return str(typed.value or "").strip() == needed and bool(one_line(str(reason.value or "")))

        async def give() -> None:
            if not is_meant():
                return
            dialog.close()
            await self._give(action, one_line(str(reason.value))[:LONGEST_REASON], alert)

        do_it.set_enabled(False)
        for field in (typed, reason):
            field.on_value_change(lambda: do_it.set_enabled(is_meant()))
            field.on("keydown.enter", give)
        do_it.on_click(give)
        dialog.on("hide", dialog.delete)

    async def _give(self, action: Action, reason: str, alert: str) -> None:
        visitor = self._entrance.find(self._visitor.session_id)  # it may have ended since the page was opened
        if visitor is None:
            ui.navigate.to("/login")
            return
        try:
            given = await self._actions.give(visitor, action, reason, alert)
        except ArbitrageError as failure:
            ui.notify(str(failure), type="negative", timeout=_TOLD_MS, close_button=True)
            return
        ui.notify(f"{self._words('asked')}: {action.confirmation} · {given.detail}", type="warning", timeout=_TOLD_MS)
