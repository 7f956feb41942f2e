"""The demo as its user meets it: a program with programs of its own."""

from __future__ import annotations

import asyncio
import inspect
import os
import pty
import re
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from duologue._demo import bot
from duologue.transport.sandbox import Control
from tests.servers import valkey_program

SECONDS = 120
ESCAPE = "\x1b"
SERVING = "end them with Ctrl+C"

# A program that starts the demo and then only waits.
PARENT = """
import subprocess, sys
subprocess.call([sys.executable, "-m", "duologue", "demo", *sys.argv[1:]])
"""


@contextmanager
def _process(
    *arguments: str,
    program: Sequence[str] = ("-m", "duologue", "demo"),
    environment: Mapping[str, str] | None = None,
    stdout: int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[str]]:
    """Start it; whatever happens in the block, afterwards it is gone."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, *program, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield process
            process.wait(SECONDS)
        finally:
            process.kill()


def _read_until(process: subprocess.Popen[str], words: str) -> None:
    """Read lines up to the first one with these words."""
    assert process.stdout is not None
    while words not in (line := process.stdout.readline()):
        assert line, f"it ended without {words!r}"


def _run(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    with _process(*arguments, environment=environment) as process:
        output, errors = process.communicate(timeout=SECONDS)
    return process.returncode, output, errors


@contextmanager
def _on_stage(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Have the demo running, past the first words of the bot."""
    with _process(*arguments, environment=environment) as process:
        _read_until(process, "bot:")
        yield process


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in children.split()]


def _programs_of(process: subprocess.Popen[str]) -> list[int]:
    """Give descriptors of the processes that it has started."""
    return [os.pidfd_open(pid) for pid in _children(process.pid)]


def _is_running(program: int) -> bool:
    return not select.select([program], [], [], 0)[0]


def _all_end(programs: list[int]) -> bool:
    """Wait for their end; those that stay are killed, so that no test leaves them."""
    ended = [bool(select.select([program], [], [], SECONDS)[0]) for program in programs]
    for program, is_ended in zip(programs, ended, strict=True):
        if not is_ended:
            signal.pidfd_send_signal(program, signal.SIGKILL)
        os.close(program)
    return all(ended)


def _wrong_bot(folder: Path, right: str, wrong: str) -> dict[str, str]:
    """Write the demo's bot with a mistake, as the module `wrong_bot`."""
    source = inspect.getsource(bot)
    assert source.count(right) == 1
    (folder / "wrong_bot.py").write_text(source.replace(right, wrong), encoding="utf-8")
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path)}


def _with_server(path: str) -> dict[str, str]:
    return {"PATH": os.pathsep.join([path, os.environ["PATH"]])}


def test_make_plays_all_acts_and_finds_nothing_wrong() -> None:
    server = _with_server(str(Path(valkey_program()).parent))
    status, output, errors = _run(environment=server)

    assert (status, errors) == (0, ""), output
    assert "bot redraws: Счётчик: 10 [Старт]" in output
    assert "bot redraws: Нажатий: 20 / Из фона: 1 2 3 4 5 6 7 8 9 10" in output
    assert "messenger answers 503 to GET /updates" in output
    assert "bot removes the buttons of an earlier message" in output
    assert "bot: Слышу: «два»" in output
    assert "bot redraws: Кабуууум! / ██████████  100% [Старт]" in output
    assert "bot redraws: Полёт отменён / " in output
    assert "bot redraws: Анна, заказано билетов: 2" in output
    killed = "the bot is killed: kill -9\n"
    assert "bot redraws: Анна, билетов: 1 [" in output.partition(killed)[0]
    assert re.search(
        f"{killed}.*user presses .Ещё один.\n.*the bot is started again\n", output
    )
    assert re.search("bot-[12], which polls, is killed: kill -9", output)
    assert "All 26 checks passed" in output
    assert re.search(r"In a browser: http://127\.0\.0\.1:\d+/#token=\S+\n", output)
    assert re.search(r"The bot's metrics: http://127\.0\.0\.1:\d+/metrics\n", output)
    assert "FAILED" not in output
    assert ESCAPE not in output


