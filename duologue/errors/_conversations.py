"""Errors in the course of a conversation: its dialogs, turns and clicks."""

from __future__ import annotations

from duologue.errors._root import DialogsError


class ConversationError(DialogsError):
    """Something went wrong in one conversation.

    Attributes:
        address: Whose conversation it is.
    """

    address: str
    template = "something went wrong in {address}; see the error's class"


class UnserialisableDataError(DialogsError, TypeError):
    """Data cannot be written as JSON.

    Attributes:
        path: Where it is, such as `dialog_data.cart[2].price`.
        problem: What is there.
    """

    path: str
    problem: str
    template = (
        "{path} {problem}; dialogs keep dict with str keys, list, tuple, set, str, int, "
        "finite float, bool, None, bytes, members of an Enum, dates, times, Decimal and "
        "UUID, but no subclasses of these"
    )


class InvalidAddressError(DialogsError, ValueError):
    """A text is not the key of a dialog.

    Attributes:
        key: The text.
    """

    key: str
    template = "{key!r} is not the key of a dialog; make one with Address(...).key"


class AddressIncompleteError(DialogsError, TypeError):
    """A background manager was asked for without saying for which chat."""

    template = "bg() needs chat_id=, and user_id= unless the whole chat is meant"


class NoContextError(ConversationError):
    """No dialog is open where one is needed."""

    template = "no dialog is open in {address}; start one first"


class DialogClosedError(ConversationError):
    """A call names a dialog that has been closed."""

    template = (
        "the dialog that this call was meant for is closed in {address}; use the "
        "factory's bg() to reach whatever is open there now"
    )


class DialogCoveredError(ConversationError):
    """A call can only be carried out on the dialog on top, and another covers it."""

    template = (
        "the dialog that this call was meant for is covered by another in {address}; "
        "wait until that one is done"
    )


class TaskBindingError(DialogsError, ValueError):
    """A task is to end with a dialog, and it is not said with which one.

    Attributes:
        task: The task.
    """

    task: str
    template = (
        "the task {task} cannot end with a dialog: the manager given as dialog= means "
        "whatever is on top; give the manager of a handler, or its bg()"
    )


class DialogStackOverflowError(DialogsError):
    """Too many dialogs lie on top of one another.

    Attributes:
        address: Whose conversation it is.
        limit: How many are allowed.
    """

    address: str
    limit: int
    template = (
        "{limit} dialogs are open on top of one another in {address}; close them with "
        "done(), or start with StartMode.RESET_STACK"
    )


class LaunchModeError(DialogsError):
    """A dialog was started on top of one that allows nothing above it.

    Attributes:
        state: The state that was to be started.
    """

    state: str
    template = (
        "cannot start {state}: the open dialog has LaunchMode.EXCLUSIVE; close it "
        "first, or start with StartMode.RESET_STACK or NEW_STACK"
    )


class WrongStateError(DialogsError, ValueError):
    """A dialog was to show a window that it does not have.

    Attributes:
        state: The state that was asked for.
        problem: Why it cannot be shown.
    """

    state: str
    problem: str
    template = "cannot switch to {state}: {problem}"


class IncorrectBackgroundError(DialogsError):
    """A dialog manager was used after its turn."""

    template = (
        "this DialogManager belongs to a turn that has ended; take `bg = manager.bg()` "
        "during the turn and use that, or `async with bg.fg()`"
    )


class AsyncWithNeededError(DialogsError):
    """`with bg.fg()` was used on an event loop."""

    template = (
        "`with bg.fg()` would block this event loop, which the turn needs; write "
        "`async with bg.fg() as manager:`, or in a program with threads take the "
        "manager from `with Runtime(...).in_thread() as runtime:`"
    )


class ReentrantCallError(DialogsError):
    """A turn waits for something that can only happen after it."""

    template = (
        "this waits inside a turn for what happens after the turn: do not await the "
        "receipt here, and use the manager that you have instead of fg(); or move the "
        "wait into task_group.start_soon(...)"
    )


class CallStoppedError(ConversationError):
    """A middleware did not let a background call through."""

    template = (
        "a middleware for dialog events stopped a call to {address}; it must `return "
        "await handler(event, data)` to let calls through"
    )


