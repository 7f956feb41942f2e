"""A copy of the project, and runs of its tests that start at once.

Most of what a run of one test costs is its start. So each is a fork of a process
that has already imported pytest and all else that the tests need, except for the
package: that is read anew each time.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import multiprocessing
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from hypothesis import Phase, settings

LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR|XFAIL|XPASS|SKIPPED) (\S+)", re.MULTILINE)
_DURATION = re.compile(r"^([\d.]+)s (?:setup|call|teardown) ", re.MULTILINE)
_OPTIONS = (
    *("-q", "-rA", "--tb=line", "--no-header", "--durations=0"),
    *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"),
    *("--assert=plain", "--hypothesis-profile=mutants"),
)

# Any example that fails will do: no time is spent on finding a smaller one.
settings.register_profile(
    "mutants", database=None, deadline=None, phases=[Phase.explicit, Phase.generate]
)

_FORKS = multiprocessing.get_context("forkserver")
# What the tests import beside the package; what is not installed is left out.
_FORKS.set_forkserver_preload(
    [
        "__main__",
        "aiohttp.web",
        "anyio.from_thread",
        "anyio.pytest_plugin",
        "blockbuster",
        "cattrs",
        "magic_filter",
        "playwright.sync_api",
        "prometheus_client",
        "pykka",
        "pytest_asyncio.plugin",
        "sqlite3",
        "uvloop",
    ]
)
# The process that forks has to find this module too.
os.environ["PYTHONPATH"] = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of pytest.

    Attributes:
        code: How it ended; None if it had to be killed.
        output: What it printed.
    """

    code: int | None
    output: str

    def results(self) -> list[tuple[str, str]]:
        """What became of each test that was reported.

        There is a word for its body and, if they failed, one for what comes before
        or after it.
        """
        return [(name, word) for word, name in _RESULT.findall(self.output)]

    @property
    def slowest(self) -> float:
        """The seconds of the slowest test, or of what comes before or after one."""
        return max(map(float, _DURATION.findall(self.output)), default=0.0)


class Workshop:
    """A copy of the project in which tests are run, one run after another.

    Args:
        project: The project, which is only read.
        folder: Where the copy goes.
        contents: What is copied.

    Attributes:
        folder: Where the copy is.
    """

    def __init__(self, project: Path, folder: Path, *, contents: Sequence[str]) -> None:
        self.folder = folder
        self._log = folder.with_suffix(".log")
        folder.mkdir()
        for name in contents:
            source = project / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=LEFT_BEHIND)
            elif source.exists():
                shutil.copy2(source, folder / name)

    def read(self, name: str) -> str:
        """Read a file of the copy; one that is not there is empty."""
        file = self.folder / name
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def write(self, name: str, text: str) -> None:
        """Write a module and forget its compiled form, which may be as old and long."""
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()

    async def test(self, tests: Sequence[str], *, limit: float) -> Run:
        """Run tests in the copy, each with so many seconds."""
        # Some time on top to start up, and for what pytest-timeout cannot end.
        patience = limit * (2 + len(tests) / 4)
        arguments = (*_OPTIONS, f"--timeout={limit:g}", *tests)
        return await self._fork(_run_pytest, arguments, within=patience)

    async def origin(self, package: str) -> str:
        """Tell which copy of a package the tests import."""
        run = await self._fork(_print_origin, (package,), within=60)
        return run.output.strip()

    async def _fork(
        self,
        work: Callable[[Sequence[str]], None],
        arguments: Sequence[str],
        *,
        within: float,
    ) -> Run:
        """Do some work in a process of its own, which is killed when time is up."""
        place = (self.folder, self._log)
        process = _FORKS.Process(target=_move_in, args=(*place, work, arguments))
        process.start()
        try:
            async with asyncio.timeout(within):
                await _end_of(process)
        except TimeoutError:
            return Run(None, "killed")
        finally:
            _kill(process)
        return Run(process.exitcode, self._log.read_text("utf-8", errors="replace"))


def _move_in(
    folder: Path,
    log: Path,
    work: Callable[[Sequence[str]], None],
    arguments: Sequence[str],
) -> None:
    """Do some work in a process that has just been forked, as if it were a new one."""
    os.setsid()  # what it starts is killed with it
    with log.open("w") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    os.chdir(folder)
    # The copy wins over what is installed, in the programs that the tests start too.
    sys.path.insert(0, str(folder))
    os.environ.update(PYTHONPATH=str(folder), PYTHONSAFEPATH="1", COLUMNS="400")
    gc.freeze()  # pytest collects garbage more than once, and all this is none
    work(arguments)


def _run_pytest(arguments: Sequence[str]) -> None:
    code = pytest.main([*arguments])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is said; threads that a mutant keeps are not waited for


def _print_origin(arguments: Sequence[str]) -> None:
    found = importlib.util.find_spec(arguments[0])
    print(found.origin if found else "nowhere")  # noqa: T201  # it goes to the log


async def _end_of(process: ForkServerProcess) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)


def _kill(process: ForkServerProcess) -> None:
    """End a process, if it is still there, and all that it has started."""
    assert process.pid is not None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
