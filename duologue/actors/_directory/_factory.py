"""The factory of the actors of one class, and what it is held to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from duologue.actors._actor import AsyncActor
from duologue.actors._mailbox._bounded import bounds_of
from duologue.actors._mailbox._mailbox import NEW
from duologue.errors import MailboxSettingError

A = TypeVar("A", bound=AsyncActor)


class Factory(Generic[A]):
    """Makes the actors of one class."""

    def __init__(self, actor_class: type[A], make: Callable[[str], A]) -> None:
        self._actor_class = actor_class
        self._make = make

    def make(self, key: str) -> A:
        """Make an actor for a key, perhaps in the place of one that has failed.

        Raises:
            TypeError: If it is of another class.
            MailboxSettingError: If its mailbox has another bound than its class says.
        """
        actor: object = self._make(key)
        if not isinstance(actor, self._actor_class):
            raise self._wrong(actor)
        bounds = bounds_of(type(actor))
        if bounds != bounds_of(self._actor_class):
            name, base = type(actor).__name__, self._actor_class.__name__
            expected = f"that of {base}, or register {name} itself"
            raise MailboxSettingError(f"{name}.mailbox", repr(bounds), expected)
        return actor

    def make_anew(self, key: str) -> A:
        """Make an actor that has never had a message.

        Raises:
            TypeError: If it has been started already, or as in `make()`.
            MailboxSettingError: As in `make()`.
        """
        actor = self.make(key)
        if actor.actor_ref.actor_inbox.phase != NEW:
            raise self._wrong(actor)
        return actor

    def _wrong(self, actor: object) -> TypeError:
        return TypeError(
            f"the factory gave {actor!r}; return a new {self._actor_class.__name__}"
            " that has not been started"
        )