class TurnTimeoutError(DialogsError):
    """A turn took too long and was rolled back.

    Attributes:
        address: Whose turn it was.
        timeout: The limit in seconds.
    """

    address: str
    timeout: float
    template = (
        "a turn of {address} took longer than {timeout:g} s and was rolled back; start "
        "long work with task_group.start_soon(...)"
    )


class TurnCancelledError(ConversationError):
    """A turn was cancelled and rolled back."""

    template = "a turn of {address} was cancelled and rolled back; send it again"


class TurnAbortedError(DialogsError):
    """A handler raised what is meant to end the program; its turn was rolled back.

    Attributes:
        address: Whose turn it was.
        cause: What was raised.
    """

    address: str
    cause: str
    template = (
        "a turn of {address} raised {cause} and was rolled back; a handler cannot end "
        "the program: stop the runtime that it runs in"
    )


class ForegroundTimeoutError(DialogsError):
    """`fg()` did not get its turn, or did not give it back, in time.

    Attributes:
        address: Whose conversation it is.
        timeout: The limit in seconds.
    """

    address: str
    timeout: float
    template = (
        "fg() on {address} took longer than {timeout:g} s; its changes are dropped. Do "
        "slow work before or after it"
    )


class ClickRefusedError(ConversationError):
    """A click was not let through."""


class OutdatedClickError(ClickRefusedError):
    """The button belongs to a dialog or a message that is gone."""

    template = (
        "a button was pressed in {address} whose dialog is gone; the user was told. "
        "Handle OutdatedClickError in an error handler to do more"
    )


class ForgedClickError(ClickRefusedError):
    """The button was not on the screen."""

    template = (
        "a button was pressed in {address} that its message does not show; refused"
    )


class ViewRefusedError(DialogsError):
    """The messenger refused the view of a turn that was committed.

    What the messenger said is its `__cause__`.

    Attributes:
        address: Whose conversation it is.
        state: The window.
        reason: What the messenger said, in words.
    """

    address: str
    state: str
    reason: str
    template = (
        "the messenger refused the window of {state} in {address}: {reason}. The data "
        "stays as it is; the dialog goes back to the window that the user sees, unless "
        "an error handler shows another one"
    )


class MessageRefusedError(DialogsError):
    """The messenger refused what a handler sends, edits or deletes, after the commit.

    What the messenger said is its `__cause__`.

    Attributes:
        address: Whose turn it was.
        chat_id: Where the message is, or was to be.
        call: What was refused: `send`, `edit` or `delete`.
        reason: What the messenger said, in words.
    """

    address: str
    chat_id: int
    call: str
    reason: str
    template = (
        "the messenger refused to {call} a message in chat {chat_id}, which a handler "
        "in {address} asked for: {reason}. The turn stays committed; `await "
        "sent.drawn()` in a task tells of it, and so do error handlers"
    )


class ViewDroppedError(DialogsError):
    """A view was given up because too many newer ones wait for the messenger.

    Attributes:
        address: Whose conversation it is.
        limit: How many may wait.
    """

    address: str
    limit: int
    template = (
        "more than {limit} new messages wait to be sent in {address}; the oldest was "
        "dropped. Use ShowMode.EDIT for what may be replaced"
    )


class MessageTextError(DialogsError, ValueError):
    """A message of a handler has a text that no messenger takes.

    Attributes:
        problem: What is wrong and what to do.
    """

    problem: str
    template = "a message cannot be sent: {problem}"


class SentIdError(DialogsError, LookupError):
    """The id of a message is asked for that has none yet.

    Attributes:
        chat_id: Where the message is to stand.
    """

    chat_id: int
    template = (
        "a message for chat {chat_id} is not sent yet, so it has no id: it leaves with "
        "the commit of its turn; edit and delete it through the handle, ask for the id in "
        "a later turn, or send it with at_once=True"
    )


class UnboundMessageError(DialogsError, LookupError):
    """A message is to be answered that did not come in an update.

    Attributes:
        message_id: The message.
    """

    message_id: str
    template = "no bot belongs to the message {message_id}; use bot.send_message()"
