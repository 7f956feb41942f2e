"""Benchmarks, run as programs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where it finds what the benchmarks share."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS)},
    )


def bench(name: str, *options: str) -> str:
    """What a benchmark writes when it succeeds."""
    done = python(str(BENCHMARKS / name), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Written:
    """What a benchmark has written.

    Attributes:
        figures: Its JSON.
        shown: What it has shown beside that.
    """

    figures: str
    shown: str


class Once:
    """Runs each benchmark once, for all processes of a run of the tests.

    Args:
        folder: A folder that all of them share.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, *options: str) -> Written:
        """Give what a benchmark writes; whoever comes first runs it."""
        figures, shown = (self._folder / f"{name}.{end}" for end in ("json", "txt"))
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not shown.exists():
                said = bench(name, "--json", str(figures), *options)
                shown.write_text(said, encoding="utf-8")
        return Written(figures.read_text("utf-8"), shown.read_text("utf-8"))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    own = tmp_path_factory.getbasetemp()
    # With xdist each process has a folder inside that of all.
    return Once(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)
