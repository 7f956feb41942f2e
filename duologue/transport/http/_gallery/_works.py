"""The operations of the gallery: m3's rocket, and what else can happen to a bar."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from duologue.actors import AsyncOperationResult, IBackgroundWorker, Operation
from duologue.transport.http._actions._offers import AsyncAction

HOSTILE = "<img src=x onerror=\"document.title='broken'\"> & <script>alert(1)</script>"


class Rocket(IBackgroundWorker):
    """The rocket of m3's page, six times as fast: it says how far it is when asked."""

    total: ClassVar[float] = 20.0
    step: ClassVar[float] = 0.25

    def __init__(self) -> None:
        self._elapsed = 0.0

    def start(self) -> AsyncOperationResult:
        """Say the first words."""
        return AsyncOperationResult(text="Поехали!")

    def run(self) -> None:
        """Fly, unless it is called back."""
        while self.is_active() and self._elapsed < self.total:
            time.sleep(self.step)
            self._elapsed += self.step

    def stop(self) -> AsyncOperationResult:
        """Come back."""
        super().stop()
        return AsyncOperationResult(self._progress(), "Полёт отменён")

    def ping(self) -> AsyncOperationResult:
        """Say how far it is."""
        progress = self._progress()
        text = "Кабуууум!" if progress >= 1 else f"Полёт завершён на {progress:.0%}"
        return AsyncOperationResult(progress, text)

    def _progress(self) -> float:
        return min(self._elapsed / self.total, 1.0)


class Import:
    """Counts files, so that the rest of the time is known."""

    count: ClassVar[int] = 100

    def run(self, operation: Operation) -> str:
        """Read file by file."""
        for number in operation.track(range(self.count)):
            operation.report(
                text=f"invoice-{number:03}.pdf",
                current=number,
                total=self.count,
                unit="files",
            )
            time.sleep(0.2)
        return f"{self.count} files"


class Search:
    """Does not know how far it is."""

    def run(self, operation: Operation) -> None:
        """Search until it is stopped, or a minute is over."""
        operation.report(text="searching for other worlds")
        operation.wait_for_stop(60)


class Broken:
    """Fails in the middle."""

    def run(self, operation: Operation) -> None:
        """Go half-way."""
        for number in range(5):
            operation.report(number / 10, f"step {number}")
            operation.wait_for_stop(0.5)
        message = "the disk is full"
        raise OSError(message)


class Hostile:
    """Reports what would be HTML if anybody took it for that."""

    def run(self, operation: Operation) -> None:
        """Report it."""
        for _ in operation.track(range(100)):
            operation.report(text=HOSTILE)
            time.sleep(0.2)


def _action(name: str, worker: type) -> type[AsyncAction]:
    fields = {"url": f"/{name}", "shortname": name, "worker_cls": worker}
    return type(f"{worker.__name__}Action", (AsyncAction,), fields)


ACTIONS: Sequence[type[AsyncAction]] = [
    _action("rocket", Rocket),
    _action("import", Import),
    _action("search", Search),
    _action("broken", Broken),
    _action("hostile", Hostile),
]
