"""What the bridge makes of the asynchronous classes, as type checkers see it.

There is no code behind these classes. They are written out, because a type checker
cannot derive them: `ParamSpec` (PEP 612) copies the parameters of a coroutine method,
but cannot add the keyword `timeout=` to them, and it cannot put `BlockingReceipt` in
the place of `Receipt`. A test compares each method with the one that it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from duologue.actors import Observer
from duologue.dialogs import (
    DEFAULT_STACK_ID,
    Bot,
    Cancellation,
    Context,
    Outcome,
    ShowMode,
    Stack,
    StartMode,
    State,
    Timer,
    Update,
)
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._data import Json
from duologue.dialogs._manager._place import Given
from duologue.dialogs._state._recurrence import Every
from duologue.threads._worker_protocols import BlockingWorkers

T_co = TypeVar("T_co", covariant=True)


class Waitable(Protocol[T_co]):
    """Something that has an outcome in the end."""

    def wait(self, timeout: float | None = None) -> T_co:
        """Wait for the outcome, as `await` does; `timeout` ends nothing but the wait."""
        ...


class BlockingReceipt(Waitable[Outcome], Protocol):
    """A `Receipt`: `wait()` until the commit, `drawn()` until it is on the screen."""

    @property
    def id(self) -> str:
        """The message that it belongs to."""
        ...

    def drawn(self, *, timeout: float | None = None) -> None:
        """See `Receipt.drawn`."""
        ...

    def done(self, *, timeout: float | None = None) -> bool:
        """See `Receipt.done`."""
        ...


class _HasBg(Protocol):
    """What finds background managers."""

    def bg(
        self,
        *place: Given,
        bot: Bot | None = None,
        user_id: int | None = None,
        chat_id: int | None = None,
        stack_id: str | None = None,
        thread_id: int | None = None,
        load: bool = False,
        timeout: float | None = None,
    ) -> BlockingBgManager:
        """See `BgManager.bg`."""
        ...


class BlockingDialogManager(_HasBg, Protocol):
    """A `DialogManager` in the block of `with bg_manager.fg()`."""

    show_mode: ShowMode

    @property
    def event(self) -> Update:
        """What is being handled."""
        ...

    @property
    def middleware_data(self) -> dict[str, Json]:
        """What middlewares and filters provide to handlers."""
        ...

    @property
    def dialog_data(self) -> dict[str, Json]:
        """The working copy itself: changes to it belong to the turn."""
        ...

    @property
    def start_data(self) -> Json:
        """What the current dialog was started with."""
        ...

    def current_stack(self, *, timeout: float | None = None) -> Stack:
        """See `DialogManager.current_stack`."""
        ...

    def has_context(self, *, timeout: float | None = None) -> bool:
        """See `DialogManager.has_context`."""
        ...

    def current_context(self, *, timeout: float | None = None) -> Context:
        """See `DialogManager.current_context`."""
        ...

    def is_covered(self, *, timeout: float | None = None) -> bool:
        """See `DialogManager.is_covered`."""
        ...

    def is_preview(self, *, timeout: float | None = None) -> bool:
        """See `DialogManager.is_preview`."""
        ...

    def start(
        self,
        state: State,
        data: Json = None,
        mode: StartMode = StartMode.NORMAL,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """See `DialogManager.start`."""
        ...

    def done(
        self,
        result: Json = None,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """See `DialogManager.done`."""
        ...

    def switch_to(
        self,
        state: State,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """See `DialogManager.switch_to`."""
        ...

    def next(
        self, show_mode: ShowMode | None = None, *, timeout: float | None = None
    ) -> None:
        """See `DialogManager.next`."""
        ...

    def back(
        self, show_mode: ShowMode | None = None, *, timeout: float | None = None
    ) -> None:
        """See `DialogManager.back`."""
        ...

    def update(
        self,
        data: dict[str, Json] | None = None,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """See `DialogManager.update`."""
        ...

    def show(
        self, show_mode: ShowMode | None = None, *, timeout: float | None = None
    ) -> None:
        """See `DialogManager.show`."""
        ...

    def reset_stack(self, *, timeout: float | None = None) -> None:
        """See `DialogManager.reset_stack`."""
        ...

    def load_data(self, *, timeout: float | None = None) -> dict[str, Json]:
        """See `DialogManager.load_data`."""
        ...

    def find(self, widget_id: str, *, timeout: float | None = None) -> Json | None:
        """See `DialogManager.find`."""
        ...


class BlockingCalls(Protocol[T_co]):
    """The calls of a background manager, made now or later."""

    @property
    def address(self) -> Address:
        """Whose dialogs they are."""
        ...

    def start(
        self,
        state: State,
        data: Json = None,
        mode: StartMode = StartMode.NORMAL,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> T_co:
        """See `BgManager.start`."""
        ...

    def done(
        self,
        result: Json = None,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> T_co:
        """See `BgManager.done`."""
        ...

    def switch_to(
        self,
        state: State,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> T_co:
        """See `BgManager.switch_to`."""
        ...

    def update(
        self,
        data: dict[str, Json] | None = None,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> T_co:
        """See `BgManager.update`."""
        ...


class BlockingTimer(Protocol):
    """A `Timer`."""

    @property
    def address(self) -> str:
        """The key of the conversation that it waits in."""
        ...

    @property
    def token(self) -> str:
        """Names it there."""
        ...

    def committed(self, *, timeout: float | None = None) -> None:
        """See `Timer.committed`."""
        ...

    def cancel(self, *, timeout: float | None = None) -> Cancellation:
        """See `Timer.cancel`."""
        ...


class BlockingScheduledCalls(BlockingCalls[BlockingTimer], Protocol):
    """The `ScheduledCalls` of a background manager."""


class BlockingBgManager(_HasBg, BlockingCalls[BlockingReceipt], Protocol):
    """A `BgManager`.

    Each call waits until it is accepted and gives a receipt. With `timeout=` it gives
    up after so many seconds (`CallTimeoutError`), and then nothing was accepted.
    """

    def schedule(
        self,
        delay: timedelta | None = None,
        *,
        at: datetime | None = None,
        every: Every | None = None,
        key: str | None = None,
        timeout: float | None = None,
    ) -> BlockingScheduledCalls:
        """See `BgManager.schedule`."""
        ...

    def unschedule(
        self, timer: Timer | str, *, timeout: float | None = None
    ) -> Cancellation:
        """See `BgManager.unschedule`."""
        ...

    def fg(
        self, timeout: float | None = None
    ) -> AbstractContextManager[BlockingDialogManager, bool | None]:
        """See `BgManager.fg`; calls in a block whose time is up raise its error too."""
        ...


class ThreadedRuntime(Protocol):
    """A `Runtime` on a thread of its own. May be used by any number of threads.

    Calls run on the runtime's thread, those of one thread in their order. With
    `timeout=` a call is cancelled after so many seconds and raises
    `CallTimeoutError`. After the end of the block calls raise `RuntimeStoppedError`.
    """

    @property
    def observer(self) -> Observer:
        """Counts what happens."""
        ...

    @property
    def workers(self) -> BlockingWorkers:
        """The background workers."""
        ...

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are scraped."""
        ...

    def dialog(
        self,
        bot: Bot | None = None,
        *,
        chat_id: int,
        user_id: int | None = None,
        stack_id: str = DEFAULT_STACK_ID,
        thread_id: int | None = None,
        load: bool = False,
        timeout: float | None = None,
    ) -> BlockingBgManager:
        """See `Runtime.dialog`."""
        ...

    def accept(
        self,
        bot: Bot,
        update: Mapping[str, object] | bytes,
        *,
        timeout: float | None = None,
    ) -> Waitable[None] | None:
        """See `Runtime.accept`."""
        ...

    def settled(self, *, timeout: float | None = None) -> None:
        """See `Runtime.settled`."""
        ...

    def wait(self, *, timeout: float | None = None) -> None:
        """See `Runtime.wait`."""
        ...

    def run_until_signal(self, *, timeout: float | None = None) -> None:
        """See `Runtime.run_until_signal`; called on the main thread."""
        ...
