"""What a runtime looks like from a thread; see `_calls_of_dialogs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from duologue.actors import Observer
from duologue.dialogs import DEFAULT_STACK_ID, Bot
from duologue.threads._calls_of_dialogs import BlockingBgManager, Waitable
from duologue.threads._calls_of_workers import BlockingWorkers


class ThreadedRuntime(Protocol):
    """A `Runtime` on a thread of its own. May be used by any number of threads.

    Calls run on the runtime's thread, those of one thread in their order. With
    `timeout=` a call is cancelled after so many seconds and raises
    `CallTimeoutError`. After the end of the block calls raise `RuntimeStoppedError`.
    """

    @property
    def observer(self) -> Observer:
        """Counts what happens."""
        ...

    @property
    def workers(self) -> BlockingWorkers:
        """The background workers."""
        ...

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are scraped."""
        ...

    def dialog(
        self,
        bot: Bot | None = None,
        *,
        chat_id: int,
        user_id: int | None = None,
        stack_id: str = DEFAULT_STACK_ID,
        thread_id: int | None = None,
        timeout: float | None = None,
    ) -> BlockingBgManager:
        """See `Runtime.dialog`."""
        ...

    def accept(
        self,
        bot: Bot,
        update: Mapping[str, object] | bytes,
        *,
        timeout: float | None = None,
    ) -> Waitable[None] | None:
        """See `Runtime.accept`."""
        ...

    def settled(self, *, timeout: float | None = None) -> None:
        """See `Runtime.settled`."""
        ...

    def wait(self, *, timeout: float | None = None) -> None:
        """See `Runtime.wait`."""
        ...
