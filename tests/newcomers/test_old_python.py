"""A Python that is too old says so, in place of a syntax error."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "duologue"
# What an old Python finds out about itself; it is the first thing that runs.
PRETEND = "import sys; sys.version_info = (3, 10, 4, 'final', 0); "
SAID = "duologue needs Python 3.11 or newer, and this is Python 3.10; make an"
# Whichever of these a machine has is asked itself.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
NAMES = [f"python3.{minor}" for minor in range(6, 11)]
OLD = [
    *(path for name in NAMES if "shims" not in (path := shutil.which(name) or "shims")),
    *(str(path) for name in NAMES for path in PYENV.glob(f"versions/3.*/bin/{name}")),
]


def _python(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_an_import_says_which_python_it_needs() -> None:
    ended = _python(sys.executable, "-c", f"{PRETEND}import duologue")

    assert ended.returncode == 1
    assert f"ImportError: {SAID}" in ended.stderr.splitlines()[-1]
    assert "SyntaxError" not in ended.stderr


def test_the_file_that_says_so_can_be_read_by_old_pythons() -> None:
    source = (PACKAGE / "__init__.py").read_text(encoding="utf-8")

    tree = ast.parse(source, feature_version=(3, 6))

    first = [type(node).__name__ for node in tree.body[:4]]
    assert first == ["Expr", "Import", "ImportFrom", "If"]
    assert "__future__" not in {
        node.module for node in tree.body if isinstance(node, ast.ImportFrom)
    }


@pytest.mark.parametrize("python", OLD)
def test_the_old_pythons_of_this_machine_say_so_themselves(python: str) -> None:
    ended = _python(python, "-c", "import duologue")

    assert ended.returncode == 1
    assert "duologue needs Python 3.11 or newer" in ended.stderr.splitlines()[-1]


@pytest.fixture
def old_python(tmp_path: Path) -> Path:
    """A program that answers `-c` as Python 3.10 would."""
    program = tmp_path / "python3.10"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "$1" "{PRETEND}$2"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    return program


def _make(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
    return subprocess.run(  # noqa: S603  # our own
        ["make", f"PYTHON={python}"],  # noqa: S607  # as newcomers type it
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )


def test_make_says_which_python_it_found_and_how_to_name_another(
    tmp_path: Path, old_python: Path
) -> None:
    ended = _make(tmp_path, str(old_python))

    assert ended.returncode == 2
    assert "duologue needs Python 3.11 or newer" in ended.stderr
    assert f"{old_python} is 3.10" in ended.stderr
    assert "make PYTHON=python3.12" in ended.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_without_any_python_says_how_to_name_one(tmp_path: Path) -> None:
    ended = _make(tmp_path, "python3.nosuch")

    assert ended.returncode == 2
    assert "there is no python3.nosuch here" in ended.stderr
    assert "make PYTHON=/path/to/python3.12" in ended.stderr
