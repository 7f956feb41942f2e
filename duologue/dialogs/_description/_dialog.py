"""A dialog: windows that belong together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, TypeAlias

from duologue.dialogs._chat._address import Payload
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import Callback, MessageCreated
from duologue.dialogs._description._getters import Getter, Getters
from duologue.dialogs._description._window import OnResult, Window
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._screen._render import Rendered
from duologue.dialogs._state._functions import check_async
from duologue.dialogs._state._modes import LaunchMode, checked_mode
from duologue.dialogs._state._shared import call_in_turn
from duologue.dialogs._state._stack import Context
from duologue.dialogs._state._states import State, StatesGroup
from duologue.dialogs.routing._injection import HandlerData
from duologue.dialogs.routing._observer import (
    UNHANDLED,
    EventObserver,
    NextHandler,
    wrap,
)
from duologue.dialogs.routing._router import Router
from duologue.dialogs.widgets._widget import Widget
from duologue.errors import (
    InvalidDialogError,
    InvalidWidgetIdError,
    RouterError,
    WidgetError,
)

OnEvent: TypeAlias = Callable[  # type: ignore[explicit-any]  # State, by name
    Concatenate[Json, DialogManager, ...], Awaitable[object]
]


class Dialog(Router):
    """Windows that belong together, and a router: include it where it is to act.

    Args:
        windows: One for each state, all of one group.
        on_start: `async (start_data, manager)`, called when it is opened.
        on_close: `async (result, manager)`, called before it is closed.
        on_process_result: `async (start_data, result, manager)`, called when a
            dialog that was started from it has been closed.
        launch_mode: What starting it does to open dialogs.
        getter: Gives data to all windows.
        name: Shows up in messages; the name of the group by default.

    Raises:
        InvalidDialogError: There is no window, or the windows do not fit together.
        HandlerError: One of the functions is not async, or takes other arguments.
        WrongArgumentError: `launch_mode` is something else.
    """

    def __init__(
        self,
        *windows: Window,
        on_start: OnEvent | None = None,
        on_close: OnEvent | None = None,
        on_process_result: OnResult | None = None,
        launch_mode: LaunchMode = LaunchMode.STANDARD,
        getter: Getter | None = None,
        name: str | None = None,
    ) -> None:
        _check_windows(windows)
        check_async(on_start, "on_start", "start_data, manager")
        check_async(on_close, "on_close", "result, manager")
        check_async(
            on_process_result, "on_process_result", "start_data, result, manager"
        )
        checked_mode(launch_mode, LaunchMode, "launch_mode", "Dialog")
        self._group = windows[0].state.group
        super().__init__(name or self._group.__full_name__)
        self.windows: dict[State, Window] = {window.state: window for window in windows}
        self.on_start = on_start
        self.on_close = on_close
        self.on_process_result = on_process_result
        self._launch_mode = launch_mode
        self._getters = Getters(getter)

    @property
    def launch_mode(self) -> LaunchMode:
        """What starting it does to open dialogs."""
        return self._launch_mode

    def include_router(self, router: Router) -> Router:
        """Refuse: a dialog takes windows.

        Raises:
            RouterError: Always.
        """
        raise RouterError(
            f"{router!r} cannot be included in the dialog {self.name}; include both "
            "in a router"
        )

    def states_group(self) -> type[StatesGroup]:
        """The group of its states."""
        return self._group

    def states(self) -> Sequence[State]:
        """Its states in the order of its windows."""
        return tuple(self.windows)

    def register(self, *, escape: bool) -> None:
        """Make its windows ready for a dispatcher; see `Window.register`."""
        for window in self.windows.values():
            window.register(escape=escape)

    def find(self, widget_id: str, manager: DialogManager) -> object | None:
        """Find a widget by its id, in the current window first."""
        current = self.windows[manager.current_context().state]
        for window in (current, *self.windows.values()):
            found = window.find(widget_id)
            if found is not None:
                return found.managed(manager)
        return None

    async def process_start(self, start_data: Json, manager: DialogManager) -> None:
        """Tell the dialog that it was opened."""
        if self.on_start is not None:
            data = manager.middleware_data
            await call_in_turn(self.on_start, data, start_data, manager)

    async def process_close(self, result: Json, manager: DialogManager) -> None:
        """Tell the dialog that it is being closed."""
        if self.on_close is not None:
            data = manager.middleware_data
            await call_in_turn(self.on_close, data, result, manager)

    async def process_result(
        self, start_data: Json, result: Json, manager: DialogManager
    ) -> None:
        """Tell the dialog that the one on top of it has been closed."""
        context = manager.current_context()
        await self.windows[context.state].process_result(start_data, result, manager)
        if self.on_process_result is not None:
            await call_in_turn(
                self.on_process_result,
                manager.middleware_data,
                start_data,
                result,
                manager,
            )

    async def load_data(self, manager: DialogManager) -> dict[str, Json]:
        """Collect what the widgets of the current window render."""
        return await self._load_data(manager.current_context(), manager)

    async def _load_data(
        self, context: Context, manager: DialogManager
    ) -> dict[str, Json]:
        middleware_data: dict[str, Json] = {
            **manager.middleware_data,
            "dialog_manager": manager,
        }
        data: dict[str, Json] = {
            "dialog_data": context.dialog_data,
            "start_data": context.start_data,
            "middleware_data": middleware_data,
            "event": manager.event,
        }
        common: Getters | None = middleware_data.get("dialog_getters")
        window = self.windows[context.state]
        for getters in (common, self._getters, window.getters):
            if getters is not None and getters.sources:
                data.update(await getters.load(middleware_data))
        return data

    async def render(self, manager: DialogManager) -> Rendered:
        """Render the widgets of the current window."""
        context = manager.current_context()
        window = self.windows[context.state]
        data = await self._load_data(context, manager)
        try:
            return await window.render(data, manager)
        except WidgetError as error:
            error.add_note(f"This happened in the window of {window.state.state}.")
            raise

    async def handle_callback(
        self, callback: Callback, payload: Payload, data: HandlerData
    ) -> bool:
        """Give a press to its widget, inside the middlewares around this dialog.

        Args:
            callback: The press.
            payload: Its payload, taken apart.
            data: What middlewares and handlers share.

        Returns:
            Whether a widget took it.
        """
        around = self._around()
        if around is None:
            return await self._process_press(callback, payload, data)

        async def process(event: Json, found: HandlerData) -> bool:
            return await self._process_press(event, payload, found)

        call: NextHandler = process
        for observer in around:
            call = wrap(observer.middlewares, call)
        for observer in around:
            call = wrap(observer.outer_middlewares, call)
        # A middleware that stops a press, or forgets the result, has taken it.
        return await call(callback, data) is not False

    def _around(self) -> list[EventObserver] | None:
        """Who wraps the presses of this dialog; None if nobody has a middleware."""
        router: Router | None = self
        while router is not None:
            observer = router.callback_query
            if observer.middlewares or observer.outer_middlewares:
                return [each.callback_query for each in self.chain()]
            router = router.parent_router
        return None

    async def _process_press(
        self, callback: Callback, payload: Payload, data: HandlerData
    ) -> bool:
        manager: DialogManager = data["dialog_manager"]
        window = self.windows[manager.current_context().state]
        bare = callback.copy(payload=payload.data)
        processed = await window.process_callback(bare, self, manager)
        await self._finish(manager)
        return processed

    async def _trigger(self, event_name: str, event: object, data: HandlerData) -> Json:
        manager: DialogManager | None = data.get("dialog_manager")
        if isinstance(event, MessageCreated) and manager is not None:
            result = await self._offer_to_inputs(event, manager, data)
            if result is not UNHANDLED:
                return result
        return await super()._trigger(event_name, event, data)

    async def _offer_to_inputs(
        self, message: MessageCreated, manager: DialogManager, data: HandlerData
    ) -> Json:
        """Offer a message to the window that listens, unless it is a command."""
        context = manager.listening()
        window = None if context is None else self.windows.get(context.state)
        if window is None or not window.takes(message):
            return UNHANDLED
        if not window.takes_commands:
            result = await self.offer_command(message, data)
            if result is not UNHANDLED:
                return result
        call = wrap(self.middlewares_of("message"), self._process_message)
        return None if await call(message, data) is not UNHANDLED else UNHANDLED

    async def _process_message(self, event: Json, data: HandlerData) -> Json:
        manager: DialogManager = data["dialog_manager"]
        with manager.on_listener():
            window = self.windows[manager.current_context().state]
            if not await window.process_message(event, self, manager):
                return UNHANDLED
            await self._finish(manager)
        return None

    @staticmethod
    async def _finish(manager: DialogManager) -> None:
        manager.redraw_open()
        await manager.render()


def _check_windows(windows: Sequence[Window]) -> None:
    if not windows:
        raise InvalidDialogError("a Dialog needs a Window(..., state=...) at least")
    _check_kinds(windows)
    group = windows[0].state.group
    seen: set[State] = set()
    for window in windows:
        if window.state.group is not group:
            raise InvalidDialogError(
                f"the windows of a Dialog belong to one StatesGroup: {window.state.state}"
                f" is not in {group.__full_name__}; make a second Dialog"
            )
        if window.state in seen:
            raise InvalidDialogError(
                f"two windows have the state {window.state.state}; give one of them "
                "a state of its own"
            )
        seen.add(window.state)
    _check_values(windows)
    _check_ends(windows)


def _check_ends(windows: Sequence[Window]) -> None:
    """Make sure that no button leads out of a dialog, unless it may be hidden."""
    ends = ((windows[0], -1, "first"), (windows[-1], 1, "last"))
    for window, beyond, place in ends:
        for widget in window.always_visible():
            for part in (widget, *vars(widget).values()):  # what a press calls, too
                if isinstance(part, Widget) and part.steps() == beyond:
                    raise InvalidDialogError(
                        f"the window of {window.state.state} is the {place} one of its "
                        f"dialog, and {type(part).__name__}() leads on from there; leave "
                        "it out, hide it with when=, or use SwitchTo, Start or Cancel"
                    )


def _check_values(windows: Sequence[Window]) -> None:
    """Make sure that no two kinds of widgets keep their values under one id."""
    kinds: dict[str, type[Widget]] = {}
    widgets = (widget for window in windows for widget in window.widgets())
    for widget in widgets:
        widget_id: str | None = getattr(widget, "widget_id", None)
        if widget_id is None or not widget.keeps_value:
            continue
        kind = kinds.setdefault(widget_id, type(widget))
        if kind is not type(widget):
            raise InvalidWidgetIdError(
                widget_id,
                f"a {kind.__name__} and a {type(widget).__name__} of one dialog have "
                "this id, and would keep their values in one place; rename one",
            )


def _check_kinds(windows: Sequence[object]) -> None:
    for window in windows:
        if not isinstance(window, Window):
            raise InvalidDialogError(
                f"a Dialog takes windows, not {window!r}; put widgets into a "
                "Window(..., state=...)"
            )
