"""Errors of the sandbox, the demo and tests."""

from __future__ import annotations

from duologue.errors._root import DuologueError


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
