"""Programs that are told to stop or killed, and the ones started after them."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest

from duologue.transport.sandbox import Control, LogEntry, NoMarker, Sandbox, Say
from tests.processes.conftest import Bench, Gate, Program

pytestmark = pytest.mark.real_time

ENDINGS = [signal.SIGTERM, signal.SIGKILL]
USERS = 10
HELD = "hold-150"
TEXTS = [HELD if number == 150 else f"m{number}" for number in range(300)]


async def _shows(control: Control, chat_id: int, last: str) -> str:
    """Wait until the newest text on a screen is the last one, and give the screen."""

    def is_it(entry: LogEntry) -> bool:
        return (
            entry.kind in {"message", "edit"}
            and entry.chat_id == chat_id
            and (entry.text or "").split()[-1:] == [last]
        )

    return (await control.wait_for(is_it, timeout=60)).text or ""


async def _queue(control: Control) -> list[str]:
    return [update.text or "" for update in (await control.position()).queued]


async def _stop(program: Program) -> int:
    program.signal(signal.SIGTERM)
    return await program.ended()


async def _meet(bench: Bench, sandbox: Sandbox, user: int) -> None:
    """Run a program once, so that it knows a marker."""
    program = await bench.start(sandbox.url, sandbox.token)
    outcome = await sandbox.control().say(user, "hello")
    assert outcome.chat_id is not None
    await _shows(sandbox.control(), outcome.chat_id, "hello")
    assert await _stop(program) == 0


def _of_user(texts: Sequence[str], index: int) -> list[str]:
    return [text for text in texts if TEXTS.index(text) % USERS == index]


@pytest.mark.parametrize("no_marker", NoMarker)
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
async def test_a_restart_handles_every_update_and_acknowledged_none_unhandled(
    bench: Bench, gate: Gate, ending: signal.Signals, no_marker: NoMarker
) -> None:
    async with Sandbox(no_marker=no_marker, limits=False) as sandbox:
        control = sandbox.control()
        users = [await control.add_user(f"User {n}") for n in range(USERS)]
        await _meet(bench, sandbox, users[0])
        said = await control.act(
            *(Say(users[n % USERS], text) for n, text in enumerate(TEXTS))
        )

        ended = await bench.start(sandbox.url, sandbox.token, drain=0.1)
        await gate.arrival()
        ended.signal(ending)
        code = await ended.ended()
        handled = set(bench.journal)
        waiting = await _queue(control)

        assert code == (0 if ending is signal.SIGTERM else -ending)
        assert HELD in waiting
        assert HELD not in handled
        assert len(set(TEXTS) - handled) > 100
        assert set(TEXTS) - set(waiting) <= handled
        # An orderly stop tells the next run what was finished; a kill cannot.
        is_orderly = ending is signal.SIGTERM
        again = [text for text in waiting if not (is_orderly and text in handled)]

        restarted = await bench.start(sandbox.url, sandbox.token)
        await gate.arrival()
        gate.let_through()
        screens = [
            await _shows(control, said[n].chat_id or 0, TEXTS[n - USERS])
            for n in range(USERS)
        ]

        assert await _stop(restarted) == 0
        assert set(TEXTS) <= set(bench.journal)
        assert await _queue(control) == []
        assert [screen.split() for screen in screens] == [
            _of_user(again, index) for index in range(USERS)
        ]


@pytest.mark.parametrize("no_marker", NoMarker)
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
async def test_the_very_first_batch_survives_the_end_of_the_program(
    bench: Bench, gate: Gate, ending: signal.Signals, no_marker: NoMarker
) -> None:
    async with Sandbox(no_marker=no_marker, limits=False) as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        first = await control.say(ann, "hold-first")

        ended = await bench.start(sandbox.url, sandbox.token, drain=0.1)
        await gate.arrival()
        ended.signal(ending)
        await ended.ended()
        waiting = await _queue(control)
        await control.say(ann, "second")
        restarted = await bench.start(sandbox.url, sandbox.token)
        await gate.arrival()
        gate.let_through()
        screen = await _shows(control, first.chat_id or 0, "second")

        assert waiting == ["hold-first"]
        assert screen == "hold-first second"
        assert await _stop(restarted) == 0
        assert bench.journal == ["hold-first", "second"]
        assert await _queue(control) == []


async def test_an_update_cut_off_in_its_turn_is_handled_again_and_counts_once(
    bench: Bench, gate: Gate
) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        await _meet(bench, sandbox, ann)
        said = await control.say(ann, "hold-it")

        killed = await bench.start(sandbox.url, sandbox.token)
        await gate.arrival()
        killed.signal(signal.SIGKILL)
        await killed.ended()
        handled = bench.journal
        restarted = await bench.start(sandbox.url, sandbox.token)
        await gate.arrival()
        gate.let_through()
        screen = await _shows(control, said.chat_id or 0, "hold-it")

        assert handled == ["hello"]
        assert screen == "hold-it"
        assert await _stop(restarted) == 0
        assert bench.journal == ["hello", "hold-it"]
        assert await _queue(control) == []
