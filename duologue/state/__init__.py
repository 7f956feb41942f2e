"""State that tasks, handlers and dialogs share: values by name, for a place."""

from __future__ import annotations

# _handle, _sync: what authors hold; _declaration: what their classes say
# _values, _changes: what is kept, and what happens to it
# _ledgers: where it is read and written; _keeper, _batches, _known, _watchers: on an
# engine; _placed: in turns
# _parameters: functions that ask for it; _tasks: those that run by themselves, and last
# _states: all of a runtime; _running: which runtimes there are
from duologue.state._handle import AsyncState
from duologue.state._states import States
from duologue.state._sync import State, SyncState
from duologue.state._tasks._chains import Chain, chain
from duologue.state._tasks._tasks import Task
from duologue.state._values import Codec

__all__ = [
    "AsyncState",
    "Chain",
    "Codec",
    "State",
    "States",
    "SyncState",
    "Task",
    "chain",
]
