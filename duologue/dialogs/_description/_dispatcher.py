"""The dispatcher: the root of the routers, and the way from an update to a dialog."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import overload

from duologue.actors._workers._start_policy import Executor
from duologue.dialogs._chat._address import Payload
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._chat._updates import BotStarted, Callback
from duologue.dialogs._description._dialog import Dialog
from duologue.dialogs._description._event_names import EVENT_NAMES
from duologue.dialogs._description._getters import Getter, Getters
from duologue.dialogs._description._task_names import entry_of
from duologue.dialogs._manager._factory import BgManagerFactory
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._events import MessageTold
from duologue.dialogs._state._states import State, StatesGroup, checked_state
from duologue.dialogs.routing._injection import HandlerData
from duologue.dialogs.routing._observer import (
    UNHANDLED,
    EventObserver,
    NextHandler,
    wrap,
)
from duologue.dialogs.routing._router import DIALOG_EVENT_NAME, UPDATE_EVENTS, Router
from duologue.errors import (
    InvalidDialogError,
    RuntimeSettingError,
    UnknownStateError,
)
from duologue.messages import Messages
from duologue.state import States, Task
from duologue.state._handle import Declared
from duologue.state._tasks._process_tasks import task_of
from duologue.state._tasks._tasks import Retry

_logger = logging.getLogger("duologue.dialogs")

BG_FACTORY_KEY = "dialog_bg_factory"
"""Where middlewares find the factory of background managers in their data."""


class Dispatcher(Router):
    """The root of the routers of an application.

    `dispatcher.update.outer_middleware(...)` wraps the handling of every update.
    What is put into it under a key, `dispatcher["db"] = ...`, can be asked for by
    handlers and getters.

    Args:
        name: Shows up in messages about it.
        escape: Whether values are escaped in the texts of windows with `parse_mode`.
            False is for bots that come from another framework and escape by
            themselves.
        data: The first of those values.

    Attributes:
        states: Where tasks find their States while a runtime runs; it sets this.
        tasks: The tasks by their names.
    """

    def __init__(
        self, name: str | None = None, *, escape: bool = True, **data: Json
    ) -> None:
        super().__init__(name or "Dispatcher")
        self._escape = escape
        self.update: EventObserver = EventObserver("update")
        self.observers["update"] = self.update
        self.bg_factory: BgManagerFactory = BgManagerFactory()
        self.getters: Getters = Getters(None)
        self.states: States | None = None
        self.tasks: dict[str, Task] = {}
        self._data: dict[str, Json] = data
        self._dialogs: dict[type[StatesGroup], Dialog] = {}
        self._by_state: dict[State, Dialog] = {}
        self._names: dict[str, State] = {}
        self._missed: set[str] = set()

    def __setitem__(self, key: str, value: Json) -> None:
        self._data[key] = value

    def __getitem__(self, key: str) -> Json:
        return self._data[key]

    def __contains__(self, key: object) -> bool:
        return key in self._data

    @overload
    def task(self, function: Function) -> Task: ...

    @overload
    def task(
        self,
        *,
        retries: int = 0,
        backoff: float = 1.0,
        retry_on: Sequence[type[Exception]] = (Exception,),
        attempts: int = 3,
        keep: float = 86_400.0,
        name: str | None = None,
        executor: Executor | None = None,
    ) -> Callable[[Function], Task]: ...

    def task(
        self,
        function: Function | None = None,
        *,
        retries: int = 0,
        backoff: float = 1.0,
        retry_on: Sequence[type[Exception]] = (Exception,),
        attempts: int = 3,
        keep: float = 86_400.0,
        name: str | None = None,
        executor: Executor | None = None,
    ) -> Task | Callable[[Function], Task]:
        """Make a task of a function: it is given the States that it asks for.

        `@dispatcher.task` or `@dispatcher.task(retries=3)`. `workers.start(function)`
        runs it in the background, `await function()` here, and `chain(first, second)`
        behind another one. A function that is not async runs in a thread there.

        Args:
            function: The function.
            retries: How often it is tried again after an error.
            backoff: Seconds before the first retry; each later one waits twice as long.
            retry_on: The errors after which it is.
            attempts: How often a worker begins it at most where the engine is durable
                and its process dies; 1 if it must not be done twice.
            keep: Seconds for which its result is kept there.
            name: By which another process finds it; that of the function by default.
            executor: Where workers run it: `"process"` gives it one of its own, in which
                it has no States; it must be at the top of a module.

        Raises:
            HandlerError: It cannot be called, a number is wrong, another task has its
                name, or it cannot run there.
            StateParameterError: It asks for a State that it cannot be given.
        """
        retry = Retry(retries, backoff, tuple(retry_on))

        def register(given: Function) -> Task:
            entry = entry_of(
                given,
                retries=retries,
                backoff=backoff,
                taken=self.tasks,
                name=name,
                attempts=attempts,
                keep=keep,
                executor=executor,
            )
            in_process = executor == "process"
            task = task_of(given, self._state, retry, entry, in_process=in_process)
            self.tasks[entry.name] = task
            return task

        return register if function is None else register(function)

    def _state(self, cls: type[Declared]) -> Declared:
        return cls.of(states=self.states)

    def middleware_data(self) -> dict[str, Json]:
        """What every handler can ask for, as a new dict."""
        return {
            **self._data,
            "dispatcher": self,
            "bg_factory": self.bg_factory,
            BG_FACTORY_KEY: self.bg_factory,
            "dialog_getters": self.getters,
        }

    def messages(self, *, asked: bool) -> Messages:
        """The messages of other programs that a handler takes.

        Args:
            asked: Whether it answers them.

        Raises:
            MessageClassError: Two classes have one tag.
        """
        return Messages(
            cls
            for router in self.walk()
            for cls in (router.asked if asked else router.told).classes
        )

    def dialog_of(self, state: State) -> Dialog:
        """Find the dialog that has a window for the state.

        Raises:
            UnknownStateError: There is none.
            NotAStateError: It is no state.
        """
        dialog = self._by_state.get(state)
        if dialog is not None:
            return dialog
        state = checked_state(state, "start() or switch_to()")
        dialog = self._dialogs.get(state.group)
        if dialog is None:
            self._collect()
            dialog = self._dialogs.get(state.group)
        if dialog is None or state not in dialog.windows:
            raise UnknownStateError(state.state, tuple(self._names))
        self._by_state[state] = dialog
        return dialog

    def state_by_name(self, name: str) -> State:
        """Find the state of a window by its full name.

        Raises:
            UnknownStateError: No window has it.
        """
        state = self._names.get(name)
        if state is None:
            self._collect()
            state = self._names.get(name)
        if state is None:
            raise UnknownStateError(name, tuple(self._names))
        return state

    def check(self) -> None:
        """Make sure that what is included fits together.

        Raises:
            InvalidDialogError: Two dialogs share states, or a window puts values into
                Markdown.
            RouterError: `@router.message`, say, lacks its parentheses somewhere.
        """
        for router in self.walk():
            for observer in router.observers.values():
                observer.check(repr(router))
        self._collect()

    def used_events(self) -> set[str]:
        """The kinds of updates that somebody handles.

        A dialog takes messages and presses.
        """
        used: set[str] = set()
        for router in self.walk():
            used |= {
                event for event in UPDATE_EVENTS if router.observers[event].has_handlers
            }
            if router.message.takes_start:
                used.add("bot_started")
            if isinstance(router, Dialog):
                used |= {"message", "callback_query"}
        return used

    async def emit_startup(self, bots: Sequence[Bot]) -> None:
        """Call what is registered for the beginning; a runtime does so."""
        data = self._lifetime_data(bots)
        for router in self.walk():
            await router.startup.trigger(data)

    async def emit_shutdown(self, bots: Sequence[Bot]) -> None:
        """Call what is registered for the end; a runtime does so."""
        data = self._lifetime_data(bots)
        for router in self.walk():
            await router.shutdown.trigger(data)

    def _lifetime_data(self, bots: Sequence[Bot]) -> HandlerData:
        data = self.middleware_data()
        data["bots"] = tuple(bots)
        if bots:
            data["bot"] = bots[-1]
        return data

    @property
    def has_dialogs(self) -> bool:
        """Whether any dialog is included."""
        return bool(self._dialogs)

    def has_error_handlers(self) -> bool:
        """Tell whether somebody wants to hear of failed turns."""
        return any(router.error.has_handlers for router in self.walk())

    async def handle(self, update: Update, data: HandlerData) -> Json:
        """Offer an update to the routers; called inside its turn."""
        name = EVENT_NAMES[type(update)]

        async def dispatch(event: Json, found: HandlerData) -> Json:
            result = await self._offer(name, event, found)
            if result is UNHANDLED and isinstance(event, BotStarted):
                # Who takes `/start` takes the press on Start: see CommandStart.
                result = await self._offer("message", event, found)
            return result

        result = await self._wrapped("update", dispatch)(update, data)
        if result is UNHANDLED and name not in self._missed:
            self._missed.add(name)
            asked = ", ".join(router.name for router in self.walk())
            _logger.info(
                "an update of the kind %s found no handler that takes it; asked were: "
                "%s. Said once for each kind",
                name,
                asked,
            )
        return result

    async def handle_press(
        self, callback: Callback, payload: Payload, data: HandlerData
    ) -> Json:
        """Give a press straight to its dialog; called inside its turn."""

        async def dispatch(event: Json, found: HandlerData) -> Json:
            manager: DialogManager = found["dialog_manager"]
            dialog = self.dialog_of(manager.current_context().state)
            return await dialog.handle_callback(event, payload, found)

        return await self._wrapped("update", dispatch)(callback, data)

    async def handle_message(self, told: MessageTold, data: HandlerData) -> Json:
        """Offer a message of another program to its handlers; called inside its turn."""

        async def dispatch(_event: Json, found: HandlerData) -> Json:
            name = "asked" if told.is_asked else "told"
            return await self._offer(name, told.message, found)

        return await self._wrapped("update", dispatch)(told, data)

    async def handle_by(
        self, action: NextHandler, update: Update, data: HandlerData
    ) -> Json:
        """Answer an update that nobody takes inside the middlewares for updates."""
        return await self._wrapped("update", action)(update, data)

    async def handle_call(
        self, event: Update, data: HandlerData, action: NextHandler
    ) -> Json:
        """Carry out a background call inside the middlewares for such calls."""
        return await self._wrapped(DIALOG_EVENT_NAME, action)(event, data)

    def _wrapped(self, event_name: str, handler: NextHandler) -> NextHandler:
        observer = self.observers[event_name]
        if not (observer.outer_middlewares or observer.middlewares):
            return handler
        return wrap([*observer.outer_middlewares, *observer.middlewares], handler)

    def _collect(self) -> None:
        self._dialogs.clear()
        self._by_state.clear()
        self._names.clear()
        for router in self.walk():
            if isinstance(router, Dialog):
                self._add(router)

    def _add(self, dialog: Dialog) -> None:
        group = dialog.states_group()
        if group in self._dialogs:
            raise InvalidDialogError(
                f"two dialogs have the states of {group.__full_name__}; include one"
            )
        dialog.register(escape=self._escape)
        self._dialogs[group] = dialog
        for state in dialog.states():
            known = self._names.get(state.state)
            if known is not None and known is not state:
                raise InvalidDialogError(
                    f"two groups are called {group.__full_name__}; rename one, since "
                    "open dialogs are stored under this name"
                )
            self._names[state.state] = state


def checked_dispatcher(given: object) -> Dispatcher:
    """Give back what must be a dispatcher.

    Raises:
        RuntimeSettingError: It is none.
    """
    if isinstance(given, Dispatcher):
        return given
    advice = "make a Dispatcher() and include your routers and dialogs in it"
    problem = f"{given!r:.100} is none; {advice} with include_routers(...)"
    raise RuntimeSettingError("dispatcher", problem)


def setup_dialogs(
    dispatcher: Dispatcher, *, getter: Getter | None = None
) -> BgManagerFactory:
    """Prepare a dispatcher for dialogs, as bot authors are used to.

    Args:
        dispatcher: The dispatcher.
        getter: Gives data to the windows of all dialogs.

    Returns:
        The factory of background managers; it works while a runtime runs.
    """
    dispatcher.getters = Getters(getter)
    return dispatcher.bg_factory
