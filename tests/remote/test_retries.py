"""What is said while something is sent again."""

from __future__ import annotations

import pytest

from duologue.errors import RemoteUnavailableError
from duologue.remote._retries import AgainError, persist


async def test_who_looks_on_is_told_once_that_a_program_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def attempt() -> None:
        raise AgainError("nobody answers")

    with pytest.raises(RemoteUnavailableError):
        await persist(attempt, place="http://bot", patience=60)
    (said,) = caplog.messages
    assert said.startswith("http://bot does not take it yet (nobody answers); it is")

    caplog.clear()
    with pytest.raises(RemoteUnavailableError):
        await persist(attempt, place="http://bot", patience=1)
    assert caplog.messages == []
