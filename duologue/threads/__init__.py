"""A runtime on a thread of its own, for programs that are not asynchronous."""

from __future__ import annotations

# What lies where, from the thread that calls to the loop that answers:
#   _protocols, _worker_protocols
#                  what type checkers know of the bridge
#   _in_thread     a runtime behind the bridge, and the signals of its program
#   _signals       SIGINT and SIGTERM: the first in order, the second at once
#   _blocking      the bridge: methods, `with`, `for` and awaitables as blocking calls
#   _block         an `async with` that a thread enters and leaves
#   _call          one call on the loop, and its outcome for the thread that waits
#   _loop_thread   the event loop on its thread
from duologue.threads._in_thread import in_thread
from duologue.threads._protocols import (
    BlockingBgManager,
    BlockingCalls,
    BlockingDialogManager,
    BlockingReceipt,
    BlockingScheduledCalls,
    BlockingTimer,
    ThreadedRuntime,
    Waitable,
)
from duologue.threads._worker_protocols import (
    BlockingSnapshots,
    BlockingWorker,
    BlockingWorkers,
)

__all__ = [
    "BlockingBgManager",
    "BlockingCalls",
    "BlockingDialogManager",
    "BlockingReceipt",
    "BlockingScheduledCalls",
    "BlockingSnapshots",
    "BlockingTimer",
    "BlockingWorker",
    "BlockingWorkers",
    "ThreadedRuntime",
    "Waitable",
    "in_thread",
]
