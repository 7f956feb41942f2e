"""Programs of the machine that tests start."""

from __future__ import annotations

import os
import shutil

import pytest

# Programs of an administrator are found for everybody.
_PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


def installed(*names: str) -> str:
    """A program of the machine, by the first of its names; CI has all of them."""
    for name in names:
        if found := shutil.which(name, path=_PATH):
            return found
    assert not os.environ.get("CI"), f"CI has no {names[0]}: see .ci/system"
    pytest.skip(f"{names[0]} is not installed; `make system` installs it")
