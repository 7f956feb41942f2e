"""The runner of mutants, on a project of a few lines."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent / "run.py"

CODE = """
def add(a, b):
    return a + b

def wait(turns):
    while turns:
        turns -= 1
"""

TESTS = """
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from calc import add, wait

@pytest.fixture
def checked():
    yield
    assert add(2, 2) == 4

def test_add():
    assert add(1, 2) == 3

def test_add_nothing():
    assert add(1, 0) == 1

@pytest.mark.parametrize("number", [0, 1])
def test_add_numbers(number):
    assert add(number, 1) == number + 1

def test_wait():
    wait(3)

def test_checked_afterwards(checked):
    pass

def test_add_at_the_third_look():
    looks = Path("looks")
    looks.write_text(looks.read_text() + "x" if looks.exists() else "x")
    assert add(1, 2) == 3 or len(looks.read_text()) < 3

def test_add_beside_a_program():
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ["PROGRAMS"]).open("a").write(f"{program.pid} ")
    assert add(1, 2) == 3
"""


def mutant(before: str, after: str, *tests: str, name: str = "it holds") -> str:
    return f"""
[[mutant]]
sentence = "1"
name = "{name}"
file = "calc/__init__.py"
before = "{before}"
after = "{after}"
tests = [{", ".join(f'"tests/test_calc.py::{test}"' for test in tests)}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package without doubt: all of its tests are green."""
    for folder, name, text in (
        ("calc", "__init__.py", CODE),
        ("tests", "test_calc.py", TESTS),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text, encoding="utf-8")
    return tmp_path


async def run(
    project: Path,
    *mutants: str,
    only: str = "",
    patience: int = 600,
    more: Sequence[str] = (),
) -> tuple[int | None, str]:
    """Run the runner; give its exit code and what it printed, in one line.

    A test that ends has so many seconds of patience that no load of the machine makes
    it look like one that hangs.
    """
    (project / "mutants.toml").write_text("".join(mutants), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(RUNNER),
        f"--project={project}",
        f"--list={project / 'mutants.toml'}",
        f"--only={only}",
        f"--timeout={patience}",
        *more,
        "--contents",
        "calc",
        "tests",
        env={
            **os.environ,
            "PYTHONPATH": str(RUNNER.parent),
            "PROGRAMS": str(project / "programs"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, " ".join(output.decode().split())


def is_running(program: int) -> bool:
    """Give it time to end, as a signal takes some."""
    try:
        ended = os.pidfd_open(program)
    except ProcessLookupError:
        return False
    with os.fdopen(ended):
        return not select.select([ended], [], [], 60)[0]


def contents(project: Path) -> set[str]:
    return {path.name for path in project.iterdir()}


def code_of(project: Path) -> str:
    return (project / "calc" / "__init__.py").read_text(encoding="utf-8")


@pytest.mark.real_time
async def test_each_mutant_is_judged_by_what_its_tests_say(project: Path) -> None:
    code, output = await run(
        project,
        mutant("a + b", "a - b", "test_add", "test_add_numbers", name="noticed"),
        mutant("a + b", "a - b", "test_checked_afterwards", name="late"),
        mutant("a + b", "a - b", "test_add", "test_add_nothing", name="overlooked"),
        mutant("a * b", "a - b", "test_add", name="absent"),
        mutant("turns", "rounds", "test_wait", name="ambiguous"),
        mutant("a + b", "a + b", "test_add", name="idle"),
        mutant("a + b", "a +", "test_add", name="no Python"),
    )

    assert code == 1
    assert "survived: 1 overlooked: green: test_add_nothing" in output
    for name in ("absent", "ambiguous", "idle"):
        assert f"does not apply: 1 {name}: calc/__init__.py" in output
    assert "broken: 1 no Python: pytest ended with" in output
    assert "2 of 7 mutants were noticed" in output
    assert contents(project) == {"calc", "tests", "mutants.toml"}
    assert code_of(project) == CODE


@pytest.mark.real_time
async def test_a_mutant_that_makes_its_test_hang_is_noticed(project: Path) -> None:
    hanging = mutant("turns -= 1", "pass", "test_wait", name="waiting ends")

    code, output = await run(project, hanging, patience=1)

    assert code == 0, output
    assert "1 of 1 mutants were noticed" in output


@pytest.mark.real_time
async def test_mutants_are_chosen_by_name_and_all_is_well_if_they_are_noticed(
    project: Path,
) -> None:
    code, output = await run(
        project,
        mutant("a + b", "a - b", "test_add", name="sums are right"),
        mutant("a + b", "a - b", "test_wait", name="waiting ends"),
        only="sums",
    )

    assert code == 0, output
    assert "1 of 1 mutants were noticed" in output


@pytest.mark.real_time
async def test_a_mutant_that_is_not_noticed_every_time_is_tried_again(
    project: Path,
) -> None:
    code, output = await run(
        project, mutant("a + b", "a - b", "test_add_at_the_third_look")
    )

    assert code == 0, output
    assert "killed: 1 it holds: at try" in output


@pytest.mark.real_time
async def test_what_the_tests_leave_running_is_ended(project: Path) -> None:
    code, output = await run(
        project, mutant("a + b", "a - b", "test_add_beside_a_program")
    )

    programs = (project / "programs").read_text(encoding="utf-8").split()
    assert code == 0, output
    assert len(programs) == 2
    assert not any(is_running(int(program)) for program in programs)


@pytest.mark.real_time
async def test_a_name_that_no_mutant_has_is_an_error(project: Path) -> None:
    code, output = await run(project, mutant("a", "b", "test_add"), only="nowhere")

    assert code == 2
    assert "no mutant is called like 'nowhere'" in output


@pytest.mark.real_time
async def test_tests_that_are_red_without_a_mutant_prove_nothing(project: Path) -> None:
    wrong = CODE.replace("a + b", "a + b + 1")
    (project / "calc" / "__init__.py").write_text(wrong, encoding="utf-8")

    code, output = await run(project, mutant("a + b", "a - b", "test_add"))

    assert code == 2
    assert "red without any mutant: test_add" in output


@pytest.mark.real_time
async def test_a_test_that_does_not_exist_proves_nothing(project: Path) -> None:
    code, output = await run(project, mutant("a + b", "a - b", "test_subtract"))

    assert code == 2
    assert "test_subtract" in output


async def test_a_stale_mutant_is_found_without_running_anything(project: Path) -> None:
    fresh = mutant("a + b", "a - b", "test_add", name="fresh")
    stale = mutant("a * b", "a - b", "test_add", name="stale")

    code, output = await run(project, fresh, stale, more=("--stale",))

    assert code == 1
    assert "does not apply: 1 stale" in output
    assert output.endswith("1 of 2 mutants do not apply")
    assert "running the tests" not in output
