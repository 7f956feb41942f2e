"""Turns: begun in memory, and ended on the server, all of it or nothing."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from duologue.actors import FailedMail, Letter, Opened, Owed, TimedLetter
from duologue.actors._engine._local import Mailbox, check_letters
from duologue.errors import EngineUnavailableError, FencedError, MailboxFullError
from duologue.transport.redis._suspects import MOST_DEATHS, Suspects
from duologue.transport.redis._units import TOKEN_SIZE, State, Unit, parts_of, state_of
from duologue.transport.redis._wire._calls import Call, Reply
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._envelopes import pack, pack_owed
from duologue.transport.redis._wire._scripts import COMMIT, PARK

_MOST_OUT = 1000  # letters of one unit that wait for others to have room

_logger = logging.getLogger("duologue.redis")


@dataclass(frozen=True, slots=True)
class Change:
    """What the end of a turn changes.

    Attributes:
        snapshot: The new state; None leaves it as it was.
        mine: Mail for this unit.
        others: Mail for other units.
        owed: What is owed to the screen of this unit.
        elsewhere: What is owed to other screens.
        timed: Letters for later.
        dead: The message of the turn, if it was given up.
    """

    snapshot: bytes | None
    mine: Sequence[Letter] = ()
    others: Sequence[Letter] = ()
    owed: Sequence[Owed] = ()
    elsewhere: Sequence[Owed] = ()
    timed: Sequence[TimedLetter] = ()
    dead: FailedMail | None = None

    def out(self) -> list[bytes]:
        """What is to be brought to other units."""
        letters = [pack(letter) for letter in self.others]
        return letters + [
            pack_owed(one.screen, one.id, one.body) for one in self.elsewhere
        ]

    def arguments(self, out: Sequence[bytes]) -> list[Argument]:
        """What the script is given of it, behind the numbers."""
        args: list[Argument] = [pack(letter) for letter in self.mine]
        for one in self.owed:
            args += [one.id, one.body]
        args += out
        for letter in self.timed:
            at: Argument = "" if letter.at is None else letter.at
            args += [f"{letter.key}\n{letter.id}", at, letter.body]
        return args


class Turns(Suspects):
    """The turns of the units that are here."""

    _expire: int
    _most_dead: int

    async def open(self, key: str) -> Opened | None:
        """Begin a turn.

        Returns:
            The turn; None if the key is not leased, or not any more for want of mail.

        Raises:
            FencedError: Another process has the key, and nobody can say whether the last
                commit of this one had its effect.
            EngineUnavailableError: The server does not answer.
        """
        doubted = self._doubts.get(key)
        if doubted is not None:
            if not doubted.is_lost:
                await asyncio.shield(self._refresh(doubted))
            if doubted.is_lost:
                self._doubts.pop(key, None)
                box = self._boxes.get(key)
                if box is not None and box.lessee is not None:
                    # It is here again already, and whoever was told of that is here.
                    self._loop.call_soon(box.lessee.ready, key)
                raise FencedError(key)
        box, unit = self._boxes.get(key), self._unit(key)
        if box is None or unit is None or box.lessee is None:
            return None
        state = unit.states.get(key)
        if state is None:
            state = await self._read_state(unit, key)
        if unit.is_lost:
            return None
        if unit.suspects and self._is_suspect(unit, key):
            is_allowed = await self._stand_alone(unit, key)
            if not is_allowed:
                return await self._set_aside(unit, key, box, state[1])
        return self._begin(key, state[1])

    async def _set_aside(
        self, unit: Unit, key: str, box: Mailbox, snapshot: bytes | None
    ) -> Opened | None:
        """Make a dead letter of a message that has ended too many processes."""
        opened = self._begin(key, snapshot)
        if opened is None:
            return None
        error = f"it was being handled alone when {MOST_DEATHS} processes died"
        dead = FailedMail(key, opened.mail, error)
        _logger.error("a message of %s is set aside: %s", key, error)
        unit.suspects.pop(key, None)
        await self._end(opened, box, unit, Change(None, dead=dead))
        self._dead.append(dead)
        if box.mail and not unit.is_lost:
            return await self.open(key)
        if not unit.is_lost:
            self._release(key, box)
            self._rest(unit)
        return None

    async def _read_state(self, unit: Unit, key: str) -> State:
        def done(reply: Reply) -> State:
            state = unit.states[key] = state_of(reply, None)
            self._cache.put(key, state)
            return state

        name = self._names.state(unit.place.shard, key)
        return cast("State", await self._link.ask(Call(key, ["GET", name], done=done)))

    async def commit(
        self,
        opened: Opened,
        *,
        snapshot: bytes | None,
        outbox: Sequence[Letter] = (),
        owed: Sequence[Owed] = (),
        timed: Sequence[TimedLetter] = (),
        keep: bool = False,
    ) -> Opened | None:
        """End a turn: write everything that it changed, or nothing.

        Returns:
            The next turn if `keep` is set and there is mail.

        Raises:
            FencedError: Another process has the key meanwhile.
            MailboxFullError: A mailbox has no room for the outbox.
            SnapshotTooLargeError: The snapshot is over the limit.
            EngineUnavailableError: The server did not answer.
        """
        box, unit = self._in_turn(opened)
        key = opened.key
        check_letters(outbox)
        mine = [letter for letter in outbox if self._unit(letter.key) is unit]
        others = [letter for letter in outbox if self._unit(letter.key) is not unit]
        self._check(key, snapshot, mine, owed, timed)
        if len(unit.out) + len(others) > _MOST_OUT:
            raise MailboxFullError(others[0].key, _MOST_OUT)
        here, elsewhere = self._sorted(unit, owed)
        change = Change(snapshot, mine, others, here, elsewhere, timed)
        await self._end(opened, box, unit, change)
        await self._acquit(unit, key, is_handled=True)
        if keep and box.mail and not unit.is_lost:
            return await self.open(key)
        if not unit.is_lost:
            self._release(key, box)
            self._rest(unit)
        return None

    async def fail(
        self,
        opened: Opened,
        *,
        error: str,
        retry: bool,
        snapshot: bytes | None = None,
        owed: Sequence[Owed] = (),
    ) -> None:
        """End a turn that has failed: its mail stays, or is a dead letter.

        Raises:
            FencedError: Another process has the key meanwhile.
            EngineUnavailableError: The server did not answer.
        """
        box, unit = self._in_turn(opened)
        if not retry:
            text = error.encode(errors="backslashreplace").decode()
            dead = FailedMail(opened.key, opened.mail, text)
            here, elsewhere = self._sorted(unit, owed)
            change = Change(snapshot, owed=here, elsewhere=elsewhere, dead=dead)
            await self._end(opened, box, unit, change)
            self._dead.append(dead)
        await self._acquit(unit, opened.key, is_handled=not retry)
        if not unit.is_lost:
            self._release(opened.key, box)
            self._rest(unit)

    async def park(self, opened: Opened, schema: int) -> None:
        """Leave a key to a program that understands it; nothing of it is lost.

        Raises:
            FencedError: Another process has the key meanwhile.
            EngineUnavailableError: The server did not answer.
        """
        box, unit = self._in_turn(opened)
        # It is leased at once by whoever understands it; this program does not.
        schema = max(schema, self._schema_of(opened.key) + 1)

        def done(_: Reply) -> None:
            if opened.key not in unit.parked:
                self._totals["parked", unit.place.shard] += 1

        args: list[Argument] = [unit.token, opened.key, schema]
        await self._acquit(unit, opened.key, is_handled=True)
        await asyncio.shield(self._send(PARK, unit.place, args, done=done))
        unit.parked[opened.key] = box.parked = schema
        self._release(opened.key, box)
        if self._parked_only(unit):
            _answer = self._let_go(unit, only_empty=False)

    def _in_turn(self, opened: Opened) -> tuple[Mailbox, Unit]:
        """The mailbox and the unit of a turn.

        Raises:
            FencedError: They are not here any more, or the turn is over.
        """
        box, unit = self._owned(opened), self._unit(opened.key)
        if unit is None:
            raise FencedError(opened.key)
        return box, unit

    @staticmethod
    def _sorted(unit: Unit, owed: Sequence[Owed]) -> tuple[list[Owed], list[Owed]]:
        """What is owed to the screen of a unit, and to others."""
        screen = f"screen/{unit.place.unit}"
        here = [one for one in owed if one.screen == screen]
        return here, [one for one in owed if one.screen != screen]

    async def _end(
        self, opened: Opened, box: Mailbox, unit: Unit, change: Change
    ) -> None:
        """Have the server end a turn, and follow it here."""
        key, shard = opened.key, unit.place.shard
        out = change.out()
        after = secrets.token_bytes(TOKEN_SIZE)
        more = [self._names.state(shard, key), *self._names.timed(shard)]
        more.append(self._names.dead(shard))
        carried: dict[int, bytes] = {}
        known = 0

        def done(reply: Reply) -> None:
            nonlocal known
            known = self._link.connections
            status, last, numbers = parts_of(reply)
            if status == b"fenced":
                self._lose(unit)
            if unit.is_lost:
                raise FencedError(key)
            kept = unit.states[key][1] if change.snapshot is None else change.snapshot
            unit.states[key] = after, kept
            self._cache.put(key, (after, kept))
            self._handled(unit, key, box)
            self._add_own_owed(unit, change.owed)
            if status == b"already":
                unit.is_stale = True
                _answer = self._refresh(unit)
                return
            carried.update(zip(numbers[len(change.mine) :], out, strict=True))
            self._follow(unit, reply, change, carried, last, numbers)

        args = self._numbers(unit, key, change, out, after)
        args.append(opened.mail.id)
        box.token = None
        future = self._send_about(
            unit, COMMIT, [*args, *change.arguments(out)], more=more, done=done
        )
        for letter in change.timed:
            self._note_timed(letter)
        try:
            await asyncio.shield(future)
        except EngineUnavailableError:
            self._doubts[key] = unit
            self._leave_open(unit, change.owed, carried)
            raise
        if carried:
            await self._let_out(unit, carried, len(change.others), known)

    @staticmethod
    def _leave_open(unit: Unit, owed: Sequence[Owed], carried: Iterable[int]) -> None:
        """Leave to whoever learns of a commit what is to follow from it.

        It may have had its effect, and be known here, though no replica has it; but who
        asked for it is told that nobody knows, and will draw nothing.
        """
        for one in owed:
            unit.owed.pop(one.id, None)
        for number in carried:
            unit.out.pop(number, None)

    def _numbers(
        self,
        unit: Unit,
        key: str,
        change: Change,
        out: Sequence[bytes],
        after: bytes,
    ) -> list[Argument]:
        """What the script is given first."""
        snapshot, dead = change.snapshot, change.dead
        is_last = (
            list(unit.numbers) == [key]
            and len(unit.numbers[key]) == 1
            and not (change.mine or change.owed or out)
            and not (unit.owed or unit.out or unit.calls)
            and not unit.place.is_chat
        )
        return [
            unit.token,
            unit.states[key][0],
            after,
            unit.numbers[key][0],
            self._expire,
            "0" if snapshot is None else "1",
            snapshot or b"",
            len(change.mine),
            len(change.owed),
            len(out),
            len(change.timed),
            "1" if is_last else "0",
            b"" if dead is None else _packed_dead(dead),
            self._most_dead,
        ]

    def _follow(  # noqa: PLR0917  # all that a commit has brought about
        self,
        unit: Unit,
        reply: Reply,
        change: Change,
        carried: dict[int, bytes],
        last: int,
        numbers: Sequence[int],
    ) -> None:
        """Do here what the server has done."""
        shard = unit.place.shard
        unit.out.update(carried)
        self._totals["timed", shard] += cast("list[int]", reply)[-1]
        self._totals["mail", shard] += len(change.mine)
        if cast("list[Reply]", reply)[0] == b"released":
            self._forget(unit)
        elif self._arrived(unit, last, zip(numbers, change.mine, strict=False)):
            _answer = self._refresh(unit)

    async def _let_out(
        self, unit: Unit, carried: dict[int, bytes], letters: int, known: int
    ) -> None:
        """Have brought to other units what a commit sends there."""
        # Whoever lets out what is owed has to know who draws it; mail may wait.
        mail = dict(list(carried.items())[:letters])
        drawings = {n: out for n, out in carried.items() if n not in mail}
        if mail:
            _task = self._spawn(self._carry(unit, mail, known))
        if drawings:
            await asyncio.shield(self._spawn(self._carry(unit, drawings, known)))


def _packed_dead(dead: FailedMail) -> bytes:
    error = dead.error.encode()
    return len(error).to_bytes(4) + error + pack(Letter(dead.key, dead.mail))
