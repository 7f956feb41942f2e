"""The States that one engine keeps: a mailbox and a snapshot each, and their turns.

Every operation waits in the mailbox of its State, so each is whole and none comes between
another. Those that are asked for in one tick of the loop share one piece of mail, and so
one turn and one commit. Mail with changes comes from the commits of dialogs; mail without
says only that operations wait here.

A State that nobody has leased has no mail, where the engine leases in the step that brings
mail, as those of one process do. Then its values can be read without asking.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from secrets import token_hex
from typing import Final
from weakref import WeakValueDictionary

from duologue.actors import Engine, Letter, Mail, MemoryEngine, Opened, TimedLetter
from duologue.actors._engine._local import LocalMailboxes
from duologue.actors._engine._timed import wall_time
from duologue.errors import (
    EngineClosedError,
    EngineUnavailableError,
    FencedError,
    SnapshotTooLargeError,
    StateEndedError,
)
from duologue.state._batches import (
    ASKED,
    PATIENCE,
    Answer,
    Batch,
    Strangers,
    Work,
    answered,
    fail,
    folded,
    leave,
    settle,
)
from duologue.state._changes import Change, applied, unpacked
from duologue.state._known import Knowledge, Known
from duologue.state._ledgers import Decision, Ledger
from duologue.state._values import Codec, Values
from duologue.state._watchers import Watchers

_KIND: Final = "state"
_EXPIRED: Final = b"!"
_SLOTS: Final = 10_000  # States with mail that are handled at the same time
_TURN: Final = 0.005  # seconds before mail is left to the process that waits for it
_PAUSE: Final = 1.0  # seconds until an engine that did not answer is asked again
_logger = logging.getLogger("duologue.state")


class Cell(Ledger):
    """One State.

    Args:
        keeper: Whose it is.
        key: Its mailbox.
        name: What it is called in errors.
        ttl: Seconds after its last change until it is forgotten.
    """

    __slots__ = ("_keeper", "key", "name", "ttl")

    def __init__(self, keeper: Keeper, key: str, name: str, ttl: float | None) -> None:
        self._keeper = keeper
        self.key: str = key
        self.name: str = name
        self.ttl: float | None = ttl

    async def read(self) -> Values:
        """The values; nobody may change what is returned."""
        return await self._keeper.read(self)

    async def change(self, change: Change) -> Values:
        """Change them, and tell what they are afterwards."""
        return await self._keeper.work(self, change)

    async def decide(self, decision: Decision, call: str) -> Values:  # noqa: ARG002
        """Change them by looking at them, with nobody in between."""
        return await self._keeper.work(self, decision)

    def revisions(self) -> AsyncIterator[Values]:
        """The values now, and whenever they have changed; the newest only."""
        return self._keeper.revisions(self)

    @asynccontextmanager
    async def lock(self, call: str) -> AsyncGenerator[None]:  # noqa: ARG002
        """Wait until nobody of this process is inside a block like this."""
        lock = self._keeper.locks.setdefault(self.key, asyncio.Lock())
        async with lock:
            yield

    @property
    def is_local(self) -> bool:
        """Whether it is not on the engine of the dialogs, but in memory only."""
        return self._keeper.is_private

    def post(self, letter: Letter) -> None:
        """Put mail into its mailbox, where that never suspends."""
        self._keeper.post(letter)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Where it lives; None if that has ended."""
        return self._keeper.loop

    @property
    def at_once(self) -> Ledger:
        """This."""
        return self


