"""Every error that duologue raises, as one tree.

Errors carry strings and numbers only, never types of the layers above, so that
they survive pickling and can cross processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = [
    "ActionSettingError",
    "ActivationError",
    "ActorClassError",
    "ActorClassTakenError",
    "AddressInUseError",
    "AddressIncompleteError",
    "AddressNotAvailableError",
    "AmbiguousSystemError",
    "AsyncWithNeededError",
    "BadRequestError",
    "BlockingCallError",
    "BotNotStartedError",
    "BotSettingError",
    "BotTwiceError",
    "ButtonNotShownError",
    "CallCancelledError",
    "CallStoppedError",
    "CallTimeoutError",
    "CallUnansweredError",
    "ClickRefusedError",
    "ConversationError",
    "CounterValueError",
    "DialogClosedError",
    "DialogCoveredError",
    "DialogStackOverflowError",
    "DialogsError",
    "DispatcherTakenError",
    "DuologueError",
    "EngineClosedError",
    "EngineError",
    "EngineNotAvailableError",
    "FencedError",
    "ForbiddenError",
    "ForegroundTimeoutError",
    "ForgedClickError",
    "ForkedError",
    "HandlerError",
    "HandoverCancelledError",
    "IncorrectBackgroundError",
    "InjectionError",
    "InvalidAddressError",
    "InvalidDialogError",
    "InvalidItemIdError",
    "InvalidUrlError",
    "InvalidWidgetIdError",
    "InvalidWidgetTypeError",
    "ItemsError",
    "LaunchModeError",
    "LinkPressedError",
    "LogWaitTimeoutError",
    "MailboxFullError",
    "MalformedUpdateError",
    "MarkerFileError",
    "MessageCancelledError",
    "MessageGoneError",
    "MessengerError",
    "MessengerUnavailableError",
    "MetricsOffError",
    "NoContextError",
    "NotAStateError",
    "NotShownError",
    "OutdatedClickError",
    "PayloadTooLongError",
    "ProgramEndedError",
    "RateLimitedError",
    "ReentrantCallError",
    "RegistryTakenError",
    "RouterError",
    "RuntimeNotStartedError",
    "RuntimeSettingError",
    "RuntimeStoppedError",
    "SandboxError",
    "SandboxRefusalError",
    "SandboxUnreachableError",
    "SnapshotTooLargeError",
    "SnapshotVersionError",
    "StateNotNamedError",
    "SystemClosedError",
    "TokenMissingError",
    "TurnAbortedError",
    "TurnCancelledError",
    "TurnTimeoutError",
    "UnauthorizedError",
    "UnexpectedAnswerError",
    "UnknownActorClassError",
    "UnknownBotError",
    "UnknownCommandError",
    "UnknownMetricError",
    "UnknownStateError",
    "UnknownUpdateError",
    "UnknownWorkerError",
    "UnserialisableDataError",
    "ViewDroppedError",
    "ViewError",
    "VirtualDeadlockError",
    "WidgetError",
    "WorkerBodyError",
    "WorkerBodyTakenError",
    "WorkerIdTakenError",
    "WorkerRunningError",
    "WrongStateError",
]


class DuologueError(Exception):
    """The ancestor of every error that duologue raises on its own account."""


class MessengerError(DuologueError):
    """A call to a messenger failed.

    Attributes:
        method: The call, such as `POST /messages`.
        detail: What the messenger or the network said.
    """

    hint = "see the messenger's documentation of this call"

    def __init__(self, method: str, detail: str) -> None:
        super().__init__(method, detail)
        self.method = method
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.method} failed: {self.detail}; {self.hint}"


class UnauthorizedError(MessengerError):
    """The messenger does not know the token."""

    hint = (
        "check the token: copy it again from where the messenger shows it, and see "
        "that it belongs to this address (every sandbox has one of its own)"
    )


class MessengerUnavailableError(MessengerError):
    """The messenger cannot be reached, or says that it is out of order."""

    hint = "check the address and the network, or call again later"


class RateLimitedError(MessengerError):
    """The messenger refused a call because there were too many.

    Attributes:
        retry_after: Seconds after which the messenger wants to be asked again.
    """

    def __init__(self, method: str, detail: str, retry_after: float) -> None:
        super().__init__(method, detail)
        Exception.__init__(self, method, detail, retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        wait = f"call again in {self.retry_after:g} s"
        return f"{self.method} failed: {self.detail}; {wait}"


class MessageGoneError(MessengerError):
    """The message or chat of a call does not exist any more."""

    hint = "check chat_id=; if the message is gone, send a new one"


class ForbiddenError(MessengerError):
    """The bot may not do this in this chat."""

    hint = "the user may have stopped the bot, or it lacks a right in the group"


class BadRequestError(MessengerError):
    """The messenger understood the call and refuses its content."""

    hint = "the content of the call is at fault; repeating it will not help"


class UnexpectedAnswerError(MessengerError):
    """The messenger's answer does not have the documented shape."""

    hint = "something between the bot and the messenger may answer in its place"


