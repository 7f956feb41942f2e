"""What a State can do: the operations that authors await."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Self, cast

from duologue.actors._pykka._functions import is_async
from duologue.errors import (
    StateChangedError,
    StateClassError,
    StateKeyError,
    StateNameError,
    StateValueError,
)
from duologue.state._changes import Clear, Increase, Put, Remove
from duologue.state._declaration import Declaration
from duologue.state._ledgers import Ledger, Ledgers, OneLedger
from duologue.state._running import Making, the_only
from duologue.state._values import (
    Codec,
    Value,
    Values,
    are_fixed,
    are_unchangeable,
    copied,
)

_TRIES = 100
_SELF = "self"


class Declared:
    """What AsyncState and SyncState have in common: what their classes declare.

    Args:
        ledgers: Finds the values.
    """

    _declared: Declaration

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers

    def __init_subclass__(
        cls, *, scope: str | None = None, ttl: float | None = None
    ) -> None:
        super().__init_subclass__()
        before: Declaration | None = getattr(cls, "_declared", None)
        if before is not None:
            scope = before.scope if scope is None else scope
            ttl = before.ttl if ttl is None else ttl
        cls._declared = Declaration(cls, scope=scope or "process", ttl=ttl)

    @classmethod
    def of(
        cls,
        *,
        bot: object = None,
        chat_id: int | None = None,
        user_id: int | None = None,
        operation_id: str | None = None,
        states: Making | None = None,
    ) -> Self:
        """The State of this class for a place, asked for from outside of a handler.

        Args:
            bot: Whose it is; not needed where there is one only.
            chat_id: The chat, if the scope is `chat`.
            user_id: The user, if the scope is `user`.
            operation_id: The operation, if the scope is `operation`.
            states: Who keeps it, such as `runtime.states`; not needed where one runtime
                runs.

        Raises:
            StateClassError: Another class has its name.
            StateEndedError: No runtime runs.
            StateScopeError: The place lacks what its scope needs.
            StatesRunningError: Several run, so `states` must say which.
        """
        making = the_only(cls.__name__) if states is None else states
        return making.of(
            cls,
            bot=bot,
            chat_id=chat_id,
            user_id=user_id,
            operation_id=operation_id,
        )

    @classmethod
    def declaration(cls) -> Declaration:
        """What the class says of itself.

        Raises:
            StateClassError: It is AsyncState or SyncState itself.
        """
        found: Declaration | None = getattr(cls, "_declared", None)
        if found is None or found.is_ours:
            problem = f"it is for subclasses; write class Cart({cls.__name__})"
            raise StateClassError(cls.__name__, problem)
        return found

    @property
    def now(self) -> Self:
        """The same State without the turn around the caller: what it does, it does now.

        It does not wait for the commit, and stays when the turn fails.
        """
        return type(self)(OneLedger(self._ledger.at_once, self._codec))

    @cached_property
    def _ledger(self) -> Ledger:
        return self._ledgers.ledger(type(self))

    @property
    def _codec(self) -> Codec:
        return self._ledgers.codec


class AsyncState(Declared):
    """Values that tasks, handlers and dialogs share, by their names.

    Declare a class of your own and annotate a parameter with it, or ask for one by
    `of`. `class Cart(AsyncState, scope="user", ttl=3600)` has one for each user, which
    is forgotten an hour after its last change. Every operation is whole: none comes
    between another. What comes out is a copy, and what goes in is copied.

    A class that annotates fields has these and no others, of these types:
    `items: list[str]`, `step: int = 0`.
    """

    async def get(self, key: str | None = None, default: Value = None) -> Value:
        """The value of a name, or `default`; all values without a name.

        Raises:
            StateFieldError: The class declares fields, and none of this name.
            StateKeyError: The name is no text.
        """
        if key is None:
            return await self.get_all()
        self._check(key)
        return self._given(await self._ledger.read(), key, default)

    async def get_all(self) -> Values:
        """All values by their names."""
        return self._all(await self._ledger.read())

    async def set(self, key: str, value: Value) -> None:
        """Write a value.

        Raises:
            StateFieldError: The class declares fields, and none of this name.
            StateKeyError: The name is no text.
            StateNameError: The name is `self`.
            StateValueError: The value is not of the declared type.
            UnserialisableDataError: It cannot be stored.
        """
        await self._ledger.change(Put({key: self._stored(key, value)}))

    async def update(self, /, **values: Value) -> Values:
        """Write some values; return all values after it.

        Raises:
            StateFieldError: The class declares fields, and none of such a name.
            StateNameError: A value is called `self`.
            StateValueError: A value is not of the declared type.
            UnserialisableDataError: One cannot be stored.
        """
        return self._all(await self._ledger.change(Put(self._stored_all(values))))

    async def delete(self, key: str) -> None:
        """Forget a value; it need not be there.

        Raises:
            StateKeyError: The name is no text.
        """
        self._check(key)
        await self._ledger.change(Remove(key))

    async def clear(self) -> None:
        """Forget all values."""
        await self._ledger.change(Clear())

    async def incr(self, key: str, by: float = 1) -> Value:
        """Add to a number, which is 0 or its default at first; return it after that.

        Raises:
            StateValueError: It is no number, or not of the declared type.
        """
        self._check(key)
        start = self._declared.defaults.get(key, 0)
        step = self._stored(key, by)
        if isinstance(step, bool) or not isinstance(step, int | float):
            problem = f"cannot be increased by {by!r}; give a number"
            raise StateValueError(self._declared.name, key, problem)
        return (await self._ledger.change(Increase(key, step, start)))[key]

    async def set_if(self, key: str, expected: Value, new: Value) -> bool:
        """Write a value if it is the expected one now; tell whether it was.

        A value that is not there is its default, or None.

        Raises:
            StateAtOnceError: Called inside a turn.
        """
        stored = self._stored(key, new)
        was_expected = False

        def decide(values: Values) -> Values | None:
            nonlocal was_expected
            was_expected = bool(self._given(values, key, None) == expected)
            return values | {key: stored} if was_expected else None

        await self._ledger.decide(decide, "set_if")
        return was_expected

    async def modify(
        self, function: Callable[[Values], Values | Awaitable[Values]]
    ) -> Values:
        """Replace all values by what a function makes of them; return them.

        Nobody writes in between. An async function is called again if somebody has.

        Raises:
            StateAtOnceError: Called inside a turn.
            StateChangedError: Others wrote in between a hundred times.
            StateValueError: The function returned no dict.
            Exception: What the function raises; then nothing is changed.
        """
        if is_async(function):
            return await self._modify(function)

        def decide(values: Values) -> Values:
            return self._result(function(self._all(values)))

        return self._all(await self._ledger.decide(decide, "modify"))

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Values]:
        """All values, to be changed inside the block and written at its end.

        Nothing is written if the block raises.

        Raises:
            StateAtOnceError: Entered inside a turn.
            StateChangedError: Others have written in between; nothing is changed.
        """
        async with self._ledger.lock("transaction"):
            before = await self._ledger.read()
            values = self._all(before)
            yield values
            if not await self._exchange(before, self._result(values), "transaction"):
                raise StateChangedError(self._declared.name, 1)

    async def watch(self) -> AsyncIterator[Values]:
        """All values at once, and again whenever they have changed; the newest only.

        It ends with the runtime.
        """
        async for values in self._ledger.revisions():
            yield self._all(values)

    async def _modify(self, function: Callable[[Values], Value]) -> Values:
        async with self._ledger.lock("modify"):
            for _ in range(_TRIES):
                before = await self._ledger.read()
                after = self._result(await function(self._all(before)))
                if await self._exchange(before, after, "modify"):
                    return self._all(after)
        raise StateChangedError(self._declared.name, _TRIES)

    async def _exchange(self, before: Values, after: Values, call: str) -> bool:
        """Write all values if they are the expected ones; tell whether they were."""
        is_same = False

        def decide(values: Values) -> Values | None:
            nonlocal is_same
            is_same = values is before or values == before
            return after if is_same else None

        await self._ledger.decide(decide, call)
        return is_same

    def _check(self, key: object) -> None:
        if not isinstance(key, str):
            raise StateKeyError(self._declared.name, repr(key))
        self._declared.known(key)

    def _given(self, values: Values, key: str, default: Value) -> Value:
        """What the author gets for a name: another copy, of the declared type."""
        if key in values:
            stored = values[key]
        elif key in self._declared.defaults:
            stored = self._declared.defaults[key]
        else:
            return default
        return self._declared.given(key, copied(self._codec, stored, key))

    def _all(self, values: Values) -> Values:
        if not self._declared.fields:
            if are_unchangeable(values):
                return values.copy()
            codec = self._codec
            return {name: copied(codec, value, name) for name, value in values.items()}
        names = dict.fromkeys((*self._declared.defaults, *values))
        return {name: self._given(values, name, None) for name in names}

    def _stored(self, key: str, value: Value) -> Value:
        self._check(key)
        if key == _SELF:
            raise StateNameError(self._declared.name, key)
        stored = self._declared.checked(key, value)
        return copied(self._codec, stored, self._declared.name, key)

    def _stored_all(self, values: Values) -> Values:
        """Another copy of values, which can be stored."""
        if not self._declared.fields and _SELF not in values and are_fixed(values):
            return values.copy()
        return {key: self._stored(key, value) for key, value in values.items()}

    def _result(self, given: object) -> Values:
        """What the author's function returned, as it is stored."""
        if not isinstance(given, dict):
            if inspect.iscoroutine(given):
                given.close()
            problem = f"needs a dict of all values, not {given!r}; return one"
            raise StateValueError(self._declared.name, "modify()", problem)
        return self._stored_all(cast("Values", given))
