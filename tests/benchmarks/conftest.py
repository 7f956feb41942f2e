"""Benchmarks, run as programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
