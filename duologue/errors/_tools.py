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

    status: int
    code: str
    detail: str
    template = "the sandbox refused with {status} {code}: {detail}"


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

    url: str
    reason: str
    template = (
        "no sandbox answers at {url} ({reason}); start one or check the control URL"
    )


class LogWaitTimeoutError(SandboxError):
    """What a test waited for did not appear in the log of a sandbox.

    Attributes:
        seconds: How long it waited.
        last: The last entries of the log, in words, oldest first.
    """

    seconds: float
    last: tuple[str, ...]

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

    program: str
    status: int
    output: str

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

    wanted: str
    chat_id: int
    labels: tuple[str, ...]

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

    label: str
    chat_id: int
    url: str
    template = (
        "the button {label!r} in chat {chat_id} opens {url} and cannot be pressed: no "
        "messenger tells the bot; look at the button in the keyboard of screen()"
    )
