"""A deploy that overlaps: two programs of a bot at one port."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path

import pytest

from duologue import Dispatcher, Webhook
from duologue.dialogs import MessageCreated
from duologue.errors import AddressInUseError, RuntimeSettingError
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, Sandbox, Say
from tests.webhooks.conftest import has_webhook


def program(heard: list[str], folder: Path) -> Webhook:
    """A program that notes what it hears, and takes the time that it is told to."""
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def note(message: MessageCreated) -> None:
        heard.append(message.text)
        if message.text.startswith("wait"):
            await asyncio.sleep(float(message.text.split()[1]))
        await message.answer(f"heard {message.text}")

    return Webhook(dispatcher, engine="memory", state_dir=folder)


async def is_brought_to(programs: int, caplog: pytest.LogCaptureFixture) -> None:
    """Wait until so many programs have set their webhook."""
    while caplog.text.count("are brought to") < programs:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.1)


async def test_a_new_program_takes_over_the_port_of_one_that_ends(  # noqa: PLR0917  # fixtures
    sandbox: Sandbox,
    control: Control,
    bot: Bot,
    tmp_path: Path,
    unused_tcp_port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "duologue")
    url = f"http://127.0.0.1:{unused_tcp_port}/max"
    people = [await control.add_user(f"user {n}") for n in range(9)]
    old_heard: list[str] = []
    new_heard: list[str] = []
    other = Bot(sandbox.token, base_url=sandbox.url)
    old, new = (
        program(old_heard, tmp_path / "old"),
        program(new_heard, tmp_path / "new"),
    )

    async with asyncio.TaskGroup() as group:
        ending = group.create_task(
            old.start(bot, url=url, port=unused_tcp_port, reuse_port=True)
        )
        await is_brought_to(1, caplog)
        await control.say(people[0], "wait 5")
        await control.wait_for(lambda entry: entry.text == "wait 5")
        await asyncio.sleep(1)
        begun = group.create_task(
            new.start(other, url=url, port=unused_tcp_port, reuse_port=True)
        )
        await is_brought_to(2, caplog)
        ending.cancel()
        await asyncio.sleep(0.5)
        # All at once, so that each takes a connection of its own.
        await control.act(*(Say(person, "hello") for person in people[1:]))
        await control.wait_for(lambda entry: entry.text == "heard wait 5")
        begun.cancel()

    assert old_heard == ["wait 5"]
    assert new_heard == ["hello"] * 8
    assert {one.attempts for one in await control.deliveries()} == {(200,)}


async def test_one_that_does_not_share_its_port_keeps_others_out(
    sandbox: Sandbox, control: Control, bot: Bot, tmp_path: Path, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/max"
    other = Bot(sandbox.token, base_url=sandbox.url)

    async with asyncio.TaskGroup() as group:
        alone = program([], tmp_path / "a").start(bot, url=url, port=unused_tcp_port)
        task = group.create_task(alone)
        await has_webhook(control)
        with pytest.raises(AddressInUseError):
            await program([], tmp_path / "b").start(
                other, url=url, port=unused_tcp_port, reuse_port=True
            )
        task.cancel()


async def test_a_system_that_shares_no_ports_is_told_so(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)

    with pytest.raises(RuntimeSettingError, match="reuse_port"):
        await program([], tmp_path).start(
            bot, url="https://bot.example/max", reuse_port=True
        )
