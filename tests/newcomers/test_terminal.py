"""The terminal commands, as somebody types them for the first time."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import socket
from contextlib import suppress

import pytest

from tests.newcomers.conftest import Ended, Folder

pytestmark = pytest.mark.real_time


async def _duologue(folder: Folder, *arguments: str, **environment: str) -> Ended:
    return await folder.run("-m", "duologue", *arguments, **environment)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch"], ["'nosuch'", "demo", "sandbox"]),
        (["--nosuch"], ["--nosuch", "usage:"]),
        (["sandbox", "--port", "x"], ["--port", "a number between 0", "'x'"]),
        (["sandbox", "--port", "99999"], ["--port", "between 0 and 65535"]),
    ],
    ids=["command", "option", "no number", "no port"],
)
async def test_wrong_use_is_told_in_words_with_status_2(
    folder: Folder, arguments: list[str], told: list[str]
) -> None:
    ended = await _duologue(folder, *arguments)

    assert ended.status == 2
    assert [words for words in told if words not in ended.errors] == []
    assert "Traceback" not in ended.errors


async def test_a_port_in_use_is_named_with_what_to_do(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        ended = await _duologue(folder, "sandbox", "--port", str(port))

    assert ended.status == 2
    assert f"127.0.0.1:{port} is already in use" in ended.last_line
    assert "ss -ltnp" in ended.last_line
    assert "0 picks a free one" in ended.last_line
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize("name", ["nosuch", "bot.py", "nosuch.bot"])
async def test_a_module_that_is_not_there_is_told_without_a_traceback(
    folder: Folder, name: str
) -> None:
    ended = await _duologue(folder, "demo", "--act", "1", "--bot", name)

    assert ended.status == 1
    assert f"there is no module {name!r} here" in ended.errors
    assert "without .py" in ended.errors
    assert "Traceback" not in ended.errors


async def test_a_module_that_misses_something_itself_is_shown_with_its_traceback(
    folder: Folder,
) -> None:
    folder.write("broken.py", "import nosuch_library\n")

    ended = await _duologue(folder, "demo", "--act", "1", "--bot", "broken")

    assert ended.status == 1
    assert "No module named 'nosuch_library'" in ended.errors
    assert "there is no module" not in ended.errors


@pytest.mark.parametrize("arguments", [["--help"], ["sandbox", "--help"]])
async def test_a_reader_that_leaves_is_no_failure(
    folder: Folder, arguments: list[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        process = await folder.start(
            "-c",
            "import os, sys; os.dup2(int(sys.argv[1]), 1);"
            "sys.argv[1:2] = []; from duologue.__main__ import main; sys.exit(main())",
            str(write),
            *arguments,
            files=(write,),
        )
    finally:
        os.close(write)

    ended = await folder.ended(process)

    assert (ended.status, ended.errors) == (0, "")


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["LC_ALL=C", "ascii"],
)
async def test_what_a_terminal_cannot_show_does_not_stop_the_demo(
    folder: Folder, environment: dict[str, str]
) -> None:
    ended = await _duologue(folder, "demo", "--act", "2", "--plain", **environment)

    assert ended.status == 0, ended.errors
    assert "checks passed" in ended.output
    assert "?" in ended.output
    assert "Traceback" not in ended.errors


async def test_a_dumb_terminal_shows_the_demo_to_its_end(folder: Folder) -> None:
    master, slave = pty.openpty()
    try:
        process = await folder.start(
            "-c",
            "import os, sys; os.dup2(int(os.environ['TTY_FD']), 1);"
            "from duologue.__main__ import main; sys.exit(main())",
            "demo",
            "--act",
            "2",
            "--no-serve",
            files=(slave,),
            TERM="dumb",
            TTY_FD=str(slave),
        )
    finally:
        os.close(slave)
    shown = await asyncio.to_thread(_read_to_the_end, master)
    ended = await folder.ended(process)

    assert ended.status == 0, ended.errors
    assert "checks passed" in shown


def _read_to_the_end(terminal: int) -> str:
    shown = b""
    with suppress(OSError):  # the end of a terminal is EIO
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    return shown.decode()


@pytest.mark.parametrize("words", ["demo", "sandbox"])
async def test_ctrl_c_shows_no_traceback(folder: Folder, words: str) -> None:
    process = await folder.start("-m", "duologue", words)
    assert process.stdout is not None
    await process.stdout.readline()

    process.send_signal(signal.SIGINT)
    ended = await folder.ended(process)

    assert ended.status == (0 if words == "sandbox" else 130)
    assert "Traceback" not in ended.errors


async def test_each_command_has_help(folder: Folder) -> None:
    for command in ([], ["demo"], ["sandbox"]):
        ended = await _duologue(folder, *command, "--help")

        assert ended.status == 0
        assert "usage: duologue" in ended.output
        assert ended.errors == ""
