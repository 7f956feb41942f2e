"""Errors of runtimes, and of calls to them from threads."""

from __future__ import annotations

from duologue.errors._root import DialogsError, DuologueError


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


class RuntimeNotStartedError(DialogsError):
    """A background manager was asked for before a runtime runs."""

    def __str__(self) -> str:
        return (
            "no runtime runs with this dispatcher yet; use the factory inside "
            "`async with Runtime(dispatcher, ...)` or from a handler"
        )


class RuntimeStoppedError(DialogsError):
    """The runtime stopped before something could be done."""

    def __str__(self) -> str:
        return (
            "the runtime has stopped before this was done; send it while a runtime runs"
        )


class DispatcherTakenError(DialogsError):
    """A dispatcher was to run in two runtimes at once, or a runtime twice."""

    def __str__(self) -> str:
        return (
            "a runtime runs with this dispatcher already; enter each Runtime once, and "
            "give it a Dispatcher of its own"
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
