"""State that tasks share, where dialogs ask for it."""

from __future__ import annotations

import inspect
from functools import partial

from duologue.actors._workers._durable import Shown
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._chat import User
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs._state import _values
from duologue.dialogs._state._dialog_state import DialogLedger
from duologue.dialogs._state._turn import Turn, active_turn
from duologue.errors import StateScopeError
from duologue.state import Chain, States, Task
from duologue.state._handle import Declared
from duologue.state._ledgers import OneLedger
from duologue.state._parameters import state_parameters
from duologue.state._placed import Writes
from duologue.state._tasks._places import Place
from duologue.state._tasks._process_tasks import task_of


def current_writes() -> Writes | None:
    """What the turn around the caller has written to States; None outside of turns."""
    turn = active_turn()
    if turn is None:
        return None
    if turn.shared is None:
        turn.shared = Writes(turn.outbox, turn.jobs)
    return turn.shared


def state_for(data: dict[str, Json], cls: type[Declared]) -> Declared:
    """The State of a class for the place of a turn.

    Args:
        data: What handlers can ask for.
        cls: The class.

    Raises:
        StateScopeError: Its scope is nothing that the place has.
    """
    turn = active_turn()
    if turn is None:  # the beginning or the end of a runtime
        return cls.of(states=data["dispatcher"].states)
    user: User | None = data.get("event_from_user")
    user_id = turn.address.user_id if user is None else user.id
    states = turn.states
    if states is None or states.user_id != user_id:
        kept: States = data["states"]
        address = turn.address
        states = turn.states = kept.in_turn(address.bot, address.chat_id, user_id)
    if cls in states.known:
        return cls(states)
    if cls.declaration().scope == "dialog":
        return _state_of_dialog(turn, data, cls)
    return states.first(cls)


def _state_of_dialog(
    turn: Turn, data: dict[str, Json], cls: type[Declared]
) -> Declared:
    name = cls.declaration().name
    manager = data["dialog_manager"]
    if not manager.has_context():
        missing = "no dialog is open here"
        raise StateScopeError(name, "dialog", missing, "start one first")
    ledger = DialogLedger(turn, manager.current_context(), name)
    return cls(OneLedger(ledger, _values))


def body_for(
    body: object, address: Address, states: States, shown: Shown | None
) -> object:
    """The body of a worker with the States of the conversation that starts it."""
    place = Place(address.bot, address.chat_id, address.user_id, shown)
    make = place.make(states)
    if isinstance(body, Task | Chain):
        return body.at(make, place)
    if inspect.isroutine(body) and state_parameters(body).classes:
        return task_of(body, make).at(make, place)
    return body


async def call_in_turn(
    function: Function, data: dict[str, Json], *arguments: object
) -> Json:
    """Call a function of the author, with the States that it asks for."""
    parameters = state_parameters(function)
    if not parameters.classes:
        return await function(*arguments)
    if len(arguments) == parameters.behind:  # by their places: it is quicker
        states = [state_for(data, cls) for cls in parameters.classes.values()]
        return await function(*arguments, *states)
    if parameters.is_mixed:
        make = partial(state_for, data)
        given, named = parameters.filled(make, arguments, {})
        return await function(*given, **named)
    made = {name: state_for(data, cls) for name, cls in parameters.classes.items()}
    return await function(*arguments, **made)
