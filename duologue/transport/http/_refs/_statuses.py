"""What the statuses of refusals are, and what they say."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final

from aiohttp import web

from duologue.errors import (
    CallStoppedError,
    DialogClosedError,
    DialogCoveredError,
    DialogStackOverflowError,
    DuologueError,
    EngineClosedError,
    EngineUnavailableError,
    EnvelopeError,
    InvalidRefError,
    LaunchModeError,
    MailboxFullError,
    MessageExpiredError,
    MessageShapeError,
    MessageTooLargeError,
    MessageUntakenError,
    NoContextError,
    OutcomeUnknownError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
    SignatureError,
    SystemClosedError,
    UnknownMessageError,
    UnknownRefError,
    UnknownStateError,
    WrongStateError,
)
from duologue.messages._refusals import refused
from duologue.transport.http._problems import problem

_logger = logging.getLogger("duologue.refs")

_STATUSES: Final[dict[type[DuologueError], HTTPStatus]] = {
    EnvelopeError: HTTPStatus.BAD_REQUEST,
    InvalidRefError: HTTPStatus.BAD_REQUEST,
    SignatureError: HTTPStatus.UNAUTHORIZED,
    UnknownRefError: HTTPStatus.NOT_FOUND,
    MessageTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnknownMessageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MessageShapeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownStateError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MailboxFullError: HTTPStatus.TOO_MANY_REQUESTS,
    EngineUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    EngineClosedError: HTTPStatus.SERVICE_UNAVAILABLE,
    RuntimeNotStartedError: HTTPStatus.SERVICE_UNAVAILABLE,
    RuntimeStoppedError: HTTPStatus.SERVICE_UNAVAILABLE,
    SystemClosedError: HTTPStatus.SERVICE_UNAVAILABLE,
    NoContextError: HTTPStatus.CONFLICT,
    DialogClosedError: HTTPStatus.CONFLICT,
    DialogCoveredError: HTTPStatus.CONFLICT,
    DialogStackOverflowError: HTTPStatus.CONFLICT,
    LaunchModeError: HTTPStatus.CONFLICT,
    WrongStateError: HTTPStatus.CONFLICT,
    CallStoppedError: HTTPStatus.CONFLICT,
    MessageUntakenError: HTTPStatus.CONFLICT,
    MessageExpiredError: HTTPStatus.GONE,
    OutcomeUnknownError: HTTPStatus.GATEWAY_TIMEOUT,
}
_RETRY_AFTER: Final = {
    HTTPStatus.TOO_MANY_REQUESTS: 1,
    HTTPStatus.SERVICE_UNAVAILABLE: 5,
}


def refusal(error: BaseException) -> web.Response:
    """Say why a message was not taken, or what its turn failed of.

    Of an error that is the bot's own, no text goes out: the log has it.
    """
    status = next(
        (known for kind, known in _STATUSES.items() if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    said = refused(error)
    detail = str(said.pop("detail"))
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        _logger.warning("a message of another program failed: %r", error)
        return problem(status, detail, error=said["error"])
    response = problem(status, detail, **said)
    if status in _RETRY_AFTER:
        response.headers["Retry-After"] = str(_RETRY_AFTER[status])
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
