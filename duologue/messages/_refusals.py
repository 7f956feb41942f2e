"""What other programs are told of an error."""

from __future__ import annotations

from typing import Final, cast

from duologue.errors import (
    CallStoppedError,
    DialogClosedError,
    DialogCoveredError,
    DialogStackOverflowError,
    EngineClosedError,
    EngineUnavailableError,
    LaunchModeError,
    MailboxFullError,
    NoContextError,
    OutcomeUnknownError,
    RemoteMessageError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
    SystemClosedError,
    UnknownStateError,
    WrongStateError,
)

_TOLD: Final = (
    RemoteMessageError,
    CallStoppedError,
    DialogClosedError,
    DialogCoveredError,
    DialogStackOverflowError,
    EngineClosedError,
    EngineUnavailableError,
    LaunchModeError,
    MailboxFullError,
    NoContextError,
    OutcomeUnknownError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
    SystemClosedError,
    UnknownStateError,
    WrongStateError,
)


def is_told(error: BaseException) -> bool:
    """Whether the text of an error goes out: not of the bot's own errors."""
    return isinstance(error, _TOLD)


def refused(error: BaseException) -> dict[str, object]:
    """An error as other programs are told of it: its class and, if it is told, the rest."""
    if not is_told(error):
        detail = "the handler failed; the log of the bot says why"
        return {"error": type(error).__name__, "detail": detail}
    values = [plain(value) for value in error.args]
    return {"error": type(error).__name__, "detail": str(error), "values": values}


def plain(value: object) -> object:
    """What an error holds, as JSON."""
    if isinstance(value, tuple):
        return [plain(each) for each in cast("tuple[object, ...]", value)]
    return value if isinstance(value, str | int | float | None) else repr(value)