class BotNotStartedError(DuologueError):
    """A bot was used before it was started."""

    def __str__(self) -> str:
        return (
            "this bot has not been started; use `async with Runtime(...)`, or call "
            "`await bot.start()` first"
        )


class MalformedUpdateError(DuologueError):
    """An update does not have the documented shape.

    Attributes:
        reason: What is wrong with it, and where.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"a malformed update was put aside: {self.reason}"


class UnknownUpdateError(DuologueError):
    """An update has a type that this version does not know.

    Attributes:
        update_type: The type as the messenger named it.
    """

    def __init__(self, update_type: str) -> None:
        super().__init__(update_type)
        self.update_type = update_type

    def __str__(self) -> str:
        return (
            f"updates of the type {self.update_type!r} are not known; it was put aside"
        )


class AddressInUseError(DuologueError):
    """A server found its address taken.

    Attributes:
        host: The host it wanted to listen on.
        port: The port it wanted to listen on.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.host = host
        self.port = port

    def __str__(self) -> str:
        return (
            f"{self.host}:{self.port} is already in use; stop the program that holds "
            f"it, perhaps an earlier start of this one (`ss -ltnp` names it), or choose "
            "another port (0 picks a free one)"
        )


class AddressNotAvailableError(DuologueError):
    """A server cannot listen at its address.

    Attributes:
        host: The host.
        port: The port.
        reason: What the system says.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason)
        self.host = host
        self.port = port
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"nothing can listen at {self.host}, port {self.port} ({self.reason}); take "
            "an address of this machine, such as 127.0.0.1, and a port that you may use"
        )


class ActionSettingError(DuologueError):
    """Actions cannot be offered over HTTP as they were declared.

    Attributes:
        subject: The action or the argument at fault.
        problem: What is wrong with it and what to do instead.
    """

    def __init__(self, subject: str, problem: str) -> None:
        super().__init__(subject, problem)
        self.subject = subject
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.subject} cannot be offered: {self.problem}"


class MetricsOffError(DuologueError):
    """A runtime that does not count for Prometheus was asked for its numbers."""

    def __str__(self) -> str:
        return (
            "the runtime runs without metrics; give it metrics_port= or registry=, or "
            "call operations() before it starts"
        )


class RegistryTakenError(DuologueError):
    """Two runtimes were to show their metrics in one registry at the same time."""

    def __str__(self) -> str:
        return (
            "another runtime shows its metrics in this registry; give each runtime a "
            "CollectorRegistry() of its own, or run all bots in one runtime"
        )


class RuntimeSettingError(DuologueError):
    """A runtime cannot run with what it was given, or not from where it was called.

    Attributes:
        subject: The argument or the call at fault.
        problem: What is wrong with it and what to do instead.
    """

    def __init__(self, subject: str, problem: str) -> None:
        super().__init__(subject, problem)
        self.subject = subject
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.subject} cannot be used: {self.problem}"


class UnknownMetricError(DuologueError):
    """A gauge was named that the catalogue does not have.

    Attributes:
        name: The name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"there is no gauge {self.name!r}; add it to the catalogue of metrics, or "
            "use a name from it"
        )


class SandboxError(DuologueError):
    """The ancestor of what the local messenger refuses or misses."""


class SandboxRefusalError(SandboxError):
    """The sandbox refused a request.

    Attributes:
        status: The HTTP status of the answer.
        code: A short machine-readable reason, such as ``not.found``.
        detail: What was wrong, in words.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"the sandbox refused with {self.status} {self.code}: {self.detail}"


class ButtonNotShownError(SandboxRefusalError):
    """A user clicked a button that the message does not show.

    ``detail`` names the message, the button and what is shown; ``forge`` sends
    any payload.
    """


class SandboxUnreachableError(SandboxError):
    """The control door of a sandbox does not answer.

    Attributes:
        url: Where the door was expected.
        reason: What the connection attempt reported.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"no sandbox answers at {self.url} ({self.reason}); "
            "start one or check the control URL"
        )


