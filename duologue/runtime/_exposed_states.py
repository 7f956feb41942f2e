"""State that other programs reach: by its class and what it belongs to."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import assert_never, cast

from duologue.errors import (
    SharedStateError,
    UnknownMessageError,
    UnknownRefError,
)
from duologue.messages import Event, Ref
from duologue.messages._message import dump_answer
from duologue.messages._recipients import Result
from duologue.messages._states import (
    STATE_CALLS,
    StateCall,
    StateGet,
    StateIncr,
    StateSet,
)
from duologue.state import AsyncState, States


class ExposedStates:
    """The States of some classes, as other programs reach them.

    Args:
        states: Keeps them.
        classes: Their classes.
    """

    def __init__(self, states: States, classes: Sequence[type[AsyncState]]) -> None:
        self._states = states
        self._classes = {cls.declaration().name: cls for cls in classes}

    def classes(self, *, asked: bool) -> Sequence[type[object]]:
        """The classes of the messages that are taken."""
        return STATE_CALLS.classes if asked else ()

    def check(self, event: Event, *, asked: bool) -> None:
        """See that a question can be answered.

        Raises:
            UnknownRefError: There is no such State.
            UnknownMessageError: It is none that State answers.
            MessageShapeError: It has another shape.
        """
        self._state(event.subject)
        if not asked:
            raise UnknownMessageError(event.type, ())
        STATE_CALLS.load(event.type, event.data)

    async def tell(self, events: Sequence[Event]) -> None:
        """Refuse what is told: State is asked.

        Raises:
            UnknownMessageError: Always.
        """
        raise UnknownMessageError(events[0].type, ())

    async def send(
        self,
        event: Event,
        *,
        asked: bool,  # noqa: ARG002  # it is
    ) -> Coroutine[object, object, Result]:
        """Give what answers a question."""
        call = cast("StateCall", STATE_CALLS.load(event.type, event.data))
        return _answered(self._state(event.subject), call)

    def _state(self, ref: Ref) -> AsyncState:
        """The State that a ref names.

        Raises:
            UnknownRefError: There is none.
        """
        name, *rest = ref.key.split(":")
        cls = self._classes.get(name)
        if cls is None:
            known = ", ".join(self._classes) or "none"
            raise UnknownRefError(str(ref), f"the States that are shown are {known}")
        scope = cls.declaration().scope
        try:
            match scope, rest:
                case "process", []:
                    return cls.of(states=self._states)
                case "operation", [operation]:
                    return cls.of(operation_id=operation, states=self._states)
                case "bot", [bot]:
                    return cls.of(bot=bot or None, states=self._states)
                case "chat", [bot, number]:
                    place = int(number)
                    return cls.of(bot=bot or None, chat_id=place, states=self._states)
                case "user", [bot, number]:
                    place = int(number)
                    return cls.of(bot=bot or None, user_id=place, states=self._states)
                case _:
                    problem = (
                        f"{name} belongs to a {scope}; name that, and nothing else"
                    )
        except (ValueError, SharedStateError) as error:
            problem = str(error)
        raise UnknownRefError(str(ref), problem)


async def _answered(state: AsyncState, call: StateCall) -> Result:
    answer: object
    match call:
        case StateGet(key=None):
            answer = await state.get_all()
        case StateGet(key=key):
            answer = await state.get(key)
        case StateSet(values=values):
            answer = await state.update(**values)
        case StateIncr(key=key, by=by):
            answer = await state.incr(key, by)
        case _:
            assert_never(call)
    return Result("answered", None, *dump_answer(answer))
