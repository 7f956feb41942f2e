"""Which error an answer of the MAX Bot API stands for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from urllib.parse import quote

from duologue.errors import (
    BadRequestError,
    ForbiddenError,
    MessageGoneError,
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    UnauthorizedError,
    UnexpectedAnswerError,
)
from duologue.transport._json import is_object, parse

# MAX documents no Retry-After; its windows are one second long.
_DEFAULT_RETRY_AFTER = 1.0

# What somebody in between may put there must not silence a bot for days.
_MAX_RETRY_AFTER = 3600.0

# Enough of a text that is not the documented JSON to see who answered.
_EXCERPT = 120

# What comes from outside must not fill the log.
_WORDS = 500
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_OK = 200
_ERRORS = 400
_REQUEST_TIMEOUT = 408
_SERVER_ERRORS = 500

_BY_STATUS: Mapping[int, type[MessengerError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: MessageGoneError,
}
# The code says more than the status, where the two are known to disagree.
_BY_CODE: Mapping[str, type[MessengerError]] = {
    "access.denied": ForbiddenError,
    "chat.denied": ForbiddenError,
    "chat.not.found": MessageGoneError,
    "not.found": MessageGoneError,
    "internal.error": MessengerUnavailableError,
    "service.unavailable": MessengerUnavailableError,
    "verify.token": UnauthorizedError,
}


def read_answer(
    method: str,
    status: int,
    body: bytes,
    *,
    retry_after: str | None,
    secret: str = "",
) -> dict[str, object]:
    """Give the object that a call returned.

    Args:
        method: The call, such as `POST /messages`, for errors.
        status: The HTTP status.
        body: What came with it.
        retry_after: The header of that name.
        secret: What no error may show, whoever says it.

    Raises:
        MessengerError: The call failed, whatever the status says: a 200 can
            carry `{"success": false}` or an `error_code`.
    """
    answer = _parsed(body)
    if status == _OK:
        if not is_object(answer):
            detail = f"not a JSON object: {_excerpt(body, secret)}"
            raise UnexpectedAnswerError(method, detail)
        if answer.get("success") is False or "error_code" in answer:
            raise _refusal(method, answer, retry_after, secret)
        return answer
    if status < _ERRORS:
        raise UnexpectedAnswerError(method, f"HTTP {status}")
    said = answer if is_object(answer) else {}
    words = _detail(said, secret) or _excerpt(body, secret) or "no reason given"
    raise _failure(
        method, status, f"HTTP {status}, {words}", said=said, retry_after=retry_after
    )


def _refusal(
    method: str, answer: Mapping[str, object], retry_after: str | None, secret: str
) -> MessengerError:
    """Make the error of an answer that is none, although the status says so."""
    detail = _detail(answer, secret) or "refused without a reason"
    by_code = _by_code(method, detail, answer, retry_after)
    return by_code or BadRequestError(method, detail)


def _failure(
    method: str,
    status: int,
    detail: str,
    *,
    said: Mapping[str, object],
    retry_after: str | None,
) -> MessengerError:
    if status == 429:  # noqa: PLR2004 - it has a name only in RFC 6585
        return RateLimitedError(method, detail, _seconds(retry_after, said))
    by_code = _by_code(method, detail, said, retry_after)
    if by_code is not None:
        return by_code
    if status >= _SERVER_ERRORS or status == _REQUEST_TIMEOUT:
        return MessengerUnavailableError(method, detail)
    return _BY_STATUS.get(status, BadRequestError)(method, detail)


def _by_code(
    method: str, detail: str, said: Mapping[str, object], retry_after: str | None
) -> MessengerError | None:
    code = said.get("code")
    if code == "too.many.requests":
        return RateLimitedError(method, detail, _seconds(retry_after, said))
    if isinstance(code, str) and code in _BY_CODE:
        return _BY_CODE[code](method, detail)
    return None


def _seconds(header: str | None, answer: Mapping[str, object]) -> float:
    for source in (header, answer.get("retry_after")):
        if isinstance(source, str | int | float):
            try:
                seconds = float(source)
            except (ValueError, OverflowError):  # a date, or beyond all numbers
                continue
            if math.isfinite(seconds) and seconds >= 0:
                return min(seconds, _MAX_RETRY_AFTER)
    return _DEFAULT_RETRY_AFTER


def _detail(answer: Mapping[str, object], secret: str) -> str:
    said = (answer.get(key) for key in ("code", "error_code", "message", "error_data"))
    return hidden(": ".join(str(part) for part in said if part), secret)


def hidden(text: str, secret: str, *, most: int = _WORDS) -> str:
    """The beginning of a text from outside, in one line, without a secret in it.

    Hidden first and cut then: what is left must hold no part of it either. Names
    of hosts come in small letters; a line of its own could pass for one of the log.
    """
    for form in filter(None, (secret, quote(secret), quote(secret, safe=""))):
        text = re.sub(re.escape(form), "***", text, flags=re.IGNORECASE)
    return _CONTROLS.sub(" ", text)[:most]


def _parsed(body: bytes) -> object:
    try:
        return parse(body)
    except ValueError:
        return None


def _excerpt(body: bytes, secret: str) -> str:
    # As much more as a secret that is cut there, in its longest form, may have.
    begun = body[: _EXCERPT + 3 * len(secret)].decode(errors="replace")
    return hidden(begun, secret, most=_EXCERPT)