class LogWaitTimeoutError(SandboxError):
    """What a test waited for did not appear in the log of a sandbox.

    Attributes:
        seconds: How long it waited.
        last: The last entries of the log, in words, oldest first.
    """

    def __init__(self, seconds: float, last: tuple[str, ...]) -> None:
        super().__init__(seconds, last)
        self.seconds = seconds
        self.last = last

    def __str__(self) -> str:
        seen = "\n  ".join(self.last) or "nothing at all"
        return (
            f"nothing in the log matched within {self.seconds} s; raise timeout= or "
            f"look at what happened instead:\n  {seen}"
        )


class EngineError(DuologueError):
    """Something about mailboxes or snapshots went wrong.

    Attributes:
        key: Whose mailbox it is.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class EngineClosedError(EngineError):
    """The engine takes no mail any more."""

    def __str__(self) -> str:
        return (
            f"nothing can be sent to {self.key}: the runtime is stopping; send it "
            "to a running one"
        )


class FencedError(EngineError):
    """A turn lost its right to commit because somebody else opened the key."""

    def __str__(self) -> str:
        return (
            f"the turn of {self.key} was taken over by another worker; its changes "
            "are dropped and the message is handled there"
        )


class MailboxFullError(EngineError):
    """A mailbox has no room left.

    Attributes:
        capacity: How many messages it can hold.
    """

    def __init__(self, key: str, capacity: int) -> None:
        super().__init__(key)
        Exception.__init__(self, key, capacity)
        self.capacity = capacity

    def __str__(self) -> str:
        return (
            f"the mailbox of {self.key} is full ({self.capacity} messages); slow "
            "the sender down or raise capacity="
        )


class SnapshotTooLargeError(EngineError):
    """The state of one conversation grew beyond the limit.

    Attributes:
        size: Its size in bytes.
        limit: How many bytes are allowed.
    """

    def __init__(self, key: str, size: int, limit: int) -> None:
        super().__init__(key)
        Exception.__init__(self, key, size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the state of {self.key} has {self.size} bytes, {self.limit} are "
            "allowed; keep large data in a store of your own and its key here"
        )


class BotSettingError(DuologueError):
    """A bot cannot be made from what it was given.

    Attributes:
        setting: The argument at fault, such as `token`; never its value.
        problem: What is wrong with it and what to give instead.
        variable: The environment variable that the value came from; None if it
            was an argument.
    """

    def __init__(self, setting: str, problem: str, variable: str | None = None) -> None:
        super().__init__(setting, problem, variable)
        self.setting = setting
        self.problem = problem
        self.variable = variable

    def __str__(self) -> str:
        if self.variable is None:
            return f"Bot({self.setting}=...) cannot be used: {self.problem}"
        return (
            f"the environment variable {self.variable}, which stands for "
            f"Bot({self.setting}=...), cannot be used: {self.problem}"
        )


class TokenMissingError(DuologueError):
    """A bot was made without a token.

    Attributes:
        variable: The environment variable that is not set either.
        source: Who gives tokens, and where to find them.
    """

    def __init__(self, variable: str, source: str) -> None:
        super().__init__(variable, source)
        self.variable = variable
        self.source = source

    def __str__(self) -> str:
        return (
            f"the bot has no token; set {self.variable} or give Bot(token=...). "
            f"{self.source}. To try things without an account, run "
            "`duologue sandbox`, which prints a token"
        )


class BotTwiceError(DuologueError):
    """Two bots of a runtime belong to the same account.

    Attributes:
        bot: Its messenger and number.
    """

    def __init__(self, bot: str) -> None:
        super().__init__(bot)
        self.bot = bot

    def __str__(self) -> str:
        return (
            f"two bots of this runtime are the account {self.bot}, and would share "
            "its dialogs and updates; give each Bot(...) a token of its own"
        )


class MarkerFileError(DuologueError):
    """The file that remembers how far updates were handled cannot be used.

    Attributes:
        path: Which file.
        problem: What is wrong with it.
        remedy: What to do about it.
    """

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(path, problem, remedy)
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return (
            f"the marker file {self.path} cannot be used: {self.problem}; {self.remedy}"
        )


class DialogsError(DuologueError):
    """A dialog was described or used in a way that cannot work."""


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
            f"{self.path} {self.problem}; dialogs keep what JSON can hold: "
            "dict with str keys, list, str, int, finite float, bool, None"
        )


class StateNotNamedError(DialogsError):
    """A state stands outside a group."""

    def __str__(self) -> str:
        return "this State has no name; declare it in the body of a StatesGroup"


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


class SnapshotVersionError(DialogsError):
    """State was written by another version of duologue.

    Attributes:
        found: The version of its format.
        known: The version that this program reads.
    """

    def __init__(self, found: int, known: int) -> None:
        super().__init__(found, known)
        self.found = found
        self.known = known

    def __str__(self) -> str:
        return (
            f"the stored state has format {self.found}, this version reads "
            f"{self.known}; run the version that wrote it, or a newer one"
        )


class UnknownStateError(DialogsError):
    """No window shows a state.

    Attributes:
        state: The full name of the state.
        known: The states that have a window, by their full names.
    """

    def __init__(self, state: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(state, known)
        self.state = state
        self.known = known

    def __str__(self) -> str:
        return (
            f"no window has the state {self.state}; {self._remedy()}. "
            f"The dispatcher knows {_some(self.known) or 'no state at all'}"
        )

    def _remedy(self) -> str:
        group = self.state.rpartition(":")[0]
        if any(known.rpartition(":")[0] == group for known in self.known):
            return f"add a Window(..., state=...) for it to the Dialog of {group}"
        return (
            "include its Dialog in the dispatcher with "
            "dispatcher.include_router(...), or add a Window(..., state=...) for it"
        )


class NotAStateError(DialogsError):
    """Something else was given where a state is needed.

    Attributes:
        given: What was given.
        where: What it was given to.
    """

    def __init__(self, given: str, where: str) -> None:
        super().__init__(given, where)
        self.given = given
        self.where = where

    def __str__(self) -> str:
        return (
            f"{self.where} needs a State, not {self.given}; write the attribute of "
            "the StatesGroup itself, such as Order.address, without quotes"
        )


class WidgetError(DialogsError):
    """A widget was described in a way that cannot work.

    Attributes:
        widget: Its id or its kind.
        problem: What is wrong and what to do.
    """

    def __init__(self, widget: str, problem: str) -> None:
        super().__init__(widget, problem)
        self.widget = widget
        self.problem = problem

    def __str__(self) -> str:
        return f"widget {self.widget!r}: {self.problem}"


class InvalidWidgetIdError(WidgetError):
    """The id of a widget cannot be put into a payload, or is taken."""


class InvalidWidgetTypeError(WidgetError):
    """A window was given something that is no widget."""


class PayloadTooLongError(WidgetError):
    """The payload of a button is longer than messengers carry."""


class InvalidItemIdError(WidgetError):
    """The id of an item cannot be put into a payload, or not be read back."""


class ItemsError(WidgetError):
    """A widget was given no items to show, or one without an id."""


class InvalidUrlError(WidgetError):
    """A button was to open an address that messengers refuse or should not open."""


class CounterValueError(WidgetError):
    """A counter was to have a value outside its limits."""


class InvalidDialogError(DialogsError):
    """The windows of a dialog do not fit together.

    Attributes:
        problem: What is wrong and what to do.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class ViewError(DialogsError):
    """A window rendered something that the messenger does not take.

    Attributes:
        state: The window.
        problem: What is wrong and what to do.
    """

    def __init__(self, state: str, problem: str) -> None:
        super().__init__(state, problem)
        self.state = state
        self.problem = problem

    def __str__(self) -> str:
        return f"the window of {self.state} cannot be shown: {self.problem}"


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


