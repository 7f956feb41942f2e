"""Where a bot's place in the messenger's queue survives a restart."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import secrets
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeGuard, cast, runtime_checkable

from duologue.actors import Engine
from duologue.errors import EngineUnavailableError, FencedError, MarkerFileError
from duologue.transport._json import is_object, parse

_logger = logging.getLogger("duologue.polling")

_VERSION = 1
_PAUSE = 1.0  # seconds until it is asked again who polls
_AT_ONCE = 0.001
_HELD_FOR = 8.0  # seconds, as leases last; engines of one process do not count them
_LAST_MARKER = 2**63  # as the messengers count

# A kept batch has at most a thousand updates of some kilobytes.
_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """How far the updates of a bot have been handled.

    Attributes:
        marker: Everything before it is safe; None if no marker is known yet.
        kept: Updates that came while no marker was known and are not safe yet.
            The messenger may never deliver them again.
        after: The marker that followed `kept`.
    """

    marker: int | None = None
    kept: tuple[Mapping[str, object], ...] = ()
    after: int | None = None


class MarkerStore(Protocol):
    """Remembers a position."""

    async def load(self) -> Position:
        """Give the position saved last; an empty one if there is none."""
        ...

    async def save(self, position: Position) -> None:
        """Keep a position; when this returns, it survives a crash."""
        ...


class MarkersInMemory:
    """Remembers a position as long as this object lives."""

    def __init__(self) -> None:
        self.position: Position = Position()

    async def load(self) -> Position:
        """Give the position saved last."""
        return self.position

    async def save(self, position: Position) -> None:
        """Keep a position."""
        self.position = position


class MarkerFile:
    """Remembers a position in a small JSON file, readable by its owner only.

    A save is complete or has not happened: whoever reads, also after a power
    cut, finds the old position or the new one.
    """

    def __init__(self, path: Path) -> None:
        """Touch nothing yet.

        Args:
            path: The file. Its folder is made by `load` if it is missing.
        """
        self.path = path
        self._lock = threading.Lock()
        self._asked = 0
        self._written = 0

    async def load(self) -> Position:
        """Give the position saved last; an empty one if there is no file.

        Raises:
            MarkerFileError: The file is damaged or cannot be read, or its
                folder could not be written to later.
        """
        return await asyncio.to_thread(self._load)

    async def save(self, position: Position) -> None:
        """Write the position to the disk.

        Raises:
            MarkerFileError: The disk does not take it.
        """
        self._asked += 1
        await asyncio.to_thread(self._save, position, self._asked)

    def _load(self) -> Position:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = _content(self.path)
        except FileNotFoundError:
            return self._empty()
        except (FileExistsError, NotADirectoryError) as error:
            raise self._unusable(f"{self.path.parent} is no folder") from error
        except OSError as error:
            raise self._unusable(_words(error)) from error
        if len(content) > _MAX_BYTES:
            raise self._damaged(f"it is larger than {_MAX_BYTES} bytes")
        return self._decoded(content)

    def _empty(self) -> Position:
        if not os.access(self.path.parent, os.W_OK):
            raise self._unusable(f"the folder {self.path.parent} is not writable")
        return Position()

    def _decoded(self, content: bytes) -> Position:
        try:
            return _decode(content)
        except ValueError as error:
            raise self._damaged(str(error)) from error

    def _save(self, position: Position, number: int) -> None:
        content = _encode(position)
        with self._lock:
            # A save that nobody waits for any more must not undo a later one.
            if number > self._written:
                try:
                    _replace(self.path, content)
                except OSError as error:
                    raise self._unusable(_words(error)) from error
                self._written = number

    def _unusable(self, problem: str) -> MarkerFileError:
        return MarkerFileError(
            str(self.path),
            problem,
            "check the disk and the rights of the folder, or choose another one with "
            "state_dir= or DUOLOGUE_STATE_DIR",
        )

    def _damaged(self, problem: str) -> MarkerFileError:
        return MarkerFileError(
            str(self.path),
            problem,
            "restore it from a backup; or delete it, then updates of the time "
            "while the bot was down may be missed or come twice",
        )


class EngineMarkers:
    """Remembers a position in an engine that outlives the process.

    A position is safe with whatever the engine writes next. So it never is before the
    updates that it acknowledges, and always with those that come after it.

    Args:
        engine: The engine.
        name: What the position is called there.
        before: The file in which a program without an engine has left a position.
    """

    def __init__(self, engine: Engine, name: str, before: MarkerFile) -> None:
        self._engine = engine
        self._name = name
        self._before = before
        self._token = secrets.token_urlsafe(12)
        self._renewing: asyncio.Task[None] | None = None

    @property
    def is_leader(self) -> bool:
        """Whether this process is the one that polls, as far as it knows."""
        return self._renewing is not None and not self._renewing.done()

    async def load(self) -> Position:
        """Give the position saved last; wait while another process polls.

        Raises:
            MarkerFileError: There is none, and the file from before is damaged.
            EngineUnavailableError: The engine does not answer.
        """
        self._let_renewal_end()
        content = await self._lead()
        if self._engine.shared:
            self._renewing = asyncio.get_running_loop().create_task(self._renew())
        return await self._before.load() if content is None else _decode(content)

    async def _lead(self) -> bytes | None:
        """Be the one who polls; return the position as it was saved last."""
        is_told = False
        while True:
            try:
                return await self._engine.hold(self._name, self._token, _HELD_FOR)
            except FencedError:
                if not is_told:
                    _logger.info(
                        "%s: another process polls, this one waits", self._name
                    )
                is_told = True
            await asyncio.sleep(_PAUSE)

    async def save(self, position: Position) -> None:
        """Keep a position.

        Raises:
            FencedError: Another process polls by now.
            EngineUnavailableError: The engine does not answer.
        """
        content = _encode(position)
        await self._engine.hold(self._name, self._token, _HELD_FOR, value=content)

    async def release(self) -> None:
        """Let another process poll at once."""
        if self._renewing is None:
            return
        self._let_renewal_end()
        with suppress(FencedError, EngineUnavailableError):
            await self._engine.hold(self._name, self._token, _AT_ONCE)

    async def _renew(self) -> None:
        """Stay the one who polls, also while the messenger takes its time."""
        while True:
            await asyncio.sleep(_HELD_FOR / 3)
            try:
                await self._engine.hold(self._name, self._token, _HELD_FOR)
            except EngineUnavailableError:
                continue
            except FencedError:
                _logger.warning("%s: another process polls by now", self._name)
                return

    def _let_renewal_end(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None


@runtime_checkable
class Located(Protocol):
    """A bot that knows where its messenger is."""

    @property
    def id(self) -> int:
        """The account's number."""
        ...

    @property
    def messenger(self) -> str:
        """The short name of the messenger."""
        ...

    @property
    def base_url(self) -> str:
        """The address of the messenger."""
        ...