@pytest.mark.parametrize(
    ("act", "right", "wrong", "broken"),
    [
        ("2", 'if f"job {job}" in data', "if 0", "10 background updates"),
        ("3", "Слышу: «{heard}»", "Слышу.", "all that was written is answered"),
        ("4", 'text="Кабуууум!"', 'text=""', "a bar that grows, and its end"),
        ("4", 'text="Полёт отменён"', 'text=""', "stopped half-way"),
        ("5", "metrics_port=0", 'engine="memory"', "2 presses, one while it was dead"),
    ],
    ids=["lost background updates", "another text", "no end", "no stop", "forgetful"],
)
def test_a_bot_with_a_mistake_fails(
    tmp_path: Path, act: str, right: str, wrong: str, broken: str
) -> None:
    environment = _wrong_bot(tmp_path, right, wrong)

    status, output, _ = _run(
        "--act", act, "--bot", "wrong_bot", environment=environment
    )

    assert status == 1
    assert f"FAILED {broken}" in output
    assert "checks failed" in output.splitlines()[-1]


def test_an_act_that_needs_a_server_is_left_out_without_one(tmp_path: Path) -> None:
    status, output, _ = _run("--act", "6", environment={"PATH": str(tmp_path)})

    assert status == 0
    assert "act 6 needs valkey-server or redis-server; it is left out" in output


def test_a_bot_that_ends_early_is_shown_with_what_it_wrote(tmp_path: Path) -> None:
    environment = _wrong_bot(tmp_path, "Bot()", 'Bot("wrong")')

    status, _, errors = _run("--bot", "wrong_bot", environment=environment)

    assert status == 1
    assert "the bot ended early with status 1" in errors
    assert "UnauthorizedError" in errors


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGQUIT, 143)],
)
def test_a_signal_ends_it_and_what_it_has_started(number: int, status: int) -> None:
    with _on_stage() as process:
        programs = _programs_of(process)
        process.send_signal(number)
        output, errors = process.communicate(timeout=SECONDS)

        assert len(programs) == 2
        assert _all_end(programs)
    assert process.returncode == status
    assert output.splitlines()[-1] == "ending both"
    assert errors == "\nstopped; the messenger and the bot have ended too\n"


def test_a_bot_that_does_not_want_to_end_is_ended_by_force(tmp_path: Path) -> None:
    environment = _wrong_bot(
        tmp_path,
        "    await dialog_manager.start(TimerSG.running",
        "    import signal\n"
        "    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    await dialog_manager.start(TimerSG.running",
    )

    with _on_stage("--bot", "wrong_bot", environment=environment) as process:
        programs = _programs_of(process)
        process.send_signal(signal.SIGINT)
        _read_until(process, "ending both")
        is_told_at_once = any(map(_is_running, programs))
        process.communicate(timeout=SECONDS)

        assert _all_end(programs)
    assert is_told_at_once
    assert process.returncode == 130


def test_the_end_is_told_before_anything_was_played() -> None:
    with _process() as process:
        _read_until(process, "Starting the local messenger")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=SECONDS)

    assert process.returncode == 130
    assert output.splitlines()[-1] == "ending both"


def test_whoever_quits_gets_the_cursor_back() -> None:
    ours, theirs = pty.openpty()
    with _process("--act", "1", stdout=theirs) as process:
        os.close(theirs)
        output = b""
        while b"0" not in output.partition("Счётчик: ".encode())[2]:
            output += os.read(ours, 65536)
        process.send_signal(signal.SIGQUIT)
        output += _read_all(ours)

    shown = output.decode()
    assert shown.rindex(f"{ESCAPE}[?25h") > shown.rindex(f"{ESCAPE}[?25l")


def test_its_programs_end_when_it_is_killed(tmp_path: Path) -> None:
    with _on_stage(environment={"TMPDIR": str(tmp_path)}) as process:
        programs = _programs_of(process)
        process.kill()

        assert len(programs) == 2
        assert _all_end(programs)


def test_on_a_terminal_the_kill_is_told_in_the_chat() -> None:
    ours, theirs = pty.openpty()
    with _process("--act", "5", "--no-serve", stdout=theirs) as process:
        os.close(theirs)
        output = _read_all(ours).decode()

    assert process.returncode == 0
    assert "the bot is killed: kill -9" in output
    assert "the bot is started again" in output


