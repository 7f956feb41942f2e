"""A bot that does not start, or that ends: the token and the address."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from asyncio.subprocess import Process

import pytest

from duologue.errors import BotSettingError, TokenMissingError
from duologue.transport.max import Bot
from duologue.transport.sandbox import FaultKind, Sandbox
from tests.conftest import LONG_END
from tests.newcomers.conftest import Folder

pytestmark = pytest.mark.real_time

# Root without the right to pass over the rights of others.
AS_A_GUEST = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if os.geteuid() == 0
    else ()
)
BOT = """
from duologue import Dispatcher, LongPolling
from duologue.transport.max import Bot

dispatcher = Dispatcher()

@dispatcher.message()
async def echo(message):
    pass

LongPolling(dispatcher).run(Bot())
"""
SHAPE_OF_TELEGRAM = "123456789:AAE-abcdefghijklmnopqrstuvwxyz012345"


async def _says(process: Process, words: str) -> str:
    """Read the errors of a program up to a line with these words."""
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(60):
        while words not in said:
            line = (await process.stderr.readline()).decode()
            assert line, f"it never said {words!r}, but:\n{said}"
            said += line
    return said


async def test_without_a_token_a_bot_says_where_to_get_one(folder: Folder) -> None:
    folder.write("bot.py", BOT)

    ended = await folder.run("bot.py")

    assert ended.status == 1
    assert "TokenMissingError: the bot has no token" in ended.last_line
    assert "DUOLOGUE_MAX_TOKEN" in ended.last_line
    assert "business.max.ru" in ended.last_line
    assert "duologue sandbox" in ended.last_line
    assert "KeyError" not in ended.errors


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Bearer ", "", "bare token"),
        ('"', '"', "quotation mark"),
        ("", "\n", "line break"),
        (" ", "", "a space"),
    ],
    ids=["bearer", "quotes", "line break", "space"],
)
def test_a_token_with_something_around_it_says_what_to_leave_out(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str, told: str
) -> None:
    monkeypatch.setenv("DUOLOGUE_MAX_TOKEN", f"{before}s3cret{after}")

    with pytest.raises(BotSettingError, match=told) as caught:
        Bot()

    assert "the environment variable DUOLOGUE_MAX_TOKEN" in str(caught.value)
    assert caught.value.variable == "DUOLOGUE_MAX_TOKEN"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("wrong", "kind"), [(12345, "int"), (b"s3cret", "bytes")])
def test_a_token_that_is_no_text_is_refused_and_not_shown(
    wrong: str, kind: str
) -> None:
    with pytest.raises(BotSettingError, match=f"it is a {kind} and not a str") as it:
        Bot(wrong)

    assert str(wrong) not in str(it.value)


def test_an_empty_token_is_not_taken_for_a_missing_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUOLOGUE_MAX_TOKEN", "")

    with pytest.raises(BotSettingError, match=r"DUOLOGUE_MAX_TOKEN.*it is empty"):
        Bot()


def test_a_token_of_telegram_is_recognised_and_not_shown() -> None:
    with pytest.raises(BotSettingError, match=r"one of Telegram.* a bot on MAX") as it:
        Bot(SHAPE_OF_TELEGRAM)

    assert SHAPE_OF_TELEGRAM not in str(it.value)
    assert it.value.variable is None


def test_a_token_that_is_given_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUOLOGUE_MAX_TOKEN", "two words")

    Bot("mine")

    monkeypatch.delenv("DUOLOGUE_MAX_TOKEN")
    with pytest.raises(TokenMissingError):
        Bot(None)


async def test_a_wrong_token_is_told_with_the_address_and_never_shown(
    folder: Folder,
) -> None:
    folder.write("bot.py", BOT)
    async with Sandbox() as sandbox:
        ended = await folder.run(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=sandbox.url
        )

    assert ended.status == 1
    assert "UnauthorizedError: GET /me failed: HTTP 401" in ended.last_line
    assert f"the bot at {sandbox.url}" in ended.last_line
    assert "token from DUOLOGUE_MAX_TOKEN" in ended.last_line
    assert "check the token" in ended.last_line
    assert "runtime.py" not in ended.errors


async def test_a_bot_without_a_log_says_in_one_line_that_it_works(
    folder: Folder,
) -> None:
    folder.write("bot.py", BOT)
    async with Sandbox(token=folder.secret) as sandbox:
        bot = await folder.start(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=sandbox.url
        )
        said = await _says(bot, "polling as max.")
        bot.terminate()
        ended = await folder.ended(bot, said)

    assert (ended.status, ended.output) == (0, "")
    begun, *rest = ended.errors.splitlines()
    (state,) = (folder.path / ".duologue").glob("max-777001-*.db")
    assert begun == (
        f"polling as max.777001 at {sandbox.url}, "
        f"state in .duologue/{state.name}; Ctrl+C ends it"
    )
    assert not rest or rest == [LONG_END]


async def test_a_bot_in_memory_says_so_in_that_line(folder: Folder) -> None:
    folder.write("bot.py", BOT)
    async with Sandbox(token=folder.secret) as sandbox:
        bot = await folder.start(
            "bot.py",
            DUOLOGUE_MAX_TOKEN=folder.secret,
            DUOLOGUE_MAX_URL=sandbox.url,
            DUOLOGUE_ENGINE="memory",
        )
        said = await _says(bot, "polling as max.")
        bot.terminate()
        await folder.ended(bot, said)

    assert said.endswith(
        f"{sandbox.url}, state in memory, so a slow handler makes every user wait; "
        "Ctrl+C ends it\n"
    )


async def test_a_wrong_engine_in_the_environment_is_told_in_one_line(
    folder: Folder,
) -> None:
    folder.write("bot.py", BOT)

    ended = await folder.run(
        "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_ENGINE="typo"
    )

    assert ended.status == 1
    assert "no 'typo' engine, which DUOLOGUE_ENGINE names" in ended.last_line


async def test_a_bot_with_a_log_says_nothing_beside_it(folder: Folder) -> None:
    folder.write("bot.py", f"import logging; logging.basicConfig(level='INFO')\n{BOT}")
    async with Sandbox(token=folder.secret) as sandbox:
        bot = await folder.start(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=sandbox.url
        )
        said = await _says(bot, "polling as max.")
        bot.terminate()
        ended = await folder.ended(bot, said)

    assert ended.status == 0
    assert ended.errors.count("polling as max.") == 1
    assert "Ctrl+C" not in ended.errors


@pytest.mark.parametrize("closing", ["sys.stderr.close()", "sys.stderr = None"])
async def test_a_bot_that_nobody_can_hear_works_all_the_same(
    folder: Folder, closing: str
) -> None:
    warning = 'logging.getLogger("app").warning("said to nobody")'
    talking = BOT.replace("pass", f'{warning}; print("heard", flush=True)')
    folder.write("bot.py", f"import logging, sys; {closing}\n{talking}")
    async with Sandbox(token=folder.secret) as sandbox:
        control = sandbox.control()
        bot = await folder.start(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=sandbox.url
        )
        await control.say(await control.add_user("Ann"), "hi")
        assert bot.stdout is not None
        async with asyncio.timeout(60):
            heard = await bot.stdout.readline()
        bot.terminate()
        ended = await folder.ended(bot)

    assert heard == b"heard\n"
    assert (ended.status, ended.errors) == (0, "")


async def test_a_token_that_is_revoked_while_the_bot_runs_ends_it_with_its_name(
    folder: Folder,
) -> None:
    folder.write("bot.py", f"import logging; logging.basicConfig(level='INFO')\n{BOT}")
    async with Sandbox(token=folder.secret) as sandbox:
        bot = await folder.start(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=sandbox.url
        )
        said = await _says(bot, "polling as max.")
        await sandbox.control().fault(
            FaultKind.STATUS, status=401, code="verify.token", path="/updates"
        )
        await sandbox.control().say(await sandbox.control().add_user("Ann"), "hi")
        ended = await folder.ended(bot, said)

    assert ended.status == 1
    assert "UnauthorizedError: GET /updates failed: HTTP 401" in ended.last_line
    assert "(max." in ended.last_line
    assert f"at {sandbox.url}" in ended.last_line
    assert "runtime.py" not in ended.errors


@pytest.mark.parametrize("given", ["localhost:8080", "platform-api2.max.ru", "s3cret"])
def test_an_address_without_a_scheme_is_told_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("DUOLOGUE_MAX_URL", given)

    with pytest.raises(BotSettingError, match="begin with http:// or https://") as it:
        Bot("token")

    assert "the environment variable DUOLOGUE_MAX_URL" in str(it.value)
    assert "s3cret" not in str(it.value)


async def test_https_to_a_local_messenger_is_told_to_be_http(folder: Folder) -> None:
    folder.write("bot.py", BOT)
    async with Sandbox() as sandbox:
        url = sandbox.url.replace("http://", "https://")
        bot = await folder.start(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=url
        )
        said = await _says(bot, "trying again until it answers")
        bot.terminate()
        ended = await folder.ended(bot, said)

    assert "write http://" in said
    assert "address from DUOLOGUE_MAX_URL" in said
    assert ended.status == 0


async def test_an_address_with_a_wrong_path_is_told_as_no_api(folder: Folder) -> None:
    folder.write("bot.py", BOT)
    async with Sandbox(token=folder.secret) as sandbox:
        ended = await folder.run(
            "bot.py",
            DUOLOGUE_MAX_TOKEN=folder.secret,
            DUOLOGUE_MAX_URL=f"{sandbox.url}/bot",
        )

    assert ended.status == 1
    assert "UnexpectedAnswerError: GET /me failed: HTTP 404" in ended.last_line
    assert f"{sandbox.url}/bot" in ended.last_line
    assert "address from DUOLOGUE_MAX_URL" in ended.last_line


async def test_an_address_where_nobody_listens_is_named_and_tried_until_it_answers(
    folder: Folder,
) -> None:
    folder.write("bot.py", BOT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    bot = await folder.start(
        "bot.py",
        DUOLOGUE_MAX_TOKEN=folder.secret,
        DUOLOGUE_MAX_URL=f"http://127.0.0.1:{port}",
    )

    said = await _says(bot, "trying again until it answers")
    async with Sandbox(token=folder.secret, port=port):
        said += await _says(bot, "answers now")
        bot.terminate()
        ended = await folder.ended(bot, said)

    assert f"nothing listens at 127.0.0.1:{port}" in said
    assert said.count("trying again") == 1
    assert ended.status == 0


async def test_a_folder_that_cannot_be_written_names_the_setting(
    folder: Folder,
) -> None:
    folder.write("bot.py", BOT)
    folder.write("state", "a file in the place of the folder")
    async with Sandbox(token=folder.secret) as sandbox:
        ended = await folder.run(
            "bot.py",
            DUOLOGUE_MAX_TOKEN=folder.secret,
            DUOLOGUE_MAX_URL=sandbox.url,
            DUOLOGUE_STATE_DIR=str(folder.path / "state"),
        )

    assert ended.status == 1
    assert "StateFolderError" in ended.last_line
    assert "DUOLOGUE_STATE_DIR" in ended.last_line


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None,
    reason="root may write everywhere, and setpriv is not there",
)
async def test_in_a_folder_without_rights_the_setting_is_named(folder: Folder) -> None:
    folder.write("bot.py", BOT)
    folder.path.chmod(0o555)
    async with Sandbox(token=folder.secret) as sandbox:
        bot = await folder.start(
            "bot.py",
            through=AS_A_GUEST,
            DUOLOGUE_MAX_TOKEN=folder.secret,
            DUOLOGUE_MAX_URL=sandbox.url,
        )
        ended = await folder.ended(bot)
    folder.path.chmod(0o755)

    assert ended.status == 1
    assert "StateFolderError: the state cannot be kept in .duologue/" in ended.last_line
    assert "choose another one with state_dir=, DUOLOGUE_STATE_DIR" in ended.last_line


async def test_a_bot_says_at_the_start_which_updates_it_does_not_ask_for(
    folder: Folder,
) -> None:
    folder.write("bot.py", f"import logging; logging.basicConfig(level='INFO')\n{BOT}")
    async with Sandbox(token=folder.secret) as sandbox:
        bot = await folder.start(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=sandbox.url
        )
        said = await _says(bot, "not asked for")
        bot.terminate()
        await folder.ended(bot, said)

    (line,) = (one for one in said.splitlines() if "not asked for" in one)
    assert "since no handler takes them: bot_added, bot_" in line
    assert " message," not in line


async def test_a_bot_without_handlers_says_so_when_it_starts(folder: Folder) -> None:
    folder.write("bot.py", BOT.replace("@dispatcher.message()", ""))
    async with Sandbox(token=folder.secret) as sandbox:
        bot = await folder.start(
            "bot.py", DUOLOGUE_MAX_TOKEN=folder.secret, DUOLOGUE_MAX_URL=sandbox.url
        )
        said = await _says(bot, "no handler is registered")
        bot.terminate()
        ended = await folder.ended(bot, said)

    assert "dispatcher.include_router(...)" in said
    assert ended.status == 0
