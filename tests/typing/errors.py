"""What type checkers know of errors; never run, every line is a statement to them."""

from __future__ import annotations

from typing import assert_type

from duologue.errors import MailboxFullError, RateLimitedError


def what_an_error_carries() -> None:
    error = MailboxFullError("bot:chat:7", 64)

    assert_type(error.key, str)
    assert_type(error.capacity, int)
    assert_type(error.instead, str | None)


def what_is_an_error() -> None:
    MailboxFullError("bot:chat:7")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] # no capacity
    MailboxFullError("bot:chat:7", "64")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # a number
    RateLimitedError("GET /me", "too many", retry_after=1.5, seconds=2)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] # it has no such data