def test_on_a_terminal_messages_change_in_place() -> None:
    ours, theirs = pty.openpty()
    with _process("--act", "2", "--no-serve", stdout=theirs) as process:
        os.close(theirs)
        output = _read_all(ours).decode()

    assert process.returncode == 0
    assert "Нажатий: 0" in output
    assert "Нажатий: 20" in output
    assert f"{ESCAPE}[1A" in output  # the cursor goes up
    assert output.rindex(f"{ESCAPE}[?25h") > output.rindex(f"{ESCAPE}[?25l")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_terminal_both_programs_go_on_after_the_acts_until_a_signal(
    number: int,
) -> None:
    ours, theirs = pty.openpty()
    with _process("--act", "2", "--plain", stdout=theirs) as process:
        os.close(theirs)
        output = b""
        while SERVING.encode() not in output:
            output += os.read(ours, 65536)
        programs = _programs_of(process)
        address = re.search(rb"http://\S+/#", output)
        assert address is not None
        with urllib.request.urlopen(address[0].decode()) as page:  # noqa: S310 - ours
            assert page.status == 200
        process.send_signal(number)
        output += _read_all(ours)

        assert len(programs) == 2
        assert _all_end(programs)
    assert process.returncode == 0, output.decode()
    assert output.splitlines()[-1] == b"ending both"


def test_a_served_demo_names_the_metrics_of_the_bot_that_was_started_last() -> None:
    with _process("--act", "5", "--serve") as process:
        assert process.stdout is not None
        before = _address_of_metrics(process)
        after = _address_of_metrics(process)
        with urllib.request.urlopen(after) as page:  # noqa: S310 - ours
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)

    assert before != after
    assert process.returncode == 0


def _address_of_metrics(process: subprocess.Popen[str]) -> str:
    """Read lines up to the next one that names it."""
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith("The bot's metrics: "):
        assert line, "it ended early"
    return line.split()[-1]


def test_without_a_terminal_they_go_on_when_told_to() -> None:
    with _process("--act", "2", "--serve") as process:
        _read_until(process, SERVING)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)

    assert process.returncode == 0


def test_a_served_demo_says_what_to_try_and_its_bot_answers_all_else_with_it() -> None:
    with _process("--act", "2", "--serve") as process:
        assert process.stdout is not None
        _read_until(process, "try /start, /count, /echo, /rocket")
        _read_until(process, SERVING)
        invitation = process.stdout.readline()
        for text in ("привет", "/help"):
            _write(text, invitation)
            _read_until(process, "bot: Вот что я умею: / /start — таймер")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)

    assert process.returncode == 0


def test_a_served_demo_ends_when_whoever_started_it_is_killed() -> None:
    arguments = ("--act", "2", "--serve")
    with _process(*arguments, program=("-c", PARENT)) as parent:
        _read_until(parent, SERVING)
        (demo,) = _children(parent.pid)
        programs = [os.pidfd_open(pid) for pid in (demo, *_children(demo))]
        parent.kill()

        assert len(programs) == 3
        assert _all_end(programs)


def test_a_served_demo_ends_when_nobody_can_read_it_any_more() -> None:
    with _process("--act", "2", "--serve") as process:
        assert process.stdout is not None
        _read_until(process, SERVING)
        process.stdout.readline()  # the last that it writes by itself
        programs = _programs_of(process)
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()

        assert _all_end(programs)
    assert (process.returncode, errors) == (1, "")


def test_a_bot_that_dies_while_both_go_on_is_told_of(tmp_path: Path) -> None:
    environment = _wrong_bot(
        tmp_path,
        "    await dialog_manager.start(EchoSG.listening",
        "    import os\n    os._exit(3)\n"
        "    await dialog_manager.start(EchoSG.listening",
    )
    arguments = ("--act", "2", "--serve", "--bot", "wrong_bot")

    with _process(*arguments, environment=environment) as process:
        assert process.stdout is not None
        _read_until(process, SERVING)
        _write("/echo", process.stdout.readline())
        _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert "the bot ended early with status 3" in errors


def _write(text: str, invitation: str) -> None:
    """Write to the bot as a user with the page would."""
    url, _, token = (
        invitation.removeprefix("In a browser: ").strip().partition("/#token=")
    )

    async def write() -> None:
        async with Control(f"{url}/control", token) as control:
            users = await control.users()
            await control.say(users[0].user_id, text)

    asyncio.run(write())


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    with _process("--act", "2") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()

    assert (process.returncode, errors) == (1, "")


def test_an_output_without_cyrillic_letters_is_no_failure() -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}

    status, output, _ = _run("--act", "2", environment=ascii_only)

    assert status == 0
    assert "bot redraws: ???????: 20" in output


def _read_all(terminal: int) -> bytes:
    """Read a terminal until the program at its other end is gone."""
    found = b""
    try:
        while part := os.read(terminal, 65536):
            found += part
    except OSError:  # so Linux says that nobody is there any more
        pass
    finally:
        os.close(terminal)
    return found
