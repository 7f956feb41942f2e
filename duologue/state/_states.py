"""All States of a runtime: which there are, and where they are kept."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from duologue.actors import Engine, MemoryEngine
from duologue.errors import StateClassError, StateScopeError
from duologue.state._handle import Declared
from duologue.state._keeper import Cell, Keeper
from duologue.state._ledgers import Ledger, Ledgers, OneLedger
from duologue.state._placed import CurrentWrites, Placed
from duologue.state._running import running
from duologue.state._values import Codec

T = TypeVar("T")

# What stays in this process: it ends with it anyway.
_IN_MEMORY = frozenset({"process", "operation"})


def _none() -> None:
    """Say that there are no turns."""


class States:
    """The States of a runtime.

    Args:
        engine: Where those are kept that outlive the process on a durable engine.
        codec: How values become bytes.
        bot_name: The name of a bot such as `max.42`; of the only one for None, and
            None if there are several.
        writes: Tells what the turn around the caller has written.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        codec: Codec,
        bot_name: Callable[[object], str | None],
        writes: CurrentWrites = _none,
    ) -> None:
        self.codec: Codec = codec
        self._bot_name = bot_name
        self._writes = writes
        self._memory = MemoryEngine()
        self._local = Keeper(self._memory, codec, is_private=True)
        self._kept = Keeper(engine, codec)
        self._classes: dict[str, type[Declared]] = {}
        # Those that turns have asked for with success: turns with a user, and others.
        self._with_user: set[type[Declared]] = set()
        self._without_user: set[type[Declared]] = set()

    async def __aenter__(self) -> Self:
        await self._memory.__aenter__()
        self._local.start()
        self._kept.start()
        running.append(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Answer nothing any more; whoever waits gets a `StateEndedError`."""
        running.remove(self)
        await self._kept.stop()
        await self._local.stop()
        await self._memory.__aexit__()

    def of(
        self,
        cls: type[T],
        *,
        bot: object = None,
        chat_id: int | None = None,
        user_id: int | None = None,
        operation_id: str | None = None,
    ) -> T:
        """The State of a class for a place; what its scope does not need is ignored.

        Raises:
            StateClassError: Another class has its name.
            StateScopeError: The place lacks what its scope needs.
        """
        if not issubclass(cls, Declared):
            raise StateClassError(cls.__name__, "it is no subclass of AsyncState")
        cell = self.cell(
            cls,
            bot=bot,
            chat_id=chat_id,
            user_id=user_id,
            operation_id=operation_id,
        )
        return cls(OneLedger(self.placed(cell), self.codec))

    def placed(self, cell: Cell) -> Placed:
        """A State as code sees it."""
        return Placed(cell, self.codec, self._writes)

    def in_turn(self, bot: str, chat_id: int, user_id: int | None) -> TurnStates:
        """The States of a turn's place."""
        known = self._without_user if user_id is None else self._with_user
        return TurnStates(self, known, bot, chat_id, user_id)

    def cell(
        self,
        cls: type[Declared],
        *,
        bot: object = None,
        chat_id: int | None = None,
        user_id: int | None = None,
        operation_id: str | None = None,
    ) -> Cell:
        """Where the values of a State are; see `of`."""
        self.take(cls)
        declared = cls.declaration()
        name, scope = declared.name, declared.scope
        match scope:
            case "process":
                path = name
            case "dialog":
                missing = "it lies in the dialog itself"
                instead = (
                    "ask for it in a handler, a callback or a getter of the dialog"
                )
                raise StateScopeError(name, scope, missing, instead)
            case "operation":
                path = f"{name}:{self._needed(name, scope, operation_id, 'operation')}"
            case "bot":
                path = f"{name}:{self._bot(name, scope, bot)}"
            case _:
                number = chat_id if scope == "chat" else user_id
                needed = self._needed(name, scope, number, scope)
                path = f"{name}:{self._bot(name, scope, bot)}:{needed}"
        keeper = self._local if scope in _IN_MEMORY else self._kept
        return keeper.cell(path, name, declared.ttl)

    def take(self, cls: type[Declared]) -> None:
        """Know a class.

        Raises:
            StateClassError: Another class has its name.
        """
        name = cls.declaration().name
        other = self._classes.setdefault(name, cls)
        if other is not cls:
            problem = (
                f"{other.__module__}.{other.__qualname__} has its name, under which "
                "values are kept; rename one of them"
            )
            raise StateClassError(f"{cls.__module__}.{cls.__qualname__}", problem)

    def _bot(self, name: str, scope: str, bot: object) -> str:
        found = self._bot_name(bot)
        if found is None:
            missing = "there is not exactly one bot"
            raise StateScopeError(name, scope, missing, "write bot=…")
        return found

    def _needed(self, name: str, scope: str, given: object, what: str) -> object:
        if given is None:
            missing = f"no {what} is known here"
            instead = f"write {name}.of({what}_id=…), or give it another scope="
            raise StateScopeError(name, scope, missing, instead)
        return given


class TurnStates(Ledgers):
    """The States of a turn's place.

    Args:
        states: All of the runtime.
        known: The classes that such turns have asked for with success; `cls(turn_states)`
            makes one of these, which need not be used.
        bot: The bot.
        chat_id: The chat.
        user_id: The user; None if the turn is about nobody.
    """

    __slots__ = ("_bot", "_chat_id", "_states", "codec", "known", "user_id")

    def __init__(
        self,
        states: States,
        known: set[type[Declared]],
        bot: str,
        chat_id: int,
        user_id: int | None,
    ) -> None:
        self._states = states
        self.codec: Codec = states.codec
        self._bot = bot
        self._chat_id = chat_id
        self.known: set[type[Declared]] = known
        self.user_id: int | None = user_id

    def first(self, cls: type[Declared]) -> Declared:
        """The State of a class that is not known yet.

        Raises:
            StateClassError: Another class has its name.
            StateScopeError: The turn lacks what its scope needs.
        """
        self.ledger(cls)
        self.known.add(cls)
        return cls(self)

    def ledger(self, cls: type[Declared]) -> Ledger:
        """Where the values of a class are."""
        cell = self._states.cell(
            cls, bot=self._bot, chat_id=self._chat_id, user_id=self.user_id
        )
        return self._states.placed(cell)
