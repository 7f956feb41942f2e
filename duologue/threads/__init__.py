"""A runtime on a thread of its own, for programs that are not asynchronous."""

from __future__ import annotations

from duologue.threads._calls_of_dialogs import (
    BlockingBgManager,
    BlockingDialogManager,
    BlockingReceipt,
    Waitable,
)
from duologue.threads._calls_of_runtime import ThreadedRuntime
from duologue.threads._calls_of_workers import (
    BlockingSnapshots,
    BlockingWorker,
    BlockingWorkers,
)
from duologue.threads._in_thread import in_thread

__all__ = [
    "BlockingBgManager",
    "BlockingDialogManager",
    "BlockingReceipt",
    "BlockingSnapshots",
    "BlockingWorker",
    "BlockingWorkers",
    "ThreadedRuntime",
    "Waitable",
    "in_thread",
]
