# pyright: reportPrivateUsage=false
# The registry offers no other way to replace its list.
"""Pykka's registry with indexes in place of the list that it searches.

Pykka looks through the list of all live actors for each that stops and for each that
is looked up. With the indexes the cost depends on what is found. Three more things are
different: nothing waits for actors on a thread that runs them, one actor that takes no
message keeps a broadcast from no other, and the URN of an actor is made when somebody
wants to see it, not to be left out of a log.
"""

from __future__ import annotations

import functools
import itertools
import logging
import uuid
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import TypeAlias, TypeVar, cast

from pykka import Actor, ActorDeadError, ActorRef, ActorRegistry, Future

from duologue.actors._futures._blocking import refuse_to_block
from duologue.errors import MailboxFullError, SystemClosedError

A = TypeVar("A", bound=Actor)

AnyRef: TypeAlias = ActorRef[Actor]

logger = logging.getLogger("pykka")

# Pykka's own lock: whoever holds it sees the list and the indexes agree.
registry_lock = ActorRegistry._actor_refs_lock  # noqa: SLF001 - Pykka offers no other way in


class LazyRef(ActorRef[A]):
    """A ref whose URN is made when somebody reads it."""

    __slots__ = ("_urn",)

    _urn: str | None

    @property
    def actor_urn(self) -> str:  # type: ignore[override] # made when first read
        """The URN of the actor."""
        if self._urn is None:
            with registry_lock:
                if self._urn is None:
                    self._urn = uuid.uuid4().urn
                    index_of(ActorRegistry).learn(self._urn, cast("AnyRef", self))
        return self._urn

    def known_urn(self) -> str | None:
        """The URN if somebody has read it."""
        return self._urn


class RefIndex:
    """Live refs in the order of their registration, found without a search.

    It stands where Pykka keeps a list and takes what is asked of that list.
    """

    def __init__(self, refs: Iterable[AnyRef] = ()) -> None:
        # The numbers are the order among the refs of several classes.
        self._by_class: dict[type[Actor], dict[AnyRef, int]] = {}
        self._by_urn: dict[str, AnyRef] = {}
        self._numbers = itertools.count()
        for ref in refs:
            self.append(ref)

    def append(self, ref: AnyRef) -> None:
        """Add a ref at the end; a ref that is here stays where it is."""
        peers = self._by_class.setdefault(ref.actor_class, {})
        if ref not in peers:
            peers[ref] = next(self._numbers)
            urn = _known_urn(ref)
            if urn is not None:
                self._by_urn.setdefault(urn, ref)

    def remove(self, ref: AnyRef) -> None:
        """Take a ref out.

        Raises:
            ValueError: If it is not here, as from a list.
        """
        peers = self._by_class.get(ref.actor_class, {})
        if peers.pop(ref, None) is None:
            raise ValueError(ref)
        if not peers:
            del self._by_class[ref.actor_class]
        urn = _known_urn(ref)
        # Anybody can make another ref of an actor.
        if urn is not None and self._by_urn.get(urn) is ref:
            del self._by_urn[urn]

    def learn(self, urn: str, ref: AnyRef) -> None:
        """Let a ref be found by a URN that has been made just now."""
        if ref in self:
            self._by_urn[urn] = ref

    def of_class(self, actor_class: type[A]) -> list[ActorRef[A]]:
        """The refs of a class and of its subclasses."""
        found = _in_order(
            peers
            for kind, peers in self._by_class.items()
            if issubclass(kind, actor_class)
        )
        return cast("list[ActorRef[A]]", found)

    def of_class_name(self, name: str) -> list[AnyRef]:
        """The refs of the classes of that name."""
        return _in_order(
            peers for kind, peers in self._by_class.items() if kind.__name__ == name
        )

    def of_urn(self, urn: str) -> AnyRef | None:
        """The ref with that URN. One that nobody has read is nobody's question."""
        return self._by_urn.get(urn)

    def __contains__(self, ref: AnyRef) -> bool:
        return ref in self._by_class.get(ref.actor_class, ())

    def __iter__(self) -> Iterator[AnyRef]:
        return iter(_in_order(self._by_class.values()))

    def __getitem__(  # type: ignore[explicit-any] # the bounds of a slice have no type
        self, where: slice
    ) -> list[AnyRef]:
        return _in_order(self._by_class.values())[where]


