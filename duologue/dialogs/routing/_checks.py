"""Whether an event passes a filter."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TypeAlias

from magic_filter import MagicFilter

from duologue.actors._pykka._functions import is_async
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs._state._functions import takes
from duologue.dialogs.routing._injection import HandlerData, Injected
from duologue.errors import HandlerError, RouterError

Filter: TypeAlias = "MagicFilter | Function"


class Check:
    """One filter, whatever its form.

    Args:
        chosen: The filter.

    Raises:
        RouterError: It is none.
    """

    __slots__ = ("_call", "_magic")

    def __init__(self, chosen: Filter) -> None:
        self._magic = chosen if isinstance(chosen, MagicFilter) else None
        self._call: Injected | Function | None = None
        if self._magic is None:
            self._call = _filter_call(chosen)

    async def __call__(self, event: object, data: HandlerData) -> Json:
        if self._magic is not None:
            return self._magic.resolve(event)
        if isinstance(self._call, Injected):
            return await self._call(event, data)
        assert self._call is not None  # noqa: S101  # one of the two is set
        return self._call(event)


async def passes(checks: Sequence[Check], event: object, data: HandlerData) -> bool:
    """Tell whether an event passes all; what they find goes into the data."""
    found: HandlerData = {}
    for check in checks:
        result = await check(event, data)
        if inspect.isawaitable(result):
            result = await result
        if not result:
            return False
        if isinstance(result, dict):
            found |= result
    data.update(found)
    return True


def _filter_call(chosen: Function) -> Injected | Function:
    if isinstance(chosen, type):
        name = chosen.__name__
        raise RouterError(f"the class {name} is no filter; give an instance: {name}()")
    if not callable(chosen):
        raise RouterError(
            f"{chosen!r} is no filter; give F.text == ..., Command(...) or a function "
            "of the event"
        )
    try:
        return Injected(chosen)
    except HandlerError as error:
        if not is_async(chosen) and takes(chosen, 1):
            return chosen
        raise RouterError(
            f"{error.handler} is no filter, because it cannot be called with the "
            "event alone; only an `async def` filter may ask for more behind it"
        ) from error
