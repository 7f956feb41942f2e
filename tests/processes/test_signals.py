"""How a bot program ends, and what it does when the messenger is not there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from duologue.transport.sandbox import Control, FaultKind, LogEntry, Sandbox
from tests.processes.conftest import Bench, Gate

pytestmark = pytest.mark.real_time

SIGNALS = [signal.SIGINT, signal.SIGTERM]


async def _shows(control: Control, text: str) -> LogEntry:
    return await control.wait_for(
        lambda entry: entry.kind == "message" and entry.text == text, timeout=60
    )


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
async def test_a_signal_lets_the_turn_in_hand_finish_and_be_acknowledged(
    bench: Bench, gate: Gate, number: signal.Signals
) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        await control.say(await control.add_user("Ann"), "hold-it")

        program = await bench.start(sandbox.url, sandbox.token)
        await gate.arrival()
        program.signal(number)
        await program.says("a second signal ends the program at once")
        gate.let_through()
        code = await program.ended()

        assert code == 0
        assert bench.journal == ["hold-it"]
        assert (await control.position()).queued == ()
        await _shows(control, "hold-it")


@pytest.mark.parametrize("second", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("first", SIGNALS, ids=lambda number: number.name)
async def test_a_second_signal_ends_the_program_at_once(
    bench: Bench, gate: Gate, first: signal.Signals, second: signal.Signals
) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        await control.say(await control.add_user("Ann"), "hold-it")

        program = await bench.start(sandbox.url, sandbox.token, drain=600)
        await gate.arrival()
        program.signal(first)
        await program.says("a second signal ends the program at once")
        program.signal(second)
        code = await program.ended()

        assert code == -second
        assert bench.journal == []
        assert [update.text for update in (await control.position()).queued] == [
            "hold-it"
        ]


async def test_two_signals_end_a_program_whose_handler_blocks(
    bench: Bench, gate: Gate
) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        await control.say(await control.add_user("Ann"), "block")

        program = await bench.start(sandbox.url, sandbox.token)
        await gate.arrival()
        program.signal(signal.SIGINT)
        code = await program.insist(signal.SIGTERM)

        assert code == -signal.SIGTERM
        assert len((await control.position()).queued) == 1


async def test_a_signal_ends_a_program_that_has_nothing_to_do(bench: Bench) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        program = await bench.start(sandbox.url, sandbox.token)
        await control.say(await control.add_user("Ann"), "hello")
        await _shows(control, "hello")

        program.signal(signal.SIGINT)
        code = await program.ended()

        assert code == 0
        assert (await control.position()).queued == ()
        assert "Traceback" not in program.log


async def test_a_signal_lets_the_last_view_reach_the_screen(bench: Bench) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        program = await bench.start(sandbox.url, sandbox.token)
        await control.fault(FaultKind.STATUS, path="/messages", count=1)
        await control.say(await control.add_user("Ann"), "hello")
        await control.wait_for(lambda entry: entry.kind == "fault", timeout=60)

        program.signal(signal.SIGTERM)
        code = await program.ended()

        assert code == 0
        shown = [entry for entry in await control.log() if entry.kind == "message"]
        assert [entry.text for entry in shown] == ["hello"]


async def test_a_wrong_token_ends_the_program_after_one_call(bench: Bench) -> None:
    async with Sandbox() as sandbox:
        program = await bench.start(sandbox.url, "wrong")

        code = await program.ended()

        assert code == 1
        assert program.log.splitlines()[-1].startswith(
            "duologue.errors.UnauthorizedError: "
        )
        calls = [
            (call.method, call.path, call.status, call.count)
            for call in await sandbox.control().requests()
        ]
        assert calls == [("GET", "/me", 401, 1)]


async def test_a_token_that_is_withdrawn_ends_the_program(bench: Bench) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        program = await bench.start(sandbox.url, sandbox.token)
        await control.say(ann, "hello")
        await _shows(control, "hello")
        await control.fault(FaultKind.STATUS, status=401, path="/updates")
        await control.say(ann, "still there?")

        code = await program.ended()

        assert code == 1
        assert program.log.splitlines()[-1].startswith(
            "duologue.errors.UnauthorizedError: "
        )


async def test_a_program_waits_for_a_messenger_that_is_not_there_yet(
    bench: Bench,
) -> None:
    sandbox = Sandbox(limits=False)
    async with sandbox:
        pass  # from now on its address is known and nobody listens there

    program = await bench.start(sandbox.url, sandbox.token)
    await program.says("trying again until it answers")
    async with sandbox:
        control = sandbox.control()
        await control.say(await control.add_user("Ann"), "hello")
        await _shows(control, "hello")
        program.signal(signal.SIGTERM)

        assert await program.ended() == 0


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
async def test_a_signal_ends_a_program_that_waits_for_its_messenger(
    bench: Bench, number: signal.Signals
) -> None:
    sandbox = Sandbox()
    async with sandbox:
        pass

    program = await bench.start(sandbox.url, sandbox.token)
    await program.says("trying again until it answers")
    program.signal(number)

    assert await program.ended() == 0
    assert "Traceback" not in program.log


async def _marker_file(bench: Bench, sandbox: Sandbox) -> Path:
    """Run a program once, so that its marker file is there."""
    program = await bench.start(sandbox.url, sandbox.token)
    control = sandbox.control()
    await control.say(await control.add_user("Ann"), "hello")
    await _shows(control, "hello")
    program.signal(signal.SIGTERM)
    assert await program.ended() == 0
    (path,) = bench.state.glob("*.json")
    return path


@pytest.mark.parametrize("kind", ["pipe", "device"])
async def test_what_is_no_file_in_the_place_of_the_marker_ends_the_program(
    bench: Bench, kind: str
) -> None:
    async with Sandbox(limits=False) as sandbox:
        path = await _marker_file(bench, sandbox)
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")

        program = await bench.start(sandbox.url, sandbox.token)
        code = await program.ended()

    assert code == 1
    assert "MarkerFileError" in program.log
    assert "it is no file, but a pipe or a device" in program.log


async def test_a_pipe_where_the_marker_is_written_keeps_no_signal_away(
    bench: Bench,
) -> None:
    async with Sandbox(limits=False) as sandbox:
        path = await _marker_file(bench, sandbox)
        os.mkfifo(path.with_name(path.name + ".new"))
        control = sandbox.control()

        program = await bench.start(sandbox.url, sandbox.token)
        await control.say(await control.add_user("Bob"), "hi")
        await program.says("saving the marker for bot")
        program.signal(signal.SIGTERM)
        code = await program.ended()

        assert code == 0
        assert (await control.position()).queued == ()
