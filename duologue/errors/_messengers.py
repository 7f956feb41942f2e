"""Errors of messengers, of their updates and of bots."""

from __future__ import annotations

from duologue.errors._root import DuologueError

_FAILED = "{method} failed: {detail}; "


class MessengerError(DuologueError):
    """A call to a messenger failed.

    Attributes:
        method: The call, such as `POST /messages`.
        detail: What the messenger or the network said.
    """

    method: str
    detail: str
    template = _FAILED + "see the messenger's documentation of this call"


class UnauthorizedError(MessengerError):
    """The messenger does not know the token."""

    template = _FAILED + (
        "check the token: copy it again from where the messenger shows it, and see "
        "that it belongs to this address (every sandbox has one of its own)"
    )


class MessengerUnavailableError(MessengerError):
    """The messenger cannot be reached, or says that it is out of order."""

    template = _FAILED + "check the address and the network, or call again later"


class RateLimitedError(MessengerError):
    """The messenger refused a call because there were too many.

    Attributes:
        retry_after: Seconds after which the messenger wants to be asked again.
    """

    retry_after: float
    template = _FAILED + "call again in {retry_after:g} s"


class MessageGoneError(MessengerError):
    """The message or chat of a call does not exist any more."""

    template = _FAILED + "check chat_id=; if the message is gone, send a new one"


class ForbiddenError(MessengerError):
    """The bot may not do this in this chat."""

    template = _FAILED + (
        "the user may have stopped the bot, or it lacks a right in the group"
    )


class BadRequestError(MessengerError):
    """The messenger understood the call and refuses its content."""

    template = _FAILED + (
        "the content of the call is at fault; repeating it will not help"
    )


class UnexpectedAnswerError(MessengerError):
    """The messenger's answer does not have the documented shape."""

    template = _FAILED + (
        "something between the bot and the messenger may answer in its place"
    )


class BotNotStartedError(DuologueError):
    """A bot was used before it was started."""

    template = (
        "this bot has not been started; use `async with Runtime(...)`, or call `await "
        "bot.start()` first"
    )


class BotSettingError(DuologueError, ValueError):
    """A bot cannot be made from what it was given.

    Attributes:
        setting: The argument at fault, such as `token`; never its value.
        problem: What is wrong with it and what to give instead.
        variable: The environment variable that the value came from; None if it
            was an argument.
    """

    setting: str
    problem: str
    variable: str | None = None

    def __str__(self) -> str:
        if self.variable is None:
            return f"Bot({self.setting}=...) cannot be used: {self.problem}"
        return (
            f"the environment variable {self.variable}, which stands for "
            f"Bot({self.setting}=...), cannot be used: {self.problem}"
        )


class TokenMissingError(DuologueError, TypeError):
    """A bot was made without a token.

    Attributes:
        variable: The environment variable that is not set either.
        source: Who gives tokens, and where to find them.
    """

    variable: str
    source: str
    template = (
        "the bot has no token; set {variable} or give Bot(token=...). {source}. To try "
        "things without an account, run `duologue sandbox`, which prints a token"
    )


class BotTwiceError(DuologueError, ValueError):
    """Two bots of a runtime belong to the same account.

    Attributes:
        bot: Its messenger and number.
    """

    bot: str
    template = (
        "two bots of this runtime are the account {bot}, and would share its dialogs "
        "and updates; give each Bot(...) a token of its own"
    )


class MalformedUpdateError(DuologueError):
    """An update does not have the documented shape.

    Attributes:
        reason: What is wrong with it, and where.
    """

    reason: str
    template = "a malformed update was put aside: {reason}"


class UnknownUpdateError(DuologueError):
    """An update has a type that this version does not know.

    Attributes:
        update_type: The type as the messenger named it.
    """

    update_type: str
    template = "updates of the type {update_type!r} are not known; it was put aside"


class MarkerFileError(DuologueError):
    """The file that remembers how far updates were handled cannot be used.

    Attributes:
        path: Which file.
        problem: What is wrong with it.
        remedy: What to do about it.
    """

    path: str
    problem: str
    remedy: str
    template = "the marker file {path} cannot be used: {problem}; {remedy}"


class HandoverCancelledError(DuologueError):
    """Whoever took an update over cancelled its handling before it was safe."""

    template = (
        "an update was given up before it was safe; it is offered again, so end its "
        "future normally when it needs no more work"
    )
