"""The examples and the code of README.md, run as the programs that they are."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duologue.transport.sandbox import Control, LogEntry, Sandbox
from tests.conftest import LONG_END
from tests.docs.conftest import known_chat, running

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL
)

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def _sandbox(
    *, limits: bool = True
) -> AsyncIterator[tuple[Sandbox, Control, int]]:
    async with Sandbox(limits=limits) as sandbox:
        control = sandbox.control()
        yield sandbox, control, await control.add_user("Ann")


async def _stop(process: asyncio.subprocess.Process, sandbox: Sandbox) -> None:
    """End a bot as Ctrl+C does, and see that it said how and then ended well."""
    process.terminate()
    _, errors = await process.communicate()
    begun, *rest = errors.decode().splitlines()
    assert process.returncode == 0
    assert re.fullmatch(
        re.escape(f"polling as max.777001 at {sandbox.url}")
        + r", state in \.duologue/max-777001-\w{8}\.db; Ctrl\+C ends it",
        begun,
    )
    assert not rest or rest == [LONG_END]


async def _interrupt(
    process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGINT
) -> None:
    """End a program by a signal, and see that it ends well."""
    process.send_signal(number)
    _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")


async def _read(process: asyncio.subprocess.Process, *, until: str) -> list[str]:
    """The lines that a program writes up to one of them."""
    lines: list[str] = []
    while until not in lines:
        lines.append(await _line(process))
    return lines


async def _line(process: asyncio.subprocess.Process) -> str:
    """The next line that a program writes."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "the program ended early"
    return line.decode().rstrip()


async def _shown(control: Control, text: str) -> str:
    """Wait for a view and give the id of its message."""
    entry = await control.wait_for(
        lambda entry: entry.kind in {"message", "edit"} and entry.text == text,
        timeout=60,
    )
    assert entry.message_id is not None
    return entry.message_id


async def test_the_timer_counts_to_ten_in_one_message(tmp_path: Path) -> None:
    async with (
        _sandbox() as (sandbox, control, ann),
        running(tmp_path, str(ROOT / "examples/timer.py"), sandbox=sandbox) as process,
    ):
        await control.say(ann, "/start")
        first = await _shown(control, "Счётчик: 0")
        await control.click(ann, first, text="Старт")
        last = await _shown(control, "Счётчик: 10")
        await _stop(process, sandbox)

    assert first == last


async def test_the_timer_that_is_pressed_again_counts_anew_and_once(
    tmp_path: Path,
) -> None:
    async with (
        _sandbox() as (sandbox, control, ann),
        running(tmp_path, str(ROOT / "examples/timer.py"), sandbox=sandbox) as process,
    ):
        await control.say(ann, "/start")
        message = await _shown(control, "Счётчик: 0")
        await control.click(ann, message, text="Старт")
        await _shown(control, "Счётчик: 2")
        await control.click(ann, message, text="Старт")
        await _shown(control, "Счётчик: 10")
        views = [e.text for e in await control.log() if e.kind in {"message", "edit"}]
        await control.click(ann, message, text="Старт")
        await control.say(ann, "/start")  # closes the dialog that the task works for
        await _stop(process, sandbox)

    *_, began = (at for at, text in enumerate(views) if text == "Счётчик: 0")
    assert began > 0
    assert views[began:] == [f"Счётчик: {count}" for count in range(11)]


SIGNALS = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name
)


@SIGNALS
async def test_the_embedding_program_reports_each_step_until_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with (
        _sandbox() as (sandbox, control, ann),
        running(
            tmp_path, str(ROOT / "examples/embed_async.py"), sandbox=sandbox
        ) as process,
    ):
        await control.say(ann, "/start")
        output = await _read(process, until="the customer knows: delivered")
        await _interrupt(process, number)
        views = [e.text for e in await control.log() if e.kind in {"message", "edit"}]

    assert output == [
        "the customer knows: accepted",
        "the customer knows: packed",
        "the customer knows: delivered",
    ]
    assert views == [
        "Your order: received",
        "Your order: accepted",
        "Your order: packed",
        "Your order: delivered",
    ]


