"""Getters: where the data that widgets render comes from."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias, cast

from duologue.actors._pykka._functions import is_async
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs._state._functions import name_of
from duologue.dialogs._state._shared import state_for
from duologue.errors import HandlerError, InjectionError
from duologue.state._parameters import state_parameters

Getter: TypeAlias = (
    "Function | Mapping[str, Json] | Sequence[Function | Mapping[str, Json]]"
)
_Part: TypeAlias = "Function | Mapping[str, Json]"
_Source: TypeAlias = Callable[[dict[str, Json]], Awaitable[Mapping[str, Json]]]

_EXPECTED = "a getter must be an `async def` function or a dict"


class Getters:
    """One or several getters, asked in order.

    Args:
        getter: An async function that takes what middlewares provide as keyword
            arguments and returns a dict; a dict; or several of these.

    Attributes:
        sources: The functions that are asked, in order.

    Raises:
        HandlerError: Something else was given.
    """

    __slots__ = ("sources",)

    def __init__(self, getter: Getter | None) -> None:
        if getter is None:
            self.sources: tuple[_Source, ...] = ()
        elif callable(getter) or isinstance(getter, Mapping):
            self.sources = (_source(getter),)
        else:
            self.sources = tuple(_source(part) for part in _parts(getter))

    async def load(self, data: dict[str, Json]) -> Mapping[str, Json]:
        """Ask all getters; later ones win.

        Args:
            data: What middlewares provide, `dialog_manager` among it.

        Raises:
            InjectionError: One asks for something that nobody provides.
            HandlerError: One returned no dict.
        """
        sources = self.sources
        if len(sources) == 1:
            return await sources[0](data)
        found: dict[str, Json] = {}
        for source in sources:
            found.update(await source(data))
        return found


def _parts(getter: Sequence[_Part]) -> Sequence[_Part]:
    try:
        return tuple(getter)
    except TypeError as error:
        raise HandlerError(repr(getter), _EXPECTED) from error


def _source(getter: _Part) -> _Source:
    if not callable(getter):
        fixed = _checked_dict(getter)

        async def give(_data: dict[str, Json]) -> Mapping[str, Json]:
            return fixed

        return give
    return _function(getter)


def _checked_dict(getter: Mapping[str, Json]) -> dict[str, Json]:
    try:
        return dict(getter)
    except (TypeError, ValueError) as error:
        raise HandlerError(repr(getter), _EXPECTED) from error


def _function(getter: Function) -> _Source:
    if not is_async(getter):
        raise HandlerError(name_of(getter), _EXPECTED)
    parameters = list(inspect.signature(getter).parameters.values())
    if any(part.kind is part.POSITIONAL_ONLY for part in parameters):
        problem = "a getter is called with arguments by name, so it cannot have a `/`"
        raise HandlerError(name_of(getter), problem)
    states = state_parameters(getter).classes
    parameters = [part for part in parameters if part.name not in states]
    names = [parameter.name for parameter in parameters]
    needed = [parameter.name for parameter in parameters if _is_needed(parameter)]
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)

    async def ask(data: dict[str, Json]) -> Mapping[str, Json]:
        for name in needed:
            if name not in data:
                raise InjectionError(name_of(getter), name, tuple(sorted(data)))
        given = data
        if not takes_all:
            given = {name: data[name] for name in names if name in data}
        elif states:
            given = data.copy()
        for name, cls in states.items():
            given[name] = state_for(data, cls)
        return _checked_result(await getter(**given), getter)

    return ask


def _is_needed(parameter: inspect.Parameter) -> bool:
    is_one = parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    return is_one and parameter.default is parameter.empty


def _checked_result(found: object, getter: Function) -> Mapping[str, Json]:
    if type(found) is dict or isinstance(found, Mapping):
        return cast("Mapping[str, Json]", found)
    problem = f"it returned {found!r:.100}; a getter returns a dict for the widgets"
    raise HandlerError(name_of(getter), problem)
