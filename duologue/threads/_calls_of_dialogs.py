"""What dialogs look like from a thread.

These classes say what the bridge makes of the asynchronous classes; there is no code
behind them. A test compares them with what they stand for, name by name.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from duologue.dialogs import (
    Bot,
    Context,
    Outcome,
    ShowMode,
    Stack,
    StartMode,
    State,
    Update,
)
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._data import Json

T_co = TypeVar("T_co", covariant=True)


class Waitable(Protocol[T_co]):
    """Something that has an outcome in the end."""

    def wait(self, timeout: float | None = None) -> T_co:
        """Wait for the outcome, as `await` does.

        Args:
            timeout: Seconds to wait; None for as long as it takes.

        Raises:
            CallTimeoutError: The time is up; nothing but the wait has ended.
            Exception: The outcome is an error.
        """
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


class BlockingDialogManager(Protocol):
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

    def bg(
        self,
        bot: Bot | None = None,
        *,
        user_id: int | None = None,
        chat_id: int | None = None,
        stack_id: str | None = None,
        thread_id: int | None = None,
        timeout: float | None = None,
    ) -> BlockingBgManager:
        """See `DialogManager.bg`."""
        ...


class BlockingBgManager(Protocol):
    """A `BgManager`.

    Each call waits until it is accepted and gives a receipt. With `timeout=` it gives
    up after so many seconds (`CallTimeoutError`), and then nothing was accepted.
    """

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
    ) -> BlockingReceipt:
        """See `BgManager.start`."""
        ...

    def done(
        self,
        result: Json = None,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> BlockingReceipt:
        """See `BgManager.done`."""
        ...

    def switch_to(
        self,
        state: State,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> BlockingReceipt:
        """See `BgManager.switch_to`."""
        ...

    def update(
        self,
        data: dict[str, Json] | None = None,
        show_mode: ShowMode | None = None,
        *,
        timeout: float | None = None,
    ) -> BlockingReceipt:
        """See `BgManager.update`."""
        ...

    def fg(
        self, timeout: float | None = None
    ) -> AbstractContextManager[BlockingDialogManager, bool | None]:
        """A turn whose handler is the block: `with bg_manager.fg() as manager:`.

        Args:
            timeout: Seconds for waiting and for the block together; None for the
                runtime's setting.

        Raises:
            ForegroundTimeoutError: At the end of the block, and by calls in it, when
                the time is up. Its changes are dropped.
        """
        ...

    def bg(
        self,
        bot: Bot | None = None,
        *,
        user_id: int | None = None,
        chat_id: int | None = None,
        stack_id: str | None = None,
        thread_id: int | None = None,
        timeout: float | None = None,
    ) -> BlockingBgManager:
        """See `BgManager.bg`."""
        ...
