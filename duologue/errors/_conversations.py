"""Errors in the course of a conversation: its dialogs, turns and clicks."""

from __future__ import annotations

from duologue.errors._root import DialogsError


class ConversationError(DialogsError):
    """Something went wrong in one conversation.

    Attributes:
        address: Whose conversation it is.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return f"something went wrong in {self.address}; see the error's class"


class UnserialisableDataError(DialogsError):
    """Data cannot be written as JSON.

    Attributes:
        path: Where it is, such as `dialog_data.cart[2].price`.
        problem: What is there.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"{self.path} {self.problem}; dialogs keep dict with str keys, list, tuple, "
            "set, str, int, finite float, bool, None, bytes, members of an Enum, dates, "
            "times, Decimal and UUID, but no subclasses of these"
        )


class InvalidAddressError(DialogsError):
    """A text is not the key of a dialog.

    Attributes:
        key: The text.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return (
            f"{self.key!r} is not the key of a dialog; make one with Address(...).key"
        )


class AddressIncompleteError(DialogsError):
    """A background manager was asked for without saying for which chat."""

    def __str__(self) -> str:
        return "bg() needs chat_id=, and user_id= unless the whole chat is meant"


class NoContextError(ConversationError):
    """No dialog is open where one is needed.

    Attributes:
        address: Whose conversation it is.
    """

    def __str__(self) -> str:
        return f"no dialog is open in {self.address}; start one first"


class DialogClosedError(ConversationError):
    """A call names a dialog that has been closed.

    Attributes:
        address: Whose conversation it is.
    """

    def __str__(self) -> str:
        return (
            f"the dialog that this call was meant for is closed in {self.address}; "
            "use the factory's bg() to reach whatever is open there now"
        )


class DialogCoveredError(ConversationError):
    """A call can only be carried out on the dialog on top, and another covers it.

    Attributes:
        address: Whose conversation it is.
    """

    def __str__(self) -> str:
        return (
            f"the dialog that this call was meant for is covered by another in "
            f"{self.address}; wait until that one is done"
        )


class DialogStackOverflowError(DialogsError):
    """Too many dialogs lie on top of one another.

    Attributes:
        address: Whose conversation it is.
        limit: How many are allowed.
    """

    def __init__(self, address: str, limit: int) -> None:
        super().__init__(address, limit)
        self.address = address
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"{self.limit} dialogs are open on top of one another in {self.address}; "
            "close them with done(), or start with StartMode.RESET_STACK"
        )


class LaunchModeError(DialogsError):
    """A dialog was started on top of one that allows nothing above it.

    Attributes:
        state: The state that was to be started.
    """

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        return (
            f"cannot start {self.state}: the open dialog has LaunchMode.EXCLUSIVE; "
            "close it first, or start with StartMode.RESET_STACK or NEW_STACK"
        )


class WrongStateError(DialogsError):
    """A dialog was to show a window that it does not have.

    Attributes:
        state: The state that was asked for.
        problem: Why it cannot be shown.
    """

    def __init__(self, state: str, problem: str) -> None:
        super().__init__(state, problem)
        self.state = state
        self.problem = problem

    def __str__(self) -> str:
        return f"cannot switch to {self.state}: {self.problem}"


class IncorrectBackgroundError(DialogsError):
    """A dialog manager was used after its turn."""

    def __str__(self) -> str:
        return (
            "this DialogManager belongs to a turn that has ended; take "
            "`bg = manager.bg()` during the turn and use that, or `async with bg.fg()`"
        )


class AsyncWithNeededError(DialogsError):
    """`with bg.fg()` was used on an event loop."""

    def __str__(self) -> str:
        return (
            "`with bg.fg()` would block this event loop, which the turn needs; write "
            "`async with bg.fg() as manager:`, or in a program with threads take the "
            "manager from `with Runtime(...).in_thread() as runtime:`"
        )


class ReentrantCallError(DialogsError):
    """A turn waits for something that can only happen after it."""

    def __str__(self) -> str:
        return (
            "this waits inside a turn for what happens after the turn: do not await "
            "the receipt here, and use the manager that you have instead of fg(); or "
            "move the wait into task_group.start_soon(...)"
        )


class CallStoppedError(ConversationError):
    """A middleware did not let a background call through.

    Attributes:
        address: Whose conversation it is.
    """

    def __str__(self) -> str:
        return (
            f"a middleware for dialog events stopped a call to {self.address}; it must "
            "`return await handler(event, data)` to let calls through"
        )


class TurnTimeoutError(DialogsError):
    """A turn took too long and was rolled back.

    Attributes:
        address: Whose turn it was.
        timeout: The limit in seconds.
    """

    def __init__(self, address: str, timeout: float) -> None:
        super().__init__(address, timeout)
        self.address = address
        self.timeout = timeout

    def __str__(self) -> str:
        return (
            f"a turn of {self.address} took longer than {self.timeout:g} s and was "
            "rolled back; start long work with task_group.start_soon(...)"
        )


class TurnCancelledError(ConversationError):
    """A turn was cancelled and rolled back.

    Attributes:
        address: Whose turn it was.
    """

    def __str__(self) -> str:
        return f"a turn of {self.address} was cancelled and rolled back; send it again"


class TurnAbortedError(DialogsError):
    """A handler raised what is meant to end the program; its turn was rolled back.

    Attributes:
        address: Whose turn it was.
        cause: What was raised.
    """

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(address, cause)
        self.address = address
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"a turn of {self.address} raised {self.cause} and was rolled back; a "
            "handler cannot end the program: stop the runtime that it runs in"
        )


class ForegroundTimeoutError(DialogsError):
    """`fg()` did not get its turn, or did not give it back, in time.

    Attributes:
        address: Whose conversation it is.
        timeout: The limit in seconds.
    """

    def __init__(self, address: str, timeout: float) -> None:
        super().__init__(address, timeout)
        self.address = address
        self.timeout = timeout

    def __str__(self) -> str:
        return (
            f"fg() on {self.address} took longer than {self.timeout:g} s; its changes "
            "are dropped. Do slow work before or after it"
        )


class ClickRefusedError(ConversationError):
    """A click was not let through.

    Attributes:
        address: Whose conversation it is.
    """


class OutdatedClickError(ClickRefusedError):
    """The button belongs to a dialog or a message that is gone."""

    def __str__(self) -> str:
        return (
            f"a button was pressed in {self.address} whose dialog is gone; the user "
            "was told. Handle OutdatedClickError in an error handler to do more"
        )


class ForgedClickError(ClickRefusedError):
    """The button was not on the screen."""

    def __str__(self) -> str:
        return (
            f"a button was pressed in {self.address} that its message does not show; "
            "refused"
        )


class ViewDroppedError(DialogsError):
    """A view was given up because too many newer ones wait for the messenger.

    Attributes:
        address: Whose conversation it is.
        limit: How many may wait.
    """

    def __init__(self, address: str, limit: int) -> None:
        super().__init__(address, limit)
        self.address = address
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"more than {self.limit} new messages wait to be sent in {self.address}; "
            "the oldest was dropped. Use ShowMode.EDIT for what may be replaced"
        )
