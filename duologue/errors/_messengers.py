"""Errors of messengers, of their updates and of bots."""

from __future__ import annotations

from duologue.errors._root import DuologueError


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


class HandoverCancelledError(DuologueError):
    """Whoever took an update over cancelled its handling before it was safe."""

    def __str__(self) -> str:
        return (
            "an update was given up before it was safe; it is offered again, so end "
            "its future normally when it needs no more work"
        )
