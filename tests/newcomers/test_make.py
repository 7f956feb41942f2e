"""`make` in the places where newcomers first type it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _make(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
    # `make test` may run this, and hands its own settings on.
    around = {
        name: value
        for name, value in os.environ.items()
        if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "VENV"}
    }
    return subprocess.run(  # noqa: S603  # our own
        ["make", *arguments],  # noqa: S607  # as newcomers type it
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**around, **environment},
    )


def test_a_folder_that_cannot_be_written_is_told_with_what_to_type(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()

    ended = _make(tmp_path, f"PYTHON={sys.executable}", "VENV=file/venv")

    assert ended.returncode == 2
    assert ended.stderr.startswith(
        "file/venv cannot be written; choose another place: make VENV=/tmp/duologue-venv"
    )


def test_without_an_index_of_packages_it_says_so_in_a_few_lines(tmp_path: Path) -> None:
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}

    ended = _make(tmp_path, f"PYTHON={sys.executable}", **offline)

    assert ended.returncode == 2
    assert ended.stdout.splitlines() == [
        f"setting up .venv, once: an environment of {sys.executable}",
        "setting up .venv: uv, which installs the rest",
    ]
    assert "Packages come from the index that pip and uv are set up for" in ended.stderr
    assert len(ended.stderr.splitlines()) < 8
    assert (tmp_path / ".venv/setup.log").exists()


def test_a_user_without_a_home_keeps_what_is_fetched_beside_the_rest(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.touch()
    nothing_else = {"UV_CACHE_DIR": "", "XDG_CACHE_HOME": ""}

    ended = _make(tmp_path, "--dry-run", HOME=str(home), **nothing_else)

    assert f'UV_CACHE_DIR="{tmp_path}/.venv/cache" .venv/bin/uv pip' in ended.stdout


def test_a_newer_python_is_found_where_python3_is_too_old(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    old = programs / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    (programs / "python3.11").symlink_to(sys.executable)
    (programs / "python3.12").symlink_to(old)
    (programs / "python3.13").symlink_to(old)

    ended = _make(
        tmp_path,
        "--print-data-base",
        "--dry-run",
        PATH=f"{programs}:{os.environ['PATH']}",
    )

    assert "setting up .venv, once: an environment of python3.11" in ended.stdout