class IndexedRegistry(ActorRegistry):
    """What takes the place of methods of `pykka.ActorRegistry`, for every caller."""

    @classmethod
    def broadcast(
        cls, message: object, target_class: str | type[Actor] | None = None
    ) -> None:
        """Tell the actors of a class, of the classes of a name, or all there are.

        Those that have stopped meanwhile are left out.

        Raises:
            MailboxFullError: If a mailbox had no room: the first such error, when all
                the others have been told.
        """
        full: MailboxFullError | None = None
        for ref in _targets(cls, target_class):
            try:
                ref.tell(message)
            except (ActorDeadError, SystemClosedError):
                continue
            except MailboxFullError as error:
                full = full or error
        if full is not None:
            raise full

    @classmethod
    def get_by_class(cls, actor_class: type[A]) -> list[ActorRef[A]]:
        """Get all running actors of the given class or a subclass."""
        with registry_lock:
            return index_of(cls).of_class(actor_class)

    @classmethod
    def get_by_class_name(cls, actor_class_name: str) -> list[AnyRef]:
        """Get all running actors of the given class name."""
        with registry_lock:
            return index_of(cls).of_class_name(actor_class_name)

    @classmethod
    def get_by_urn(cls, actor_urn: str) -> AnyRef | None:
        """Get an actor by its universally unique URN."""
        with registry_lock:
            return index_of(cls).of_urn(actor_urn)

    @classmethod
    def register(cls, actor_ref: ActorRef[A]) -> None:
        """Add a ref; `Actor.start()` does so."""
        with registry_lock:
            index_of(cls).append(cast("AnyRef", actor_ref))
        logger.debug("Registered %s", actor_ref)

    @classmethod
    def unregister(cls, actor_ref: ActorRef[A]) -> None:
        """Take a ref out, if it is there; an actor that stops does so."""
        ref = cast("AnyRef", actor_ref)
        note = "Unregistered %s"
        with registry_lock:
            try:
                index_of(cls).remove(ref)
            except ValueError:
                note = "Unregistered %s (not found in registry)"
        logger.debug(note, actor_ref)

    @classmethod
    def stop_all(  # type: ignore[override] # one signature for Pykka's three overloads
        cls, *, block: bool = True, timeout: float | None = None
    ) -> list[bool | Future[bool]]:
        """Stop all running actors, the last that was started first.

        Raises:
            BlockingCallError: If it would wait on a thread that runs actors. No
                actor has been told.
        """
        if block:
            refuse_to_block("stop_all()", instead="stop_all(block=False)")
        refs = reversed(cls.get_all())
        return [ref.stop(block=block, timeout=timeout) for ref in refs]


_REPLACED = (
    "broadcast",
    "get_by_class",
    "get_by_class_name",
    "get_by_urn",
    "register",
    "stop_all",
    "unregister",
)


@functools.cache
def install_ref_index() -> None:
    """Put the indexes into Pykka's registry; does nothing the second time."""
    with registry_lock:
        index_of(ActorRegistry)
        for name in _REPLACED:
            setattr(ActorRegistry, name, vars(IndexedRegistry)[name])


def index_of(registry: type[ActorRegistry]) -> RefIndex:
    """The indexes of a registry; made of its list where it still has one.

    A class that is derived from Pykka's may have a list of its own.
    """
    refs = _refs(registry)
    if not isinstance(refs, RefIndex):
        refs = RefIndex(refs)
        setattr(registry, "_actor_refs", refs)  # noqa: B010 - it is typed as a list
    return refs


def _refs(registry: type[ActorRegistry]) -> RefIndex | list[AnyRef]:
    return registry._actor_refs  # noqa: SLF001 - Pykka offers no other way in


def _targets(
    registry: type[ActorRegistry], target: str | type[Actor] | None
) -> list[AnyRef]:
    if target is None:
        return registry.get_all()
    if isinstance(target, str):
        return registry.get_by_class_name(target)
    return registry.get_by_class(target)


def _known_urn(ref: AnyRef) -> str | None:
    return ref.known_urn() if isinstance(ref, LazyRef) else ref.actor_urn


def _in_order(groups: Iterable[dict[AnyRef, int]]) -> list[AnyRef]:
    found = list(groups)
    if len(found) == 1:
        return list(found[0])
    numbered = [pair for group in found for pair in group.items()]
    numbered.sort(key=itemgetter(1))
    return [ref for ref, _ in numbered]
