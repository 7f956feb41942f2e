"""Errors that somebody may still ask for."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

from duologue.dialogs._delivery._receipts import Hearer, Receipt
from duologue.dialogs._delivery._tasks import OnError


class Unheard:
    """Reports the errors of turns that nobody will hear of.

    While somebody has the receipt of the turn, its error may still be awaited. It is
    reported when the receipt is dropped without that, or at the end.

    Args:
        on_error: Told of each error, and where it happened.
    """

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._reports: dict[weakref.finalize[[], Receipt], Callable[[], object]] = {}

    def take(
        self,
        error: BaseException,
        where: str,
        hearer: Hearer | None,
        tell: OnError | None = None,
    ) -> None:
        """Report an error, now or when its receipt is dropped.

        Args:
            error: What happened.
            where: The address.
            hearer: What the receipt reads; None if there cannot be a receipt.
            tell: Whom to tell, if it is no error for everybody.
        """
        on_error = tell or self._on_error
        receipt = None if hearer is None else hearer.reader()
        if hearer is None or receipt is None:
            on_error(error, where)
            return
        loop = asyncio.get_running_loop()

        def report() -> None:
            on_error(error, where)

        def dropped() -> None:
            if self._reports.pop(finalizer, None) is not None and not loop.is_closed():
                # It may be dropped in any thread, and in the middle of anything.
                loop.call_soon_threadsafe(report)

        def forget() -> None:
            finalizer.detach()
            self._reports.pop(finalizer, None)

        finalizer = weakref.finalize(receipt, dropped)
        finalizer.atexit = False
        self._reports[finalizer] = report
        # An error that was raised holds the frames of whoever waited, and so the receipt.
        hearer.forget = forget

    def close(self) -> None:
        """Report what nobody has heard of so far."""
        for finalizer, report in list(self._reports.items()):
            if finalizer.detach() is not None:
                report()
        self._reports.clear()
