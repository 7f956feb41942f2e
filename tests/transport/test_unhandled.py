"""Updates that no handler takes, as the log tells of them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import Callback, MessageCreated
from duologue.dialogs.routing._router import UPDATE_EVENTS
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox
from tests.transport.test_max_parse import EVERY_TYPE, created

UNREADABLE: dict[str, object] = created()
del UNREADABLE["message"]


@pytest.fixture
def bot(sandbox: Sandbox) -> Bot:
    return Bot(sandbox.token, base_url=sandbox.url)


def is_other(event: Callback) -> bool:
    return event.payload == "other"


def noted(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    return [line for line in lines if "found no handler" in line]


async def test_every_kind_of_update_that_no_handler_takes_is_noted_once(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async with Runtime(Dispatcher(), [bot], polling=None) as runtime:
        for raw in [*EVERY_TYPE.values(), UNREADABLE]:
            for moment in (1, 2):
                later = {**raw, "timestamp": 1775025604499 + moment}
                await runtime.accept(bot, later)
        await runtime.settled()

    kinds = [line.split()[5] for line in noted(caplog)]
    assert sorted(kinds) == sorted(UPDATE_EVENTS)


async def test_an_update_whose_handlers_all_refuse_it_is_noted(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    dispatcher = Dispatcher()

    @dispatcher.callback_query(is_other)
    async def take(event: Callback) -> None: ...

    async with Runtime(dispatcher, [bot], polling=None) as runtime:
        await runtime.accept(bot, EVERY_TYPE[Callback])
        await runtime.settled()

    (line,) = noted(caplog)
    assert "the kind callback_query" in line


async def test_the_line_of_the_start_names_nothing_that_comes_all_the_same(
    bot: Bot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def take(event: MessageCreated) -> None: ...

    async with Runtime(dispatcher, [bot], state_dir=tmp_path):
        pass

    (line,) = [line for line in caplog.messages if "not asked for" in line]
    assert "callback_query" in line
    assert "unreadable_message" not in line
