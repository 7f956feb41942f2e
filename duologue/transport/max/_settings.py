"""Where a bot finds its token and its messenger, and which ones cannot be right."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from duologue.errors import BotSettingError, TokenMissingError

# Source: the servers that the API's own description names since July 2026.
DEFAULT_URL = "https://platform-api2.max.ru"

_URL_VARIABLE = "DUOLOGUE_MAX_URL"
_TOKEN_VARIABLE = "DUOLOGUE_MAX_TOKEN"  # noqa: S105  # a name, not a token

# Source: dev.max.ru, the page on authorisation, autumn of 2026.
_TOKENS = (
    "MAX shows the token of a bot on https://business.max.ru, in its settings "
    "under chat bots"
)

_TELEGRAM = re.compile(r"\d{6,}:[\w-]{30,}")
_QUOTES = "\"'`"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting that can be used.

    Attributes:
        value: What was found.
        source: Where, as words to put behind others; empty for an argument.
    """

    value: str
    source: str


def chosen_token(given: str | None) -> Chosen:
    """Take the token that was given, or the one of the environment.

    Raises:
        TokenMissingError: There is none.
        BotSettingError: It cannot be one.
    """
    if given is not None:
        _check_token(given, None)
        return Chosen(given, "")
    found = os.environ.get(_TOKEN_VARIABLE)
    if found is None:
        raise TokenMissingError(_TOKEN_VARIABLE, _TOKENS)
    _check_token(found, _TOKEN_VARIABLE)
    return Chosen(found, f", token from {_TOKEN_VARIABLE}")


def chosen_url(given: str | None) -> Chosen:
    """Take the address that was given, or that of the environment, or MAX itself.

    Raises:
        BotSettingError: It is no address.
    """
    if given:
        return Chosen(_checked_url(given, None), "")
    found = os.environ.get(_URL_VARIABLE)
    if not found:
        return Chosen(DEFAULT_URL, "")
    return Chosen(_checked_url(found, _URL_VARIABLE), f", address from {_URL_VARIABLE}")


def _check_token(token: object, variable: str | None) -> None:
    problem: str | None = f"it is a {type(token).__name__} and not a str"
    if isinstance(token, str):
        problem = _problem(token)
    if problem is not None:
        raise BotSettingError("token", problem, variable)


def _problem(token: str) -> str | None:
    """What speaks against a token, without showing it; None if nothing does."""
    if not token:
        return f"it is empty. {_TOKENS}"
    if token[:7].lower() == "bearer ":
        return "it begins with `Bearer`; give the bare token"
    if token[0] in _QUOTES or token[-1] in _QUOTES:
        return "it has a quotation mark around it; leave that out"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return (
            "it holds a space, a line break or another character that no token "
            "has; strip what was read from a file or the environment"
        )
    if _TELEGRAM.fullmatch(token):
        return f"it looks like one of Telegram, and this is a bot on MAX. {_TOKENS}"
    return None


def _checked_url(url: str, variable: str | None) -> str:
    if not url.startswith(("http://", "https://")):  # it may be a token: not shown
        problem = f"it does not begin with http:// or https:// as {DEFAULT_URL} does"
        raise BotSettingError("base_url", problem, variable)
    if not _is_address(url):
        shown = url.rpartition("@")[2]  # what stands before it may be a password
        problem = f"{shown!r} is no address such as {DEFAULT_URL}"
        raise BotSettingError("base_url", problem, variable)
    return url.rstrip("/")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that cannot be
    except ValueError:
        return False
    extra = parts.query or parts.fragment or "@" in parts.netloc
    return bool(parts.hostname) and not extra
