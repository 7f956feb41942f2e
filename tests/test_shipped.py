"""What the wheel ships is what the checkout has; `make package` runs this against it."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import duologue

SOURCE = Path(__file__).parents[1] / "duologue"
INSTALLED = Path(duologue.__file__).parent
MODULES = sorted(
    name for _, name, _ in pkgutil.walk_packages([str(INSTALLED)], "duologue.")
)


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_file_of_the_package_is_installed() -> None:
    assert _files(SOURCE) == _files(INSTALLED)


def test_what_is_no_module_is_installed_with_its_content() -> None:
    data = [name for name in _files(SOURCE) if not name.endswith(".py")]

    differing = [
        name
        for name in data
        if (SOURCE / name).read_bytes() != (INSTALLED / name).read_bytes()
    ]

    assert {"py.typed", "transport/sandbox/page/index.html"} <= set(data)
    assert differing == []


def test_every_module_can_be_imported() -> None:
    for name in MODULES:
        importlib.import_module(name)

    assert len(MODULES) > 200


@pytest.mark.parametrize(
    "command",
    [
        [Path(sys.executable).with_name("duologue"), "--version"],
        [sys.executable, "-m", "duologue", "--version"],
    ],
    ids=["script", "module"],
)
def test_the_command_is_there(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # our own

    assert duologue.__version__ in done.stdout, done.stderr
