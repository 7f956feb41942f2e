"""What Pykka logs of its actors is logged of ours, under Pykka's name."""

from __future__ import annotations

import logging

import pykka
import pytest
from pykka.debug import log_thread_tracebacks

from duologue.actors import AsyncActor

pytestmark = pytest.mark.usefixtures("everyone_stops")


class Talker(AsyncActor):
    """Fails as it is told to."""

    def on_receive(self, message: object) -> object:
        if isinstance(message, BaseException):
            raise message
        return super().on_receive(message)


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "pykka" and record.levelno == level
    ]


def test_the_life_of_an_actor_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "pykka"):
        ref = Talker.start()
        ref.stop()

    assert lines(caplog, logging.DEBUG) == [
        f"Registered {ref}",
        f"Starting {ref}",
        f"Unregistered {ref}",
        f"Stopped {ref}",
    ]


def test_an_error_that_a_caller_gets_is_logged_as_information(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "pykka"):
        ref = Talker.start()
        with pytest.raises(LookupError):
            ref.ask(LookupError("lost"))

    assert lines(caplog, logging.INFO) == [f"Exception returned from {ref} to caller:"]
    assert "LookupError: lost" in caplog.text


def test_an_error_that_nobody_gets_is_logged_as_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "pykka"):
        ref = Talker.start()
        ref.tell(LookupError("lost"))
        ref.actor_stopped.wait(30)

    assert lines(caplog, logging.ERROR) == [f"Unhandled exception in {ref}:"]
    assert "LookupError: lost" in caplog.text


def test_a_message_that_nobody_expects_is_logged_as_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "pykka"):
        ref = Talker.start()
        ref.ask("hello")

    assert lines(caplog, logging.WARNING) == [
        f"Unexpected message received by {ref}: hello"
    ]


def test_an_exit_is_logged_before_everyone_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "pykka"):
        ref = Talker.start()
        ref.tell(SystemExit())
        ref.actor_stopped.wait(30)
        pykka.ActorRegistry.stop_all()

    said = lines(caplog, logging.DEBUG)
    assert f"SystemExit() in {ref}. Stopping all actors." in said


def test_the_debug_helper_shows_what_the_hosting_thread_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Debugger(AsyncActor):
        def on_receive(self, message: object) -> None:
            log_thread_tracebacks(message)

    with caplog.at_level(logging.CRITICAL, "pykka"):
        Debugger.start().ask("now")

    said = lines(caplog, logging.CRITICAL)
    assert any("log_thread_tracebacks(message)" in text for text in said)
