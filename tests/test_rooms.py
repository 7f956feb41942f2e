"""Each folder of the package is small enough to be seen at once, and says what is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import duologue

PACKAGE = Path(duologue.__file__).parent
ROOMS = [init.parent for init in sorted(PACKAGE.rglob("__init__.py"))]


def modules(room: Path) -> set[str]:
    return {path.stem for path in room.iterdir() if (path / "__init__.py").exists()} | {
        path.stem for path in room.glob("*.py")
    }


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_a_folder_has_at_most_fifteen_files(room: Path) -> None:
    assert len(list(room.glob("*.py"))) <= 15


@pytest.mark.parametrize("room", ROOMS[1:], ids=name)
def test_a_folder_says_what_lies_where(room: Path) -> None:
    lines = (room / "__init__.py").read_text(encoding="utf-8").splitlines()
    comments = "\n".join(line for line in lines if line.startswith("#"))
    private = {module for module in modules(room) if re.match("_[a-z]", module)}

    assert set(re.findall(r"(?<!\w)_[a-z_]+", comments)) == private


def test_no_module_has_more_than_400_lines() -> None:
    long = {
        name(path)
        for path in PACKAGE.rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 400
    }

    assert long == set()
