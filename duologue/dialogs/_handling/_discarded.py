"""Turns whose `fg()` block raised: they end without a trace."""

from __future__ import annotations

from duologue.dialogs._delivery._receipts import Lending
from duologue.errors import TurnCancelledError


class DiscardedError(Exception):
    """The block of `fg()` raised: its turn ends without a trace.

    Attributes:
        error: What it raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


def check_block(lending: Lending) -> None:
    """Make sure that the block of `fg()` ended well, whatever middlewares did.

    Raises:
        DiscardedError: It raised.
    """
    error = lending.left.result() if lending.left.done() else None
    if error is not None:
        raise DiscardedError(error)


def cause_of(error: BaseException, key: str) -> Exception:
    """What the receipts of a failed turn's outbox tell."""
    if isinstance(error, DiscardedError):
        error = error.error
    return error if isinstance(error, Exception) else TurnCancelledError(key)
