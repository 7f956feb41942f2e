"""Unfinished actors: those that a system left behind when its time was over."""

from __future__ import annotations

from dataclasses import dataclass

from duologue.actors._mailbox._mailbox import Mailbox


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An actor that had not stopped when its system closed.

    Attributes:
        actor: The actor, by its class and URN.
        waiting: How many messages waited for it, a request to stop among them.
        was_running: Whether it was in the middle of a message, which was cancelled.
    """

    actor: str
    waiting: int
    was_running: bool


def unfinished(mailbox: Mailbox, *, was_running: bool) -> Unfinished:
    """Describe an actor that has not stopped."""
    messages = mailbox.queue
    waiting = 0 if messages is None else messages.qsize()
    return Unfinished(str(mailbox.actor), waiting, was_running)