def marker_path(state_dir: Path, bot: Located) -> Path:
    """Name the marker file of a started bot.

    Markers mean something only where they come from, so the address is part of
    the name: a local messenger never shares a file with the real one.

    Args:
        state_dir: The folder for such files.
        bot: Whose file.

    Raises:
        BotNotStartedError: The bot does not know its id yet.
    """
    place = sha256(bot.base_url.encode()).hexdigest()[:8]
    return state_dir / f"{bot.messenger}-{bot.id}-{place}.json"


def _encode(position: Position) -> bytes:
    return json.dumps(
        {
            "version": _VERSION,
            "marker": position.marker,
            "kept": position.kept,
            "after": position.after,
        }
    ).encode()


def _decode(content: bytes) -> Position:
    """Read what `_encode` wrote.

    Raises:
        ValueError: It is something else; the error says what.
    """
    try:
        found = parse(content)
    except ValueError as error:
        raise ValueError("it holds no JSON") from error
    if not is_object(found) or found.get("version") != _VERSION:
        raise ValueError(f"it is not in the format of version {_VERSION}")
    marker, after, kept = (found.get(key) for key in ("marker", "after", "kept"))
    if not (_is_marker(marker) and _is_marker(after) and isinstance(kept, list)):
        raise ValueError("its fields do not have the right types")
    return Position(marker, tuple(cast("list[Mapping[str, object]]", kept)), after)


def _content(path: Path) -> bytes:
    """Read a file, and nothing else: a pipe would keep its reader for ever.

    Raises:
        OSError: It is none, or cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no file, but a pipe or a device")
        return file.read(_MAX_BYTES + 1)


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(path.name + ".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _words(error: OSError) -> str:
    """What the system says, without a number; the error names the file itself."""
    return error.strerror or str(error)


def _is_marker(value: object) -> TypeGuard[int | None]:
    return value is None or (type(value) is int and abs(value) <= _LAST_MARKER)
