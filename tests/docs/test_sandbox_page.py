"""The programs of docs/sandbox.md, run as they stand there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from pathlib import Path

import aiohttp
import pytest

from duologue.transport.sandbox import Control, LogEntry, Sandbox
from tests.docs.conftest import running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGE = (ROOT / "docs/sandbox.md").read_text("utf-8")
PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)

Ask = Callable[[Control, int, str], Coroutine[object, object, LogEntry]]

pytestmark = pytest.mark.real_time


def _saved(file: Path, text: str) -> Path:
    file.write_text(text, "utf-8")
    return file


def test_the_page_has_the_programs_that_are_played_here() -> None:
    assert len(PROGRAM.findall(PAGE)) == 3


async def test_the_program_that_plays_a_user_meets_the_first_bot(
    tmp_path: Path,
) -> None:
    bot = _saved(tmp_path / "bot.py", PROGRAM.findall(README)[0])
    user = _saved(tmp_path / "user.py", PROGRAM.findall(PAGE)[1])

    async with Sandbox() as sandbox:
        control = (sandbox.control_url, sandbox.control_token)
        async with (
            running(tmp_path, bot.name, sandbox=sandbox),
            running(tmp_path, user.name, *control) as program,
        ):
            output, errors = await program.communicate()

    assert (program.returncode, errors.decode()) == (0, "")
    assert re.fullmatch(
        r"user \d+ in chat \d+ sees: You pressed 0 times\.\n"
        r"and after a press: You pressed 1 times\.\n",
        output.decode(),
    )


async def test_who_asks_waits_for_the_answer_behind_the_question() -> None:
    names: dict[str, Ask] = {}
    exec(PROGRAM.findall(PAGE)[2], names)  # noqa: S102 - our own page

    async with Sandbox() as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        chat = {"chat_id": str((await control.say(ann, "first")).chat_id)}
        headers = {"Authorization": sandbox.token}
        async with aiohttp.ClientSession(sandbox.url, headers=headers) as bot:
            await bot.post("/messages", params=chat, json={"text": "old"})
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(names["ask"](control, ann, "again"))
                await control.wait_for(lambda entry: entry.text == "again")
                await bot.post("/messages", params=chat, json={"text": "new"})

    assert asking.result().text == "new"


async def test_the_first_program_is_a_user_of_a_bot_that_answers(
    tmp_path: Path,
) -> None:
    user = _saved(tmp_path / "user.py", PROGRAM.findall(PAGE)[0])

    async with running(tmp_path, "-u", user.name) as program:
        assert program.stdout is not None
        url, token = (await program.stdout.readline()).decode().split()
        button = {"type": "callback", "text": "Yes", "payload": "yes"}
        keyboard = {"type": "inline_keyboard", "payload": {"buttons": [[button]]}}
        body = {"text": "Really?", "attachments": [keyboard]}
        headers = {"Authorization": token}
        async with aiohttp.ClientSession(url, headers=headers) as bot:
            async with bot.get("/updates") as response:
                update = (await response.json())["updates"][0]
            chat = {"chat_id": update["message"]["recipient"]["chat_id"]}
            await bot.post("/messages", params=chat, json=body)
        _, errors = await program.communicate()

    assert (program.returncode, errors.decode()) == (0, "")
