"""What a runtime makes of its settings."""

from __future__ import annotations

import math
import os
from pathlib import Path

from duologue.actors import Engine, MemoryEngine
from duologue.errors import EngineNotAvailableError, RuntimeSettingError


def engine_of(given: Engine | str | None) -> Engine:
    """The engine that was named.

    Raises:
        EngineNotAvailableError: This version does not have it.
    """
    if given is None:
        return MemoryEngine()
    if isinstance(given, str):
        raise EngineNotAvailableError(given)
    return given


def state_dir_of(given: str | os.PathLike[str] | None) -> Path:
    """The folder that was named, by the program or by its environment."""
    return Path(given or os.environ.get("DUOLOGUE_STATE_DIR") or ".duologue")


def seconds(given: object, name: str) -> float:
    """The time that was given; refused now if it would fail at the end only.

    Raises:
        RuntimeSettingError: It is no number.
    """
    if not isinstance(given, int | float) or math.isnan(given):
        raise RuntimeSettingError(
            name, f"{given!r} is no number of seconds; write {name}=10.0"
        )
    return given
