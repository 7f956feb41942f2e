"""Errors of messages that programs send to actors of other programs."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class RemoteMessageError(DuologueError):
    """A message to an actor of another program is not what can be sent or taken."""


class MessageClassError(RemoteMessageError, TypeError):
    """A class cannot be one of messages.

    Attributes:
        name: The class.
        problem: What is wrong with it.
    """

    name: str
    problem: str
    template = "{name} cannot be a message: {problem}"


class UnknownMessageError(RemoteMessageError, ValueError):
    """A message has a tag that nobody here takes.

    Attributes:
        tag: The tag.
        known: Those that are taken.
    """

    tag: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"nobody takes messages of the type {self.tag!r:.100}; known are {known:.500}: "
            "add a handler for its class, or send one of these"
        )


class MessageShapeError(RemoteMessageError, ValueError):
    """The data of a message does not have the shape of its class.

    Attributes:
        tag: The tag of the class.
        pointer: Where in the data, as a JSON pointer (RFC 6901); empty for all of it.
        problem: What is wrong there.
    """

    tag: str
    pointer: str
    problem: str

    def __str__(self) -> str:
        place = f"at {self.pointer}" if self.pointer else "as a whole"
        return f"the data of a {self.tag} is wrong {place}: {self.problem}"


class MessageTooLargeError(RemoteMessageError, ValueError):
    """A message has more bytes than one may have.

    Attributes:
        size: How many it has, as far as they were counted.
        limit: How many it may have.
    """

    size: int
    limit: int
    template = (
        "a message of {size} bytes is too large, {limit} are allowed; send where the "
        "data is instead of the data"
    )


class EnvelopeError(RemoteMessageError, ValueError):
    """What was sent is no CloudEvent 1.0 that can be taken.

    Attributes:
        attribute: The attribute at fault; empty for all of it.
        problem: What is wrong with it.
    """

    attribute: str
    problem: str

    def __str__(self) -> str:
        what = f"the attribute {self.attribute}" if self.attribute else "the event"
        return f"{what} cannot be taken: {self.problem}"


class InvalidRefError(RemoteMessageError, ValueError):
    """A text is no ref of an actor.

    Attributes:
        ref: The text.
    """

    ref: str
    template = (
        "{ref!r:.100} is no ref of an actor; write a type, a slash and a key, as in "
        "dialog/max.42:5:5, of at most 200 of A-Z, a-z, 0-9, . _ : @ / -"
    )


class SecretTooShortError(RemoteMessageError, ValueError):
    """A secret that signs messages could be guessed.

    Attributes:
        size: How many bytes it has.
        least: How many it needs.
    """

    size: int
    least: int
    template = (
        "a secret of {size} bytes is too short to sign messages with, it needs {least}; "
        "make one with `openssl rand -base64 32`"
    )


class SignatureError(RemoteMessageError):
    """A message is not signed by anyone who may send it, or was not signed just now.

    Attributes:
        problem: What is wrong.
    """

    problem: str
    template = "the signature of the message was refused: {problem}"


class UnknownRefError(RemoteMessageError):
    """There is no such actor, or nobody may reach it from outside.

    Attributes:
        ref: The ref.
        problem: What is wrong with it, and what to do.
    """

    ref: str
    problem: str
    template = "{ref} cannot be reached: {problem}"


class MessageExpiredError(RemoteMessageError):
    """The time of a message was over before its turn.

    Attributes:
        ref: To whom it was.
        id: The message.
    """

    ref: str
    id: str
    template = (
        "the message {id:.100} to {ref} has expired before its turn; nothing was done"
    )


class MessageUntakenError(RemoteMessageError):
    """No handler has taken a message, for its filters.

    Attributes:
        ref: To whom it was.
        tag: Its tag.
    """

    ref: str
    tag: str
    template = "no handler of {ref} takes a {tag} now; see the filters of its handlers"


class RemoteUnavailableError(RemoteMessageError):
    """A bot could not be reached for as long as it was tried.

    Attributes:
        place: Where it should be.
        problem: What was wrong the last time.
    """

    place: str
    problem: str
    template = (
        "{place} could not be reached ({problem}); the message may have arrived: send it "
        "again with the same id"
    )


class RemoteRefusedError(RemoteMessageError):
    """A bot has refused a message for a reason that has no class of its own here.

    Attributes:
        status: The status of its answer.
        problem: What it says.
    """

    status: int
    problem: str
    template = "the message was refused with {status}: {problem}"


class AskTimeoutError(RemoteMessageError, TimeoutError):
    """An actor of another program has not answered in time.

    Attributes:
        ref: The actor.
        timeout: How many seconds it had.
    """

    ref: str
    timeout: float
    template = (
        "{ref} has not answered within {timeout:g} s; it may do so later, to nobody"
    )
