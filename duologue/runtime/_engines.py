"""Which engine a program runs on: what it says, else its environment, else a default."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol, runtime_checkable

from duologue._redis import SCHEMES
from duologue.actors import Clock, Engine, MemoryEngine
from duologue.dialogs import Bot, bot_key
from duologue.errors import (
    EngineNotAvailableError,
    EngineUnavailableError,
    RuntimeSettingError,
)
from duologue.transport import marker_path
from duologue.transport._urls import FILE
from duologue.transport.polling._markers import Located
from duologue.transport.sqlite import SqliteEngine

VARIABLE = "DUOLOGUE_ENGINE"
"""The environment variable that names an engine where the program does not."""

MEMORY = "memory"
"""The name of the engine that forgets with the process."""

SQLITE = "sqlite"
"""The name of the engine in a file of the state folder, named after the first bot."""

_REDIS = "RedisEngine"
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0
_OVERLAP = 5.0  # seconds that the process before may need to end beside its drain


@runtime_checkable
class _Placed(Protocol):
    """An engine that says where it keeps the state, without what is secret."""

    @property
    def place(self) -> str: ...


def named_engine() -> str | None:
    """What the environment says."""
    return os.environ.get(VARIABLE) or None


def place_of(engine: Engine) -> str:
    """Where an engine keeps the state: a file, the memory, or something of its own."""
    if isinstance(engine, SqliteEngine):
        return str(engine.path)
    if isinstance(engine, _Placed):
        return engine.place
    return type(engine).__name__ if engine.durable else MEMORY


_logger = logging.getLogger("duologue")


class EngineChoice:
    """What a program says about its engine.

    Args:
        given: An engine or its name; None for what `DUOLOGUE_ENGINE` says.
        state_dir: The state folder.
        drain: Seconds that the process before may take for finishing.

    Raises:
        EngineNotAvailableError: This version does not have it.
        RuntimeSettingError: It is no engine, or the file is not named.
    """

    def __init__(
        self,
        given: Engine | str | None,
        *,
        state_dir: Path,
        drain: float,
    ) -> None:
        self._chosen = _chosen(given)
        self._state_dir = state_dir
        self._patience = drain + _OVERLAP

    @property
    def name(self) -> str:
        """The class of the engine."""
        if not isinstance(self._chosen, str):
            return type(self._chosen).__name__
        if self._chosen.startswith(SCHEMES):
            return _REDIS
        is_memory = self._chosen == MEMORY
        return (MemoryEngine if is_memory else SqliteEngine).__name__

    @property
    def is_shared(self) -> bool:
        """Whether several programs may work with the same bots."""
        if isinstance(self._chosen, str):
            return self._chosen.startswith(SCHEMES)
        return self._chosen.shared

    @property
    def is_for_first_bot(self) -> bool:
        """Whether the first bot must be known before there can be an engine."""
        return self._chosen == SQLITE

    def said(self, engine: Engine, *, is_polled: bool = True) -> str:
        """What the log says of an engine, in one line.

        Args:
            engine: The engine.
            is_polled: Whether any updates are polled for, rather than brought.
        """
        if engine.durable:
            return f"state is kept in {place_of(engine)}"
        if not is_polled:
            return (
                "state is kept in memory and ends with this process; an update is "
                'acknowledged when its turn has ended: with engine="sqlite" at once'
            )
        return (
            "state is kept in memory and ends with this process; updates are handled "
            'batch by batch, so a slow handler makes every user wait: engine="sqlite" '
            "does neither"
        )

    def make(self, bots: Sequence[Bot]) -> Engine:
        """Make the engine, or return the one that was given."""
        if not isinstance(self._chosen, str):
            return self._chosen
        if self._chosen == MEMORY:
            return MemoryEngine()
        if self._chosen.startswith(SCHEMES):
            return _redis_engine(self._chosen)
        if self._chosen == SQLITE:
            path = _path_for(self._state_dir, bots[0])
        else:
            path = Path(self._chosen.removeprefix(FILE)).expanduser()
        return SqliteEngine(path, patience=self._patience)


async def enter(
    stack: AsyncExitStack, engine: Engine, *, clock: Clock, limit: float | None
) -> None:
    """Begin with an engine; wait for a server that does not answer yet.

    Args:
        stack: What ends it.
        engine: The engine.
        clock: Tells when to try again.
        limit: Seconds after which to give up; None for never.

    Raises:
        EngineUnavailableError: It has not answered.
        EngineServerError: Its server is not what is needed.
    """
    pause, began, is_told = _FIRST_PAUSE, clock.time(), False
    while True:
        try:
            await stack.enter_async_context(engine)
        except EngineUnavailableError as error:
            is_over = limit is not None and clock.time() - began >= limit
            if is_over or not engine.shared:
                raise
            if not is_told:
                effort = "until it answers" if limit is None else f"for {limit:g} s"
                place, reason = place_of(engine), error.reason
                _logger.warning("%s: %s; trying again %s", place, reason, effort)
            is_told = True
            await clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            if is_told:
                _logger.warning("%s answers now", place_of(engine))
            return


def _chosen(given: Engine | str | None) -> Engine | str:
    if given is None:
        named = named_engine()
        return _checked(named, f"{VARIABLE}={named}", VARIABLE) if named else MEMORY
    if isinstance(given, str):
        return _checked(given, f"engine={given!r}", None)
    if isinstance(given, type) or not hasattr(given, "enqueue"):
        problem = f'{given!r} is no engine; write "memory", "sqlite" or "{FILE}path"'
        raise RuntimeSettingError("engine=", problem)
    return given


def _checked(name: str, said: str, variable: str | None) -> str:
    if name in (MEMORY, SQLITE):
        return name
    if name.startswith(SCHEMES):
        try:
            _redis_engine(name)  # what is wrong with it is told at once
        except RuntimeSettingError as error:
            if variable is None:
                raise
            raise RuntimeSettingError(variable, error.problem) from None
        return name
    if not name.startswith("sqlite://"):
        raise EngineNotAvailableError(name, variable)
    path = name.removeprefix(FILE)
    if path == ":memory:":
        raise RuntimeSettingError(said, f'the engine in memory is called "{MEMORY}"')
    if path in ("", name):
        problem = f'it names no file; write "{FILE}state.db", with three slashes'
        raise RuntimeSettingError(said, problem)
    return name


def _redis_engine(url: str) -> Engine:
    """The engine that a URL names.

    Raises:
        RuntimeSettingError: It is none, or one of its options.
    """
    from duologue.transport.redis._engine import (  # noqa: PLC0415  # its client takes long to load
        engine_of,
    )

    return engine_of(url)


def _path_for(state_dir: Path, bot: Bot) -> Path:
    """Name the state file of a bot, as its other files there are named."""
    if isinstance(bot, Located):
        return marker_path(state_dir, bot).with_suffix(".db")
    return state_dir / f"{bot_key(bot).replace('.', '-')}.db"