class Keeper:
    """Keeps States on an engine.

    Args:
        engine: Where they are; entered before this starts.
        codec: How their values become bytes.
        is_private: Whether nobody else uses the engine, which is in memory.
    """

    def __init__(
        self, engine: Engine, codec: Codec, *, is_private: bool = False
    ) -> None:
        self.is_private: bool = is_private
        self._engine = engine
        self._codec = codec
        # The engine in memory never suspends, so its turns need no task.
        self._memory = engine if type(engine) is MemoryEngine else None
        self._is_local = isinstance(engine, LocalMailboxes) and not engine.shared
        self._knowledge = Knowledge(codec)
        self._leased: dict[str, object] = {}
        self._gathering: dict[str, Batch] = {}
        self._sent: dict[str, Batch] = {}
        self._strangers = Strangers()
        self._watchers = Watchers(engine, is_shared=not self._is_local)
        self._numbers = count(1)
        self._run_id = f"{engine.name}.{token_hex(4)}"
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = False
        self._is_working = False
        self.locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to handle mail."""
        self._is_open = True
        self.loop = asyncio.get_running_loop()
        slots = _SLOTS if self._memory is None else sys.maxsize
        self._engine.serve([_KIND], slots, self._ready)

    async def stop(self) -> None:
        """Handle no mail any more; what waits fails, and mail of turns stays."""
        self._is_open = False
        self.loop = None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for batch in (*self._gathering.values(), *self._sent.values()):
            batch.fail(StateEndedError(batch.name))
        self._watchers.close()

    def cell(self, path: str, name: str, ttl: float | None) -> Cell:
        """The State at a path, such as `Cart:max.1:7`."""
        return Cell(self, f"{_KIND}/{path}", name, ttl)

    def post(self, letter: Letter) -> None:
        """Put mail into a mailbox in memory; later operations come behind it."""
        with suppress(StopIteration, EngineClosedError):
            self._engine.enqueue([letter]).send(None)

    async def read(self, cell: Cell) -> Values:
        """The values behind all mail that waits.

        Raises:
            StateEndedError: The runtime has ended.
        """
        if not self._is_local or self._is_busy(key := cell.key):
            return await self.work(cell, leave)
        if not self._is_open:
            raise StateEndedError(cell.name)
        known = self._knowledge.get(key)
        if known is None:
            known = self._knowledge.read(key, await self._engine.read(key))
        return known.now()

    async def work(self, cell: Cell, work: Work) -> Values:
        """Do something in the order of the mailbox; return the values after it.

        Raises:
            StateEndedError: The runtime has ended.
            Exception: What a decision has raised.
        """
        if not self._is_open:
            raise StateEndedError(cell.name)
        memory, key = self._memory, cell.key
        if memory is not None and key not in self._leased and memory.is_idle(key):
            return self._work_at_once(memory, cell, work)
        answer: asyncio.Future[Values] = asyncio.get_running_loop().create_future()
        asked = work, answer
        if memory is not None:
            await self._work_here(Batch(cell.key, cell.name, cell.ttl, asked))
        elif (batch := self._gathering.get(cell.key)) is not None:
            batch.asked.append(asked)
        else:
            self._gathering[cell.key] = Batch(cell.key, cell.name, cell.ttl, asked)
            self._spawn(self._send_gathered(cell.key))
        return await answered(answer, key, None if self._is_local else 2 * PATIENCE)

    def _work_at_once(self, memory: MemoryEngine, cell: Cell, work: Work) -> Values:
        """Do a whole turn in one step: nothing waits, and nobody can come in between."""
        key = cell.key
        before = self._knowledge.read(key, memory.peek(key))
        values = before.values if before.until is None else before.now()
        new = work(values) if callable(work) else applied(work, values, cell.name)
        if new is None or new is before.values:
            return values
        until = None if cell.ttl is None else wall_time() + cell.ttl
        after = self._knowledge.written(before, new, until, cell.name)
        timed = () if until is None else (TimedLetter("ttl", key, until, _EXPIRED),)
        memory.put(key, after.line or b"", timed)
        self._keep(key, after)
        return new

    def _keep(self, key: str, after: Known) -> None:
        """Know what has been written, and tell who watches."""
        self._knowledge.keep(key, after)
        self._watchers.tell(key)

    async def _work_here(self, batch: Batch) -> None:
        """Handle operations at once, where nothing suspends."""
        while batch.key in self._leased:
            await self._run(batch.key)
        self._is_working = True
        try:
            await self._send(batch)
        finally:
            self._is_working = False
        await self._run(batch.key)

    def revisions(self, cell: Cell) -> AsyncIterator[Values]:
        """The values now, and whenever they have changed; the newest only."""
        return self._watchers.follow(cell.key, lambda: self.read(cell))

    def _is_busy(self, key: str) -> bool:
        """Tell whether a State may have mail that it has not handled."""
        return (
            key in self._leased or key in self._gathering or len(self._leased) >= _SLOTS
        )

    def _ready(self, key: str) -> None:
        """Handle the mail of a key that has been leased."""
        self._leased[key] = object()
        if not self._is_working:  # else whoever has sent the mail handles it
            asyncio.get_running_loop().call_soon(self._begin, key)

    def _begin(self, key: str) -> None:
        if key in self._leased and self._is_open:
            self._spawn(self._run(key))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_gathered(self, key: str) -> None:
        batch = self._gathering.pop(key)
        try:
            await self._send(batch)
        except asyncio.CancelledError:
            batch.fail(StateEndedError(batch.name))
            raise
        except Exception as error:  # noqa: BLE001  # whoever waits is told
            batch.fail(error)

    async def _send(self, batch: Batch) -> None:
        name = f"{self._run_id}.{next(self._numbers)}"
        self._sent[name] = batch
        try:
            body = b"" if self._is_local else ASKED
            await self._engine.enqueue([Letter(batch.key, Mail(name, body))])
        except BaseException as error:
            self._sent.pop(name, None)
            if isinstance(error, EngineClosedError):
                raise StateEndedError(batch.name) from None
            raise

    async def _run(self, key: str) -> None:
        """Handle the mail of a State until there is no more."""
        if (lease := self._leased.get(key)) is None:
            return
        while self._is_open and self._leased.get(key) is lease:  # or it is here anew
            try:
                opened = await self._engine.open(key)
                while opened is not None:
                    opened = await self._turn(opened)
                break
            except FencedError as error:
                _logger.warning("%s", error)
                break
            except EngineUnavailableError as error:
                _logger.warning("%s", error)
                await asyncio.sleep(_PAUSE)
        if self._leased.get(key) is lease:
            del self._leased[key]

    async def _turn(self, opened: Opened) -> Opened | None:
        """Handle one piece of mail, and all operations that wait behind it."""
        batch = self._sent.pop(opened.mail.id, None)
        if batch is None and self._strangers.leaves(opened):
            if not await self._strangers.handed(opened, self._engine):
                await asyncio.sleep(_TURN)  # it may come back, or another one has it
                await self._engine.fail(opened, error="another asked", retry=True)
            return None
        try:
            before = self._knowledge.read(opened.key, opened.snapshot)
            try:
                return await self._commit(opened, batch, before, None)
            except SnapshotTooLargeError as error:
                return await self._commit(opened, batch, before, error)
        except asyncio.CancelledError:
            fail(batch, StateEndedError(opened.key if batch is None else batch.name))
            raise
        except FencedError:  # nothing was done: the mail is still there
            self._sent |= {} if batch is None else {opened.mail.id: batch}
            raise
        except EngineUnavailableError as error:
            fail(batch, error)
            raise
        except Exception as error:
            _logger.exception("a change of %s is given up", opened.key)
            fail(batch, error)
            await self._engine.fail(opened, error=repr(error), retry=False)
            return None

    async def _commit(
        self,
        opened: Opened,
        batch: Batch | None,
        before: Known,
        too_large: SnapshotTooLargeError | None,
    ) -> Opened | None:
        """Write what all operations make of the values, and tell those who asked."""
        name, ttl, values = self._received(opened, before.now(), too_large)
        answers: list[Answer] = []
        if batch is not None:
            name, ttl = batch.name, batch.ttl
            check = None
            if too_large is not None:
                check = partial(self._check_size, before, name, too_large)
            values, answers = folded(batch, values, check)
        after, timed = before, list[TimedLetter]()
        if values is not before.values:
            until = None if ttl is None else wall_time() + ttl
            after = self._knowledge.written(before, values, until, name)
            if ttl is not None:
                timed = [TimedLetter("ttl", opened.key, until, _EXPIRED)]
        snapshot = None if after is before else after.line
        following = await self._engine.commit(
            opened, snapshot=snapshot, timed=timed, keep=True
        )
        if after is not before:
            self._keep(opened.key, after)
        for answer, outcome in answers:
            settle(answer, outcome)
        return following

    def _received(
        self, opened: Opened, values: Values, too_large: SnapshotTooLargeError | None
    ) -> tuple[str, float | None, Values]:
        """What the changes in a piece of mail make of the values."""
        body = opened.mail.body
        if body in (b"", _EXPIRED, ASKED):
            return opened.key, None, values
        if too_large is not None:
            raise too_large
        name, ttl, changes = self._codec.read(body)
        for change in unpacked(changes):
            values = applied(change, values, name)
        return name, ttl, values

    def _check_size(
        self, before: Known, name: str, error: SnapshotTooLargeError, values: Values
    ) -> None:
        line = self._knowledge.written(before, values, before.until, name).line
        if line is not None and len(line) > error.limit:
            raise SnapshotTooLargeError(error.key, len(line), error.limit)
