from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox import Control, Sandbox

PROGRAM = """
import argparse, sys
from duologue.transport.sandbox import _cli
parser = argparse.ArgumentParser()
_cli.add_arguments(parser)
sys.exit(_cli.main(parser.parse_args()))
"""
WANTED = "letters, digits and signs of ASCII without spaces, 4096 at most"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a sandbox keeps its port and tokens."""
    monkeypatch.setenv("DUOLOGUE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "sandbox.json"


@asynccontextmanager
async def _program(
    *options: str, token: str | None = None, browser: str | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    env = {k: v for k, v in os.environ.items() if k != "DUOLOGUE_SANDBOX_TOKEN"}
    if browser is not None:
        env["BROWSER"] = browser
    if token is not None:
        env["DUOLOGUE_SANDBOX_TOKEN"] = token
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        *options,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_a_signal_and_ends_with_0(number: int) -> None:
    async with _program("--json") as process:
        facts = json.loads(await _line(process))
        async with Control(facts["control_url"], facts["control_token"]) as control:
            await control.add_user("Ann")
        process.send_signal(number)
        _, errors = await process.communicate()

    assert process.returncode == 0
    assert errors == b""
    assert facts["control_url"] == facts["url"] + "/control"
    assert facts["page_url"] == f"{facts['url']}/#token={facts['control_token']}"
    assert len(facts["token"]) >= 32


async def test_a_signal_ends_it_while_a_poll_is_open() -> None:
    async with _program("--json") as process:
        facts = json.loads(await _line(process))
        async with (
            Control(facts["control_url"], facts["control_token"]) as control,
            asyncio.TaskGroup() as tasks,
        ):
            poll = tasks.create_task(control.log(wait=60))
            await control.position()  # sent beside the poll
            await control.position()  # sent behind it, so the poll has arrived
            process.terminate()
            await process.wait()

    assert process.returncode == 0
    assert poll.result() == []


async def test_it_prints_what_a_person_needs() -> None:
    async with _program(token="from-the-environment") as process:  # noqa: S106 - made up here
        lines = [await _line(process) for _ in range(9)]

    assert "#token=" in lines[1]
    url = lines[1].split()[-1].partition("/#token=")[0]
    assert f"  url            {url}\n" in lines
    assert (
        f"  DUOLOGUE_MAX_URL={url} DUOLOGUE_MAX_TOKEN=from-the-environment "
        "python bot.py\n"
    ) in lines
    assert "control token" in "".join(lines)
    assert "Ctrl+C" in lines[-1]


@pytest.mark.parametrize("asked", [True, False])
async def test_the_page_is_opened_only_when_asked_for(
    tmp_path: Path, *, asked: bool
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {opened}.new\nmv {opened}.new {opened}\n'
    )
    browser.chmod(0o755)

    options = ["--json", "--open"] if asked else ["--json"]
    async with _program(*options, browser=f"{browser} %s") as process:
        facts = json.loads(await _line(process))
        process.terminate()
        _, errors = await process.communicate()

    assert errors == b""
    assert opened.exists() is asked
    if asked:
        assert opened.read_text() == facts["page_url"] + "\n"


async def test_the_largest_file_is_an_option() -> None:
    async with _program("--json", "--file-limit", "1") as process:
        facts = json.loads(await _line(process))
        async with Control(facts["control_url"], facts["control_token"]) as control:
            ann = await control.add_user("Ann")
            await control.send_file(ann, "fits", bytes(1024 * 1024))
            with pytest.raises(SandboxRefusalError, match="at most 1048576 bytes"):
                await control.send_file(ann, "does not", bytes(1024 * 1024 + 1))


async def test_the_token_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")

    async with _program("--json", "--token-file", str(file)) as process:
        facts = json.loads(await _line(process))

    assert facts["token"] == "from-a-file"  # noqa: S105 - made up here


async def test_a_taken_port_is_one_line_with_advice_and_2() -> None:
    async with Sandbox() as sandbox:
        port = sandbox.url.rpartition(":")[2]
        async with _program("--port", port) as process:
            output, errors = await process.communicate()

    assert process.returncode == 2
    assert output == b""
    assert errors.decode().count("\n") == 1
    assert f"127.0.0.1:{port} is already in use; stop" in errors.decode()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "70000"], "a port is a number between 0 and 65535, not '70000'"),
        (["--port", "x"], "--port: a port is a number between 0 and 65535, not 'x'"),
        (["--profile", "ancient"], "invalid choice"),
        (["--file-limit", "0"], "the limit is 1 or more whole MiB, not '0'"),
        (["--file-limit", "x"], "the limit is 1 or more whole MiB, not 'x'"),
        (
            ["--token-file", "/nowhere/token"],
            "/nowhere/token cannot be read (No such file or directory); check --token",
        ),
        (["--token-file", "/"], "sandbox: / cannot be read (Is a directory); check"),
        (["--token-file", sys.executable], "holds no token: letters, digits and signs"),
        (["--token-file", "/dev/zero"], "/dev/zero holds no token"),
        (["--host", "203.0.113.1"], "; check --host\n"),
        (["--token-file", os.devnull], "write the token into it first"),
    ],
)
async def test_wrong_options_are_refused_with_2(options: list[str], said: str) -> None:
    async with _program(*options) as process:
        _, errors = await process.communicate()

    assert process.returncode == 2
    assert said in errors.decode()
    assert "Traceback" not in errors.decode()


@pytest.mark.parametrize(
    "token", ["two words", "two\nlines", "ключ", "x" * 5000, "\x1b[2J"]
)
async def test_what_no_bot_could_send_as_a_token_is_refused_and_not_shown(
    tmp_path: Path, token: str
) -> None:
    file = tmp_path / "token"
    file.write_text(token, "utf-8")
    said = []
    for options, variable in (["--token-file", str(file)], None), ([], token):
        async with _program(*options, token=variable) as process:
            output, errors = await process.communicate()
        said.append(errors.decode())
        assert (process.returncode, output) == (2, b"")

    assert said[0].endswith(f"{file} holds no token: {WANTED}; check --token-file\n")
    assert said[1].endswith(f"DUOLOGUE_SANDBOX_TOKEN holds no token: {WANTED}\n")
    assert token not in "".join(said)


async def test_a_token_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "token"
    os.mkfifo(pipe)

    async with _program("--json", "--token-file", str(pipe)) as process:
        await asyncio.to_thread(pipe.write_text, "through-a-pipe\n")
        facts = json.loads(await _line(process))

    assert facts["token"] == "through-a-pipe"  # noqa: S105 - made up here


async def test_options_choose_the_rules() -> None:
    options = ["--json", "--profile", "schema", "--no-marker", "last", "--no-limits"]
    answers = []
    async with _program(*options) as process:
        facts = json.loads(await _line(process))
        headers = {"Authorization": facts["token"]}
        async with Control(facts["control_url"], facts["control_token"]) as control:
            await control.inject({"number": 1})
            await control.inject({"number": 2})
            async with aiohttp.ClientSession(facts["url"], headers=headers) as bot:
                for _ in range(3):
                    async with bot.get("/updates?timeout=90") as response:
                        answers.append((await response.json())["updates"])

    assert answers == [[{"number": 2}]] * 3


def _content(file: Path) -> str:
    return file.read_text()


def _mode(file: Path) -> int:
    return file.lstat().st_mode


async def _printed(process: asyncio.subprocess.Process) -> list[str]:
    return [await _line(process) for _ in range(9)]


async def test_port_and_tokens_stay_the_same_over_restarts(state: Path) -> None:
    async with _program() as first:
        before = await _printed(first)
    async with _program() as second:
        after = await _printed(second)

    assert before == after
    assert _mode(state) == stat.S_IFREG | 0o600


async def test_what_other_programs_start_has_a_port_of_its_own(state: Path) -> None:
    async with _program() as first:
        kept = (await _printed(first))[1]
        async with _program("--json") as second:
            facts = json.loads(await _line(second))

    assert facts["page_url"] not in kept
    assert facts["token"] not in _content(state)


async def test_a_second_one_in_the_same_folder_runs_beside_the_first(
    state: Path,
) -> None:
    async with _program() as first:
        before = await _printed(first)
        kept = _content(state)
        async with _program() as second:
            beside = await _printed(second)
            second.terminate()
            _, errors = await second.communicate()

    assert before[1] != beside[1]
    assert second.returncode == 0
    assert "is already in use" in errors.decode()
    assert "keeps nothing for later" in errors.decode()
    assert _content(state) == kept


def _fifo(file: Path) -> None:
    os.mkfifo(file, 0o600)


def _open_to_others(file: Path) -> None:
    file.write_text('{"port": 1, "token": "seen", "control_token": "seen"}')
    file.chmod(0o644)


def _garbage(file: Path) -> None:
    file.write_text("[" * 3000)
    file.chmod(0o600)


def _link(file: Path) -> None:
    other = file.with_name("other")
    other.write_text('{"port": 1, "token": "seen", "control_token": "seen"}')
    other.chmod(0o600)
    file.symlink_to(other)


@pytest.mark.parametrize("put", [_fifo, _open_to_others, _garbage, _link])
async def test_a_file_that_is_not_its_own_is_not_trusted(
    state: Path, put: Callable[[Path], None]
) -> None:
    state.parent.mkdir()
    put(state)

    async with _program() as process:
        printed = "".join(await _printed(process))

    assert "seen" not in printed
    assert json.loads(_content(state))["token"] in printed
    assert _mode(state) == stat.S_IFREG | 0o600


async def test_where_nothing_can_be_kept_it_runs_all_the_same(state: Path) -> None:
    state.parent.write_text("no folder")

    async with _program() as process:
        printed = await _printed(process)
        process.terminate()
        _, errors = await process.communicate()

    assert process.returncode == 0
    assert "#token=" in printed[1]
    assert errors.decode().count("\n") == 1
    assert "Errno" not in errors.decode()
    assert f"{state} cannot be written" in errors.decode()
    assert "will be others after the next start" in errors.decode()
    assert "DUOLOGUE_STATE_DIR names another folder" in errors.decode()
