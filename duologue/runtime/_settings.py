"""What a runtime makes of its settings."""

from __future__ import annotations

import math
import os
from pathlib import Path

from duologue.actors._pykka._functions import is_async
from duologue.errors import RuntimeSettingError
from duologue.runtime._reports import OnError

_LAST_PORT = 65535


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


def hook_of(given: OnError | None) -> OnError | None:
    """The hook that was given.

    Raises:
        RuntimeSettingError: It could not be called, or would never run.
    """
    if given is None:
        return None
    hook: object = given
    if not callable(hook) or is_async(hook):
        problem = "it must be a plain function `(error, where)`, not `async def`"
        raise RuntimeSettingError("on_error=", problem)
    return given


def check_metrics(port: object, host: str) -> None:
    """Refuse now what would fail at the start, or never show any metrics.

    Raises:
        RuntimeSettingError: The port is something else, or there is a host without one.
    """
    if port is not None and not _is_port(port):
        problem = f"{port!r} is no port; write a number from 0 (any free one) to 65535"
        raise RuntimeSettingError("metrics_port=", problem)
    if port is None and host != "127.0.0.1":
        problem = "without metrics_port= there is no door; give a port too"
        raise RuntimeSettingError("metrics_host=", problem)


def _is_port(given: object) -> bool:
    if not isinstance(given, int) or isinstance(given, bool):
        return False
    return 0 <= given <= _LAST_PORT
