"""Which arguments a handler asks for, and where they come from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, get_type_hints

from duologue.actors._pykka._functions import is_async
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._state._functions import name_of
from duologue.dialogs._state._shared import state_for
from duologue.errors import HandlerError, InjectionError
from duologue.state._parameters import state_parameters

Handler: TypeAlias = Function
HandlerData: TypeAlias = dict[str, Json]

# Protocols that no isinstance check can recognise.
_BY_ANNOTATION: Mapping[object, str] = {Bot: "bot", "Bot": "bot"}


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    annotation: object
    is_optional: bool


class Injected:
    """A handler together with the arguments that it asks for.

    The first argument that is no State is the event. Each further one is taken by its name from
    what middlewares and filters provide, or else by the class it is annotated
    with; `**kwargs` takes everything.

    Args:
        handler: An async function.
        takes_event: Whether there is an event.

    Raises:
        HandlerError: It is not async, or takes no event.
    """

    __slots__ = (
        "_call",
        "_event_name",
        "_first",
        "_parameters",
        "_states",
        "_takes_all",
        "name",
    )

    def __init__(self, handler: Handler, *, takes_event: bool = True) -> None:
        self.name = name_of(handler)
        if isinstance(handler, type):
            raise HandlerError(self.name, f"it is a class; give {handler.__name__}()")
        if not is_async(handler):
            raise HandlerError(self.name, "it must be an `async def` function")
        self._call = handler
        signature = inspect.signature(handler)
        parameters = list(signature.parameters.values())
        kinds = {parameter.kind for parameter in parameters}
        self._takes_all = inspect.Parameter.VAR_KEYWORD in kinds
        hints = _hints(handler)
        self._states = state_parameters(handler).classes
        named = [
            parameter
            for parameter in parameters
            if parameter.kind
            not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
            and parameter.name not in self._states
        ]
        if not takes_event:
            first = None
        elif named:
            first = named.pop(0).name
        elif inspect.Parameter.VAR_POSITIONAL in kinds:
            first = None
        else:
            raise HandlerError(self.name, "its first argument must be the event")
        self._first = first
        is_behind = bool(parameters) and parameters[0].name in self._states
        # Behind a State it is given by its name, as the State is.
        self._event_name = first if is_behind else None
        self._parameters = tuple(
            _Parameter(
                parameter.name,
                hints.get(parameter.name, parameter.annotation),
                parameter.default is not inspect.Parameter.empty,
            )
            for parameter in named
        )

    async def __call__(self, event: object, data: HandlerData) -> Json:
        """Call the handler.

        Raises:
            InjectionError: It asks for something that nobody provides.
        """
        if self._event_name is not None:
            return await self._call(
                **{self._event_name: event}, **self._arguments(data)
            )
        return await self._call(event, **self._arguments(data))

    async def without_event(self, data: HandlerData) -> Json:
        """Call the function where there is no event.

        Raises:
            InjectionError: It asks for something that nobody provides.
        """
        return await self._call(**self._arguments(data))

    def _arguments(self, data: HandlerData) -> HandlerData:
        arguments: HandlerData = {}
        if self._takes_all:
            arguments |= {name: data[name] for name in data if name != self._first}
        for parameter in self._parameters:
            key = _find(parameter, data)
            if key is not None:
                arguments[parameter.name] = data[key]
            elif not parameter.is_optional:
                raise InjectionError(self.name, parameter.name, tuple(sorted(data)))
        for name, cls in self._states.items():
            arguments[name] = state_for(data, cls)
        return arguments


def _hints(handler: Handler) -> dict[str, object]:
    target = handler if inspect.isroutine(handler) else type(handler).__call__
    try:
        return dict(get_type_hints(target))
    except (NameError, TypeError, AttributeError):
        return {}  # names that exist only inside a function: match them as text


def _find(parameter: _Parameter, data: HandlerData) -> str | None:
    """Find the key of what a parameter asks for; None if nobody provides it."""
    if parameter.name in data:
        return parameter.name
    annotation = parameter.annotation
    if isinstance(annotation, str):
        return _find_by_text(annotation.rpartition(".")[2], data)
    if annotation in _BY_ANNOTATION:
        return _BY_ANNOTATION[annotation]
    if isinstance(annotation, type) and not _is_plain(annotation):
        return _find_by_type(annotation, data)
    return None


def _find_by_text(annotation: str, data: Mapping[str, object]) -> str | None:
    for key, value in data.items():
        kind = type(value)
        if kind.__name__ == annotation and not _is_plain(kind):
            return key
    return _BY_ANNOTATION.get(annotation)


def _find_by_type(annotation: type, data: HandlerData) -> str | None:
    for key, value in data.items():
        if type(value) is annotation:
            return key
    return next((key for key, value in data.items() if _is_a(value, annotation)), None)


def _is_plain(kind: type) -> bool:
    """Tell whether a class says nothing about what a value is for, as `str` does."""
    return kind.__module__ == "builtins"


def _is_a(value: object, annotation: type) -> bool:
    try:
        return isinstance(value, annotation)
    except TypeError:
        return False  # a protocol that cannot be checked at run time
