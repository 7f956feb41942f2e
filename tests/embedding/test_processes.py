"""How a whole program ends around a runtime on a thread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("program.py")


@contextmanager
def run(way: str) -> Iterator[subprocess.Popen[str]]:
    """A running program; what it writes can be read line by line."""
    with subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, str(PROGRAM), way],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def insist(process: subprocess.Popen[str], number: int) -> tuple[str, str]:
    """Send a signal until it ends: when it drains cannot be seen from outside."""
    while True:
        process.send_signal(number)
        try:
            return process.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_ctrl_c_while_a_call_waits_drains_and_ends_the_thread() -> None:
    with run("interrupted") as process:
        said = line(process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()

    assert said == "waiting"
    assert output == "shown ['{}'], threads ['MainThread']\n"
    assert "out of time to finish" in errors
    assert errors.strip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT


def test_ctrl_c_while_a_messenger_does_not_answer_ends_the_start() -> None:
    with run("interrupted_at_the_start") as process:
        said = line(process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()

    assert said == "waiting"
    assert output == "threads ['MainThread']\n"
    assert process.returncode == -signal.SIGINT


def test_a_second_ctrl_c_does_not_wait_for_the_draining() -> None:
    with run("interrupted_twice") as process:
        line(process)
        process.send_signal(signal.SIGINT)
        output, errors = insist(process, signal.SIGINT)

    assert output.startswith("shown ['{}'], threads ['MainThread'")
    # Where it hits the end of the interpreter Python writes a colon behind it.
    assert errors.strip().rstrip(":").endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT


def test_sys_exit_in_the_block_keeps_its_status() -> None:
    with run("exits") as process:
        output = process.communicate()

    assert (process.returncode, output) == (3, ("", ""))


@pytest.mark.parametrize("way", ["left_open", "left_open_by_a_daemon"])
def test_a_program_that_ends_inside_the_block_does_not_hang(way: str) -> None:
    with run(way) as process:
        output = process.communicate()

    assert (process.returncode, output) == (0, ("the end\n", ""))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_is_told_that_the_runtime_stayed_with_its_parent() -> None:
    with run("forks") as process:
        output, errors = process.communicate()

    assert "DeprecationWarning" in errors or errors == ""
    assert output == "child: True\nparent: 0 {'from': 'the parent'}\n"
    assert process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no limit of open files here")
def test_a_loop_that_cannot_be_made_is_an_error_of_the_block() -> None:
    with run("without_a_loop") as process:
        output, _ = process.communicate()

    assert output == "Too many open files, threads 1\n"
