"""Where it is noted what happens to a worker, now or later."""

from __future__ import annotations

from typing import Protocol

from duologue.actors._lifecycle._timers import Timer
from duologue.actors._workers._worker_messages import WorkerEvent


class Diary(Protocol):
    """Notes what happens, and hands it on to the actor of a worker, which this is."""

    def post(self, event: WorkerEvent) -> None:
        """Note something that happened; in any thread, and in vain after the end."""

    def send_after(self, delay: float, message: object) -> Timer:
        """Note something after some seconds; on the loop."""
        ...