@SIGNALS
async def test_the_threads_of_a_program_report_to_their_chats_until_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    example = str(ROOT / "examples/embed_threaded.py")
    async with (
        _sandbox() as (sandbox, control, ann),
        running(tmp_path, example, sandbox=sandbox) as process,
    ):
        bob = await control.add_user("Bob")
        chats = [(await control.say(user, "/start")).chat_id for user in (ann, bob)]
        served = 0  # two threads print: both words may stand in one line
        while served < 2:
            served += (await _line(process)).count("served")
        await _interrupt(process, number)
        log = await control.log()
        views = {
            chat: [
                entry.text
                for entry in log
                if entry.kind in {"message", "edit"} and entry.chat_id == chat
            ]
            for chat in chats
        }

    assert served == 2
    assert len(views) == 2
    for seen in views.values():
        assert seen == [
            "ordered after 0 minutes",
            "chopping after 5 minutes",
            "frying after 10 minutes",
            "ready after 15 minutes",
            "served after 15 minutes",
        ]


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("bot.py", "You pressed 0 times."),
        ("examples/bakery.py", "The bakery is open."),
        ("examples/embed_async.py", "Your order: received"),
        ("examples/embed_threaded.py", "ordered after 0 minutes"),
        ("examples/reminder.py", "I remind you of what you like."),
        ("examples/rocket.py", "Время полета\nК полету готов"),  # noqa: RUF001  # Russian
        ("examples/timer.py", "Счётчик: 0"),
        ("duologue/_demo/bot.py", "Счётчик: 0"),
    ],
)
async def test_the_press_on_start_opens_each_program(
    tmp_path: Path, program: str, shown: str
) -> None:
    path = ROOT / program
    if not path.exists():
        path = tmp_path / program
        path.write_text(BLOCKS[0], "utf-8")

    async with (
        _sandbox() as (sandbox, control, ann),
        running(tmp_path, str(path), sandbox=sandbox),
    ):
        await control.start(ann)
        assert await _shown(control, shown)


async def test_the_first_bot_of_the_readme_counts_presses(tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(BLOCKS[0], "utf-8")

    async with (
        _sandbox() as (sandbox, control, ann),
        running(tmp_path, "bot.py", sandbox=sandbox) as process,
    ):
        await control.say(ann, "/start")
        message = await _shown(control, "You pressed 0 times.")
        await control.click(ann, message, text="Press")
        await control.click(ann, message, text="Press")
        last = await _shown(control, "You pressed 2 times.")
        await _stop(process, sandbox)

    assert last == message


async def test_the_program_of_the_readme_changes_a_dialog_from_outside(
    tmp_path: Path,
) -> None:
    (tmp_path / "bot.py").write_text(BLOCKS[0], "utf-8")
    (tmp_path / "app.py").write_text(BLOCKS[1], "utf-8")

    # The polls of `known_chat` are not the program's, and come in the same second.
    async with _sandbox(limits=False) as (sandbox, control, ann):
        chat = await known_chat(sandbox, ann)
        command = ("app.py", str(chat), str(ann))
        async with running(tmp_path, *command, sandbox=sandbox) as process:
            output, errors = await process.communicate()
        shown = [message.text for message in await control.messages(chat)]

    assert (process.returncode, errors.decode()) == (0, "")
    assert output.decode() == "stored and shown\n"
    assert shown == ["You pressed 100 times."]


def test_every_block_of_the_readme_is_played_here() -> None:
    assert len(BLOCKS) == 2


async def test_the_bakery_bakes_counts_and_answers(tmp_path: Path) -> None:
    async with (
        _sandbox() as (sandbox, control, ann),
        running(tmp_path, str(ROOT / "examples/bakery.py"), sandbox=sandbox) as process,
    ):
        await control.say(ann, "/start")
        menu = await _shown(control, "The bakery is open.")
        await control.click(ann, menu, text="Count the shelves")
        await _edited(control, "%", minimum=10)
        await control.click(ann, menu, text="Order a cake")
        await _shown(control, "Your name?")
        await control.say(ann, "4nn")
        await _shown(control, "Letters only, please.")
        await control.say(ann, "Ann")
        cakes = await _shown(control, "Which cake, Ann?")
        await control.click(ann, cakes, text="Cheesecake")
        await _shown(control, "That one is sold out, pick another.")
        await control.click(ann, cakes, text="Poppy cake")
        candles = await _shown(control, "How many candles?")
        await control.click(ann, candles, text="+")
        await control.click(ann, candles, text="That's it")
        # Of edits that wait for the limits only the newest is seen.
        begun = "Poppy cake for Ann\nwith 1 candles\nready in "
        await control.wait_for(
            lambda entry: (entry.text or "").startswith(begun), timeout=60
        )
        await control.say(ann, "/hours")
        await _shown(control, "Open from 8 to 18")
        await _shown(control, "Here you are!")
        await _stop(process, sandbox)
        # On a busy machine it may come after the deadline of the press, as a message.
        said = [entry.text or "" for entry in await control.log()]

    assert any("a good choice" in text for text in said)


async def _edited(
    control: Control, words: str, *, after: int = 0, minimum: int = 0
) -> LogEntry:
    """Wait for an edit with some words, and a bar that has come so far."""
    return await control.wait_for(
        lambda entry: (
            entry.seq > after
            and entry.kind == "edit"
            and words in (entry.text or "")
            and _percent(entry) >= minimum
        ),
        timeout=60,
    )


def _percent(entry: LogEntry) -> int:
    return int((re.findall(r"(\d+)%", entry.text or "") or ["0"])[0])
