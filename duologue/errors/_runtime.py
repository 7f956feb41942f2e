"""Errors of runtimes, and of calls to them from threads."""

from __future__ import annotations

from duologue.errors._root import DialogsError, DuologueError


class RuntimeSettingError(DuologueError, ValueError):
    """A runtime cannot run with what it was given, or not from where it was called.

    Attributes:
        subject: The argument or the call at fault.
        problem: What is wrong with it and what to do instead.
    """

    subject: str
    problem: str
    template = "{subject} cannot be used: {problem}"


class RuntimeNotStartedError(DialogsError):
    """A background manager was asked for before a runtime runs."""

    template = (
        "no runtime runs with this dispatcher yet; use the factory inside `async with "
        "Runtime(dispatcher, ...)` or from a handler"
    )


class RuntimeStoppedError(DialogsError):
    """The runtime stopped before something could be done."""

    template = (
        "the runtime has stopped before this was done; send it while a runtime runs"
    )


class DispatcherTakenError(DialogsError):
    """A dispatcher was to run in two runtimes at once, or a runtime twice."""

    template = (
        "a runtime runs with this dispatcher already; enter each Runtime once, and "
        "give it a Dispatcher of its own"
    )


class BotRunsElsewhereError(DialogsError):
    """Another program polls for a bot from the same state folder.

    Attributes:
        bot: The bot.
        process: The other program.
        folder: The folder.
    """

    bot: str
    process: str
    folder: str
    template = (
        "{bot} is run by {process} already, with the state in {folder}; end that one "
        "first, since both would answer every message"
    )


class WebhookSetError(DialogsError):
    """A bot is polled whose updates go to a webhook.

    Attributes:
        bot: The bot.
        places: The hosts of its webhooks.
    """

    bot: str
    places: str
    template = (
        "the updates of {bot} are brought to a webhook ({places}), so polling gets none; "
        "end that with `duologue webhook remove --all`, or run Webhook(...) in the place "
        "of LongPolling(...)"
    )


class UnknownBotError(DialogsError, ValueError):
    """A call does not say which bot it is for, or names one that does not run.

    Attributes:
        bot: The name that was given, or None.
        known: The bots of the runtime.
    """

    bot: str | None
    known: tuple[str, ...]

    def __str__(self) -> str:
        asked = "no bot was named" if self.bot is None else f"{self.bot} does not run"
        known = ", ".join(self.known) or "none that is connected"
        return f"{asked}; this runtime has {known}: pass bot="


class CallCancelledError(DuologueError):
    """A call from a thread was cancelled on the event loop.

    Attributes:
        call: The call.
    """

    call: str
    template = (
        "{call} was cancelled before it ended; what had been accepted by then goes on, "
        "make the call again for the rest"
    )


class CallTimeoutError(DuologueError, TimeoutError):
    """A call from a thread did not end within its `timeout=` and was cancelled.

    Attributes:
        call: The call.
        seconds: How long it was waited for.
    """

    call: str
    seconds: float
    template = (
        "{call} did not end within {seconds:g} s and was cancelled; what had been "
        "accepted before goes on, call again or raise timeout="
    )


class CallUnansweredError(CallTimeoutError):
    """A call did not end in time, and the event loop is too busy to say more."""

    template = (
        "{call} did not end within {seconds:g} s, and the event loop does not answer, "
        "so it may still take effect; look for a handler that blocks the loop"
    )


class ForkedError(DuologueError):
    """A forked process used a runtime whose thread stayed behind in its parent.

    Attributes:
        call: The call.
        process: The process in which the runtime runs.
    """

    call: str
    process: int
    template = (
        "{call} cannot be carried out: the runtime's thread lives in the process "
        "{process} and was not copied by the fork; start a runtime after forking"
    )
