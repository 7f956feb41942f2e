"""Type checkers know what this folder says they know, and refuse what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATEMENTS = [
    path
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path != Path(__file__)
]
EXPECTED_ERROR = re.compile(r"# type: ignore\[(?!explicit-any)")

# A type checker reads the package and what it imports.
pytestmark = pytest.mark.timeout(300)


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 # our own tools on our own files
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def _mypy(tmp_path: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    # A cache of its own: another run may be writing to that of the project.
    return _run("mypy", "--no-pretty", "--cache-dir", tmp_path / "cache", *files)


def _basedpyright(
    tmp_path: Path, files: list[Path]
) -> subprocess.CompletedProcess[str]:
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(
        json.dumps(
            {
                "include": [str(path) for path in files],
                "extraPaths": [str(ROOT)],
                "typeCheckingMode": "strict",
                "enableTypeIgnoreComments": False,
                "reportUnnecessaryTypeIgnoreComment": "error",
                "reportMissingTypeStubs": False,
            }
        )
    )
    return _run("basedpyright", "--project", settings, "--pythonpath", sys.executable)


def _without_ignores(tmp_path: Path) -> tuple[list[Path], int]:
    """Copies in which every error shows, and how many lines are to have one."""
    copies: list[Path] = []
    expected = 0
    for path in STATEMENTS:
        text = path.read_text("utf-8")
        expected += len(EXPECTED_ERROR.findall(text))
        copy = tmp_path / path.name
        copy.write_text(re.sub(r"# (type|pyright): ignore\[.*", "", text))
        copies.append(copy)
    return copies, expected


def _lines_with(pattern: str, output: str) -> set[str]:
    return set(re.findall(pattern, output, flags=re.MULTILINE))


def test_mypy_knows_every_statement_and_each_error_shows(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    copies, expected = _without_ignores(tmp_path)

    agreed = _mypy(tmp_path, *STATEMENTS)
    refused = _mypy(tmp_path, *copies)

    errors = r"^(\S+:\d+): error: (?!.*\[explicit-any\])"
    assert (agreed.returncode, agreed.stdout[:7]) == (0, "Success"), agreed.stdout
    assert expected >= 6
    assert len(_lines_with(errors, refused.stdout)) == expected, refused.stdout


def test_basedpyright_knows_every_statement_and_each_error_shows(
    tmp_path: Path,
) -> None:
    pytest.importorskip("basedpyright")
    copies, expected = _without_ignores(tmp_path)

    agreed = _basedpyright(tmp_path, STATEMENTS)
    refused = _basedpyright(tmp_path, copies)

    assert agreed.returncode == 0, agreed.stdout
    assert len(_lines_with(r"^\s+(\S+:\d+):\d+ - error", refused.stdout)) == expected, (
        refused.stdout
    )
