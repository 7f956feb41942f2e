"""Buttons that start the operation of a dialog, stop it, and try it again."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from duologue.dialogs._chat._chat import CallbackButton
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs._progress._workers import DialogWorkers
from duologue.dialogs.widgets._kbd import Keyboard, RawKeyboard
from duologue.dialogs.widgets._operations._found import Known, operation_of
from duologue.dialogs.widgets._text import Const, Text, check_text
from duologue.dialogs.widgets._widget import (
    ClickHandler,
    When,
    Widget,
    WidgetData,
    check_handler,
    check_id,
    check_key,
)
from duologue.errors import UnknownWorkerError

_START: Final = Const("Start")
_STOP: Final = Const("Stop")
_RETRY: Final = Const("Try again")
_AGAIN: Final = frozenset({"failed", "cancelled", "timed_out", "lost"})


class OperationButtons(Keyboard):
    """The button that fits what an operation of the dialog is doing.

    Before the first start and after a success it is the one that starts, while the
    operation runs the one that stops it, and after any other end the one that tries
    again. A press that comes when another one was quicker changes nothing.

    Args:
        id: Names it among the widgets of the dialog.
        name: The name of the operation in the dialog.
        on_start: `async (callback, buttons, manager)`, called to start the operation:
            `await workers.start(…, show=manager.bg(), name=…)`. None for a button that
            only stops.
        start: The label of the button that starts; None for no such button.
        stop: The label of the button that stops; None for no such button.
        retry: The label of the button that tries again; None for no such button.
        reason: Why it is stopped; kept in its snapshot.
        when: When it is visible.

    Raises:
        WidgetError: Something else was given.
    """

    def __init__(
        self,
        id: str = "operation",  # noqa: A002  # the word that bot authors know
        name: str = "progress",
        *,
        on_start: ClickHandler | None = None,
        start: Text | None = _START,
        stop: Text | None = _STOP,
        retry: Text | None = _RETRY,
        reason: str = "the user has stopped it",
        when: When = None,
    ) -> None:
        super().__init__(id, when)
        check_id(id)
        check_key(name, id)
        check_handler(on_start, "on_start", id)
        for label, what in ((start, "start"), (stop, "stop"), (retry, "retry")):
            if label is not None:
                check_text(label, id, what)
        self.name = name
        self.on_start = on_start
        self.start = start
        self.stop = stop
        self.retry = retry
        self.reason = reason

    def parts(self) -> tuple[Widget, ...]:
        """The labels."""
        labels = (self.start, self.stop, self.retry)
        return tuple(label for label in labels if label is not None)

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        known = await operation_of(manager, self.name)
        if known is not None and known["is_active"]:
            verb, label = "stop", self.stop
            if known["state"] == "cancelling":
                return []
        elif self.on_start is None:
            return []
        else:
            is_again = known is not None and known["state"] in _AGAIN
            verb, label = "start", self.retry if is_again else self.start
        if label is None:
            return []
        shown = await label.render_text(data, manager)
        return [[CallbackButton(shown, self._item_callback_data(verb))]]

    async def _process_item_callback(
        self,
        callback: Callback,
        data: str,
        dialog: DialogProtocol,
        manager: DialogManager,
    ) -> bool:
        del callback, dialog
        known = await operation_of(manager, self.name)
        is_active = known is not None and bool(known["is_active"])
        if data == "start" and not is_active:
            await self._clicked(self.on_start, manager)
        elif data == "stop" and is_active and known is not None:
            await self._stop(known, manager)
        return data in {"start", "stop"}

    async def _stop(self, known: Known, manager: DialogManager) -> None:
        workers: DialogWorkers = manager.middleware_data["workers"]
        with suppress(UnknownWorkerError):  # it has ended meanwhile
            await workers.stop_shown(str(known["id"]), self.reason)
