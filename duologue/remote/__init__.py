"""Actors of other programs: tell and ask them by their refs, over HTTP or Redis.

It needs neither dialogs nor actors: a web shop, a script or a task queue imports it
without a bot.
"""

from __future__ import annotations

# _runtime: where the others are; _refs: what they are told and asked
# _doors: what all ways have in common; _http, _stream: the ways; _servers: of streams
# _states, _operations: State and long operations of the others
# _turns: their order; _retries: when something is sent again
# _blocking, _blocking_states: the same for threads; _thread: where it waits
from duologue.messages import message as message
from duologue.messages._recipients import Result
from duologue.remote._blocking import BlockingRef, BlockingRemoteRuntime, BlockingResult
from duologue.remote._blocking_states import BlockingOperation, BlockingState
from duologue.remote._doors import Accepted
from duologue.remote._operations import OperationStatus, RemoteOperation
from duologue.remote._refs import RemoteDialog, RemoteReceipt, RemoteRef
from duologue.remote._runtime import RemoteRuntime
from duologue.remote._states import RemoteState

__all__ = [
    "Accepted",
    "BlockingOperation",
    "BlockingRef",
    "BlockingRemoteRuntime",
    "BlockingResult",
    "BlockingState",
    "OperationStatus",
    "RemoteDialog",
    "RemoteOperation",
    "RemoteReceipt",
    "RemoteRef",
    "RemoteRuntime",
    "RemoteState",
    "Result",
]
