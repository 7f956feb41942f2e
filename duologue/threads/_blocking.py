"""The bridge: any asynchronous object, a runtime first of all, as threads may use it."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import AbstractAsyncContextManager
from enum import Enum
from functools import cache, wraps
from types import ModuleType, TracebackType
from typing import Final, Protocol, Self, SupportsIndex, cast

from duologue.actors._pykka._functions import is_async
from duologue.errors import CallTimeoutError
from duologue.threads._block import Block
from duologue.threads._call import LoopCall
from duologue.threads._loop_thread import LoopThread

_PROTOCOLS: Final = ("__await__", "__aenter__", "__aiter__", "__anext__")
_MISSING: Final = object()
_PLAIN: Final = (type, ModuleType, BaseException, Enum, str, bytes, int, float)


class BridgedMethod(Protocol):
    """A function of an object, as the bridge sees it."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call it."""
        ...


class Blocking:
    """Stands for an object that lives on a loop, for the threads beside it.

    Everything public of the object is here too and runs on the loop, so its state is
    never touched by two threads. Methods wait for their end; all take `timeout=`
    seconds, unless they have a parameter of that name themselves. What an awaitable
    gives is given by `wait()`; an asynchronous context manager is used with `with`, an
    asynchronous iterator with `for` or `next(timeout=)`. What comes back is of the same
    kind wherever it is asynchronous itself; other values come back as they are. When
    the loop has ended, attributes can still be read, such as the last `snapshot` of a
    worker; methods raise `RuntimeStoppedError`.
    """

    __slots__ = ("_ahead", "_block", "_target", "_thread")

    _ahead: list[LoopCall]
    _block: Block | None
    _target: object
    _thread: LoopThread

    def __init__(self, target: object, thread: LoopThread) -> None:
        for name, value in (
            ("_target", target),
            ("_thread", thread),
            ("_block", None),
            ("_ahead", list[LoopCall]()),
        ):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<blocking {self._target!r}>"

    def __eq__(self, other: object) -> bool:
        return self._target == _bare(other)

    def __hash__(self) -> int:
        return hash(self._target)

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> str | tuple[object, ...]:
        raise TypeError(f"{self!r} cannot be copied or pickled; it is tied to a thread")

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._target) if not name.startswith("_")]

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(f"{name} is not for other threads")
        target, called = self._target, f"{_word(self._target)}.{name}"
        method = inspect.getattr_static(target, name, _MISSING)
        if isinstance(method, staticmethod | classmethod) or inspect.isroutine(method):
            return self._method(getattr(target, name), called)
        if method is _MISSING and not hasattr(type(target), "__getattr__"):
            return self._of_protocol(name)
        if self._thread.has_ended:
            return wrap(getattr(target, name), self._thread)
        return self._get(called, called, lambda: getattr(target, name))

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            raise AttributeError(f"{name} is not for other threads")
        target, called = self._target, f"{_word(self._target)}.{name}"
        self._get(called, called, lambda: setattr(target, name, _bare(value)))

    def __enter__(self) -> object:
        """Enter the `async with` on the loop."""
        if not hasattr(self._target, "__aenter__"):
            raise TypeError(f"{_word(self._target)} has no `async with`")
        manager = cast("AbstractAsyncContextManager[object, bool | None]", self._target)
        block = Block(self._thread, manager, _word(self._target))
        value = block.enter()
        object.__setattr__(self, "_block", block)
        return self if value is self._target else wrap(value, self._thread)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Leave the `async with` on the loop."""
        block = self._block
        assert block is not None  # noqa: S101  # __enter__ has set it
        object.__setattr__(self, "_block", None)
        return block.leave(error)

    def __iter__(self) -> Self:
        """Iterate with `for`."""
        target = cast("AsyncIterable[object]", self._target)
        found = self._get("iter()", "async for", lambda: aiter(target))
        return self if found == self else cast("Self", found)

    def __next__(self) -> object:
        return self._step()

    def _method(self, method: BridgedMethod, called: str) -> BridgedMethod:
        instead = f"await {called}(...)" if _needs_loop(method) else f"{called}(...)"
        has_own_timeout = _has_timeout(method)

        @wraps(method)
        def blocking(*args: object, **kwargs: object) -> object:
            timeout = None if has_own_timeout else _seconds(kwargs.pop("timeout", None))
            given = [_bare(value) for value in args]
            named = {name: _bare(value) for name, value in kwargs.items()}
            return self._get(
                f"{called}()", instead, lambda: method(*given, **named), timeout
            )

        return blocking

    def _of_protocol(self, name: str) -> Callable[[float | None], object]:
        """The methods that stand for `await` and `async for`."""
        if name == "wait" and hasattr(self._target, "__await__"):
            return self._wait
        if name == "next" and hasattr(self._target, "__anext__"):
            return self._step
        raise AttributeError(f"{type(self._target).__name__!r} object has no {name!r}")

    def _wait(self, timeout: float | None = None) -> object:
        word, target = _word(self._target), cast("Awaitable[object]", self._target)

        async def awaited() -> object:
            if isinstance(target, asyncio.Future):
                return await asyncio.shield(target)  # it is not of this wait only
            return await target

        return self._get(f"{word}.wait()", f"await {word}", awaited, _seconds(timeout))

    def _step(self, timeout: float | None = None) -> object:
        """Take the next value; when the time is up, the wait for it goes on."""
        target = cast("AsyncIterator[object]", self._target)

        async def step() -> object:
            return await anext(target)

        seconds = _seconds(timeout)
        ahead = self._ahead
        call = (
            ahead.pop()
            if ahead
            else LoopCall(self._thread, "next()", "async for", step)
        )
        is_there = False
        try:
            is_there = call.is_answered(seconds)
        finally:
            if not is_there:  # the time is up, or there was a signal
                ahead.append(call)
        if not is_there:
            raise CallTimeoutError("next()", seconds or 0.0)
        try:
            return wrap(call.wait(), self._thread)
        except StopAsyncIteration:
            raise StopIteration from None

    def _get(
        self,
        called: str,
        instead: str,
        function: Callable[[], object],
        timeout: float | None = None,
    ) -> object:
        return wrap(
            LoopCall(self._thread, called, instead, function).wait(timeout),
            self._thread,
        )


def wrap(value: object, thread: LoopThread) -> object:
    """Make a value fit for threads: one that lives on the loop becomes `Blocking`.

    Lists and tuples are looked into, other containers are not.
    """
    if is_asynchronous(value):
        return Blocking(value, thread)
    if type(value) in (list, tuple):
        values = cast("list[object] | tuple[object, ...]", value)
        if any(is_asynchronous(each) for each in values):
            return type(values)(wrap(each, thread) for each in values)
    return value


def is_asynchronous(value: object) -> bool:
    """Whether something of a value must be awaited on a loop."""
    kind = type(value)
    return not isinstance(value, _PLAIN) and _has_coroutines(kind)  # type: ignore[arg-type]  # mypy asks whether its instances are hashable


@cache
def _has_coroutines(kind: type) -> bool:
    if any(hasattr(kind, name) for name in _PROTOCOLS):
        return True
    members: Mapping[str, object] = {
        name: inspect.getattr_static(kind, name)
        for name in dir(kind)
        if not name.startswith("_")
    }
    return any(_needs_loop(member) for member in members.values())


def _needs_loop(function: object) -> bool:
    """Whether what it gives is for a loop: a coroutine or an asynchronous iterator."""
    return is_async(function) or inspect.isasyncgenfunction(function)


def _has_timeout(method: BridgedMethod) -> bool:
    try:
        return "timeout" in inspect.signature(method).parameters
    except ValueError:  # some that are written in C do not tell
        return False


def _bare(value: object) -> object:
    return value._target if isinstance(value, Blocking) else value  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # our own class


def _seconds(value: object) -> float | None:
    if value is None or isinstance(value, int | float):
        return None if value is None else min(max(0.0, value), threading.TIMEOUT_MAX)
    raise TypeError(f"timeout= is a number of seconds or None, not {value!r}")


def _word(target: object) -> str:
    """The word for an object that its class suggests: `bg_manager`, `receipt`."""
    words: list[str] = re.findall(r"[A-Z]?[^A-Z]+|[A-Z]+", type(target).__name__)
    return "_".join(words).strip("_").lower()