class IncorrectBackgroundError(DialogsError):
    """A dialog manager was used after its turn."""

    def __str__(self) -> str:
        return (
            "this DialogManager belongs to a turn that has ended; take "
            "`bg = manager.bg()` during the turn and use that, or `async with bg.fg()`"
        )


class ReentrantCallError(DialogsError):
    """A turn waits for something that can only happen after it."""

    def __str__(self) -> str:
        return (
            "this waits inside a turn for what happens after the turn: do not await "
            "the receipt here, and use the manager that you have instead of fg(); or "
            "move the wait into task_group.start_soon(...)"
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


class DispatcherTakenError(DialogsError):
    """A dispatcher was to run in two runtimes at once, or a runtime twice."""

    def __str__(self) -> str:
        return (
            "a runtime runs with this dispatcher already; enter each Runtime once, and "
            "give it a Dispatcher of its own"
        )


class RuntimeStoppedError(DialogsError):
    """The runtime stopped before something could be done."""

    def __str__(self) -> str:
        return (
            "the runtime has stopped before this was done; send it while a runtime runs"
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


class InjectionError(DialogsError):
    """A handler asks for an argument that nobody provides.

    Attributes:
        handler: The handler.
        parameter: The argument.
        known: What there is.
    """

    def __init__(self, handler: str, parameter: str, known: tuple[str, ...]) -> None:
        super().__init__(handler, parameter, known)
        self.handler = handler
        self.parameter = parameter
        self.known = known

    def __str__(self) -> str:
        close = get_close_matches(self.parameter, self.known, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        return (
            f"handler {self.handler} asks for {self.parameter!r}, which nobody "
            f"provides; there is: {', '.join(self.known)}.{guess} Rename it, annotate "
            "it with the type it stands for (getters go by names only), or provide it: "
            "dispatcher[...] = ..., a filter or a middleware"
        )


class RouterError(DialogsError):
    """Routers were put together in a way that cannot work.

    Attributes:
        problem: What is wrong and what to do.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class UnknownCommandError(DialogsError):
    """A message in a mailbox is none that this version knows.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"a message in the mailbox cannot be read ({self.reason}); it is kept "
            "as a dead letter. Did a newer version write it?"
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


class RuntimeNotStartedError(DialogsError):
    """A background manager was asked for before a runtime runs."""

    def __str__(self) -> str:
        return (
            "no runtime runs with this dispatcher yet; use the factory inside "
            "`async with Runtime(dispatcher, ...)` or from a handler"
        )


class UnknownBotError(DialogsError):
    """A call does not say which bot it is for, or names one that does not run.

    Attributes:
        bot: The name that was given, or None.
        known: The bots of the runtime.
    """

    def __init__(self, bot: str | None, known: tuple[str, ...]) -> None:
        super().__init__(bot, known)
        self.bot = bot
        self.known = known

    def __str__(self) -> str:
        asked = "no bot was named" if self.bot is None else f"{self.bot} does not run"
        known = ", ".join(self.known) or "none that is connected"
        return f"{asked}; this runtime has {known}: pass bot="


class BlockingCallError(DuologueError):
    """A call would have made a thread that runs actors wait for one of them.

    Attributes:
        call: The call that was refused.
        instead: The awaitable form to use.
    """

    def __init__(self, call: str, instead: str) -> None:
        super().__init__(call, instead)
        self.call = call
        self.instead = instead

    def __str__(self) -> str:
        return (
            f"{self.call} would block this thread, which runs actors, and could wait"
            f" for ever; write `{self.instead}`"
        )


class CallCancelledError(DuologueError):
    """A call from a thread was cancelled on the event loop.

    Attributes:
        call: The call.
    """

    def __init__(self, call: str) -> None:
        super().__init__(call)
        self.call = call

    def __str__(self) -> str:
        return (
            f"{self.call} was cancelled before it ended; what had been accepted by "
            "then goes on, make the call again for the rest"
        )


class CallTimeoutError(DuologueError, TimeoutError):
    """A call from a thread did not end within its `timeout=` and was cancelled.

    Attributes:
        call: The call.
        seconds: How long it was waited for.
    """

    def __init__(self, call: str, seconds: float) -> None:
        super().__init__(call, seconds)
        self.call = call
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"{self.call} did not end within {self.seconds:g} s and was cancelled; "
            "what had been accepted before goes on, call again or raise timeout="
        )


class CallUnansweredError(CallTimeoutError):
    """A call did not end in time, and the event loop is too busy to say more."""

    def __str__(self) -> str:
        return (
            f"{self.call} did not end within {self.seconds:g} s, and the event loop "
            "does not answer, so it may still take effect; look for a handler that "
            "blocks the loop"
        )


class ForkedError(DuologueError):
    """A forked process used a runtime whose thread stayed behind in its parent.

    Attributes:
        call: The call.
        process: The process in which the runtime runs.
    """

    def __init__(self, call: str, process: int) -> None:
        super().__init__(call, process)
        self.call = call
        self.process = process

    def __str__(self) -> str:
        return (
            f"{self.call} cannot be carried out: the runtime's thread lives in the "
            f"process {self.process} and was not copied by the fork; start a runtime "
            "after forking"
        )


class AmbiguousSystemError(DuologueError):
    """An actor was started without a system while several are open.

    Attributes:
        actor: The class of the actor.
        systems: How many systems are open.
    """

    def __init__(self, actor: str, systems: int) -> None:
        super().__init__(actor, systems)
        self.actor = actor
        self.systems = systems

    def __str__(self) -> str:
        return (
            f"{self.actor}.start() cannot choose among {self.systems} open actor"
            f" systems; write `system.start({self.actor}, ...)`"
        )


class SystemClosedError(DuologueError):
    """An actor or a message came to an actor system that is not open.

    Attributes:
        subject: The actor, or the key and class of the one that was meant.
    """

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject

    def __str__(self) -> str:
        return (
            f"the actor system of {self.subject} is not open; do this inside"
            " `async with ActorSystem()`"
        )


class MessageCancelledError(DuologueError):
    """The coroutine that handled a message was cancelled; its actor lives on.

    Attributes:
        actor: The actor.
        message: The class of the message.
    """

    def __init__(self, actor: str, message: str) -> None:
        super().__init__(actor, message)
        self.actor = actor
        self.message = message

    def __str__(self) -> str:
        return (
            f"{self.actor} was cancelled while it handled a message of class"
            f" {self.message}; send it again if it may be handled twice"
        )


class ActorClassError(DuologueError):
    """A directory cannot do what was asked with a class of actors.

    Attributes:
        actor: The name of the class.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor


class UnknownActorClassError(ActorClassError):
    """A directory was asked for an actor of a class that it does not know."""

    def __str__(self) -> str:
        return (
            f"the directory does not know how to make {self.actor}; call"
            f" `directory.register({self.actor}, factory)` first"
        )


class ActorClassTakenError(ActorClassError):
    """A class was registered in a directory for a second time."""

    def __str__(self) -> str:
        return (
            f"{self.actor} is registered in this directory already; register each"
            " class once, or a subclass of it"
        )


class ActivationError(DuologueError):
    """A directory could not bring an actor to life.

    Attributes:
        actor: The class of the actor.
        key: Its key.
        reason: What its factory or its first hook raised.
    """

    def __init__(self, actor: str, key: str, reason: str) -> None:
        super().__init__(actor, key, reason)
        self.actor = actor
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.actor} with key {self.key!r} could not be activated"
            f" ({self.reason}); its messages have failed, the next one tries again"
        )


class VirtualDeadlockError(DuologueError):
    """A virtual loop has nothing left to do, and somebody still waits.

    Attributes:
        waiting: Where the unfinished tasks wait, each as one line.
    """

    def __init__(self, waiting: tuple[str, ...]) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def __str__(self) -> str:
        where = "; ".join(self.waiting) or "no task"
        return (
            "nothing can ever wake this loop: no timer, no socket, no job in a"
            f" thread; waiting: {where}; await something that will happen"
        )


class AddressIncompleteError(DialogsError):
    """A background manager was asked for without saying for which chat."""

    def __str__(self) -> str:
        return "bg() needs chat_id=, and user_id= unless the whole chat is meant"


class AsyncWithNeededError(DialogsError):
    """`with bg.fg()` was used on an event loop."""

    def __str__(self) -> str:
        return (
            "`with bg.fg()` would block this event loop, which the turn needs; write "
            "`async with bg.fg() as manager:`, or in a program with threads take the "
            "manager from `with Runtime(...).in_thread() as runtime:`"
        )


class HandlerError(DialogsError):
    """A function cannot be a handler.

    Attributes:
        handler: Its name.
        problem: What is wrong and what to do.
    """

    def __init__(self, handler: str, problem: str) -> None:
        super().__init__(handler, problem)
        self.handler = handler
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.handler} cannot be a handler: {self.problem}"


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


class EngineNotAvailableError(DuologueError):
    """No engine of this kind comes with this version.

    Attributes:
        engine: What was asked for, without anything that may be secret.
    """

    def __init__(self, engine: str) -> None:
        scheme = engine.partition("://")[0]
        super().__init__(scheme)
        self.engine = scheme

    def __str__(self) -> str:
        return (
            f"this version has no {self.engine!r} engine; leave engine= out to keep "
            "everything in memory"
        )


class HandoverCancelledError(DuologueError):
    """Whoever took an update over cancelled its handling before it was safe."""

    def __str__(self) -> str:
        return (
            "an update was given up before it was safe; it is offered again, so end "
            "its future normally when it needs no more work"
        )


class NotShownError(DuologueError):
    """A test looked for something that no message of the bot shows.

    Attributes:
        wanted: What it looked for.
        chat_id: Where.
        labels: The buttons that are shown there.
    """

    def __init__(self, wanted: str, chat_id: int, labels: tuple[str, ...]) -> None:
        super().__init__(wanted, chat_id, labels)
        self.wanted = wanted
        self.chat_id = chat_id
        self.labels = labels

    def __str__(self) -> str:
        shown = ", ".join(repr(label) for label in self.labels) or "no buttons"
        return (
            f"chat {self.chat_id} does not show {self.wanted}; it shows {shown}: "
            "wait with settled() before looking"
        )


class LinkPressedError(DuologueError):
    """A test pressed a button that opens a link, of which a bot never hears.

    Attributes:
        label: What is written on the button.
        chat_id: Where it is shown.
        url: What it opens.
    """

    def __init__(self, label: str, chat_id: int, url: str) -> None:
        super().__init__(label, chat_id, url)
        self.label = label
        self.chat_id = chat_id
        self.url = url

    def __str__(self) -> str:
        return (
            f"the button {self.label!r} in chat {self.chat_id} opens {self.url} and "
            "cannot be pressed: no messenger tells the bot; look at the button in the "
            "keyboard of screen()"
        )


class ProgramEndedError(DuologueError):
    """A program that the demo started ended before its time.

    Attributes:
        program: Which one.
        status: Its exit status; negative for the signal that ended it.
        output: The end of what it wrote.
    """

    def __init__(self, program: str, status: int, output: str) -> None:
        super().__init__(program, status, output)
        self.program = program
        self.status = status
        self.output = output

    def __str__(self) -> str:
        wrote = f"it wrote:\n{self.output}" if self.output else "it wrote nothing"
        return f"the {self.program} ended early with status {self.status}; {wrote}"


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


_ENOUGH = 12  # names in one sentence


def _some(names: Sequence[str]) -> str:
    """List names for a sentence, but not hundreds of them."""
    rest = len(names) - _ENOUGH
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(names[:_ENOUGH]) + more


class UnknownWorkerError(DuologueError):
    """There is no background worker with this id, or not for this owner.

    Attributes:
        worker_id: The id.
    """

    def __init__(self, worker_id: str) -> None:
        super().__init__(worker_id)
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"no worker {self.worker_id!r} is known here; workers that have ended are "
            "forgotten after a while: raise ttl= or keep= of Workers, or start a new one"
        )


class WorkerBodyError(DuologueError):
    """What was given to a background worker is nothing that can run.

    Attributes:
        body: The name of its class or function.
        problem: What is wrong with it.
    """

    def __init__(self, body: str, problem: str) -> None:
        super().__init__(body, problem)
        self.body = body
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"{self.body} cannot be the body of a worker: {self.problem}; give an "
            "object with run(), its class, or a function"
        )


class WorkerBodyTakenError(DuologueError):
    """An object that is to be the body of a worker is that of another already.

    Attributes:
        body: The name of its class.
        worker_id: The worker that runs it.
    """

    def __init__(self, body: str, worker_id: str) -> None:
        super().__init__(body, worker_id)
        self.body = body
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"worker {self.worker_id!r} still runs this {self.body}; give each worker "
            "an object of its own, or the class"
        )


class WorkerIdTakenError(DuologueError):
    """A background worker was to have the id of another one.

    Attributes:
        worker_id: The id.
    """

    def __init__(self, worker_id: str) -> None:
        super().__init__(worker_id)
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"there is a worker {self.worker_id!r} already; leave id= out to get a new "
            "id, or use key= to join the one that runs"
        )


class WorkerRunningError(DuologueError):
    """A worker with this key is running, and a second one is not wanted.

    Attributes:
        key: The key.
        worker_id: The worker that runs.
    """

    def __init__(self, key: str, worker_id: str) -> None:
        super().__init__(key, worker_id)
        self.key = key
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"worker {self.worker_id!r} is running under the key {self.key!r}; wait "
            "for its end, or start with StartPolicy.JOIN or StartPolicy.REPLACE"
        )
