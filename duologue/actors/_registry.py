# pyright: reportPrivateUsage=false
# The registry offers no other way to replace its list.
"""An index in place of the list in which Pykka keeps the refs of live actors.

Pykka's registry searches its list for each actor that stops, so stopping many
takes quadratic time. The index does in constant time the five things that the
registry asks of its list, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from pykka import Actor, ActorRef, ActorRegistry

AnyRef: TypeAlias = ActorRef[Actor]


class RefIndex:
    """Refs in the order of their registration, found without a search."""

    def __init__(self, refs: Iterable[AnyRef] = ()) -> None:
        self._refs = dict.fromkeys(refs)

    def append(self, ref: AnyRef) -> None:
        """Add a ref at the end; a ref that is here stays where it is."""
        self._refs[ref] = None

    def remove(self, ref: AnyRef) -> None:
        """Take a ref out.

        Raises:
            ValueError: If it is not here, as from a list.
        """
        try:
            del self._refs[ref]
        except KeyError:
            raise ValueError(ref) from None

    def __contains__(self, ref: AnyRef) -> bool:
        return ref in self._refs

    def __iter__(self) -> Iterator[AnyRef]:
        return iter(self._refs)

    def __getitem__(  # type: ignore[explicit-any] # the bounds of a slice have no type
        self, where: slice
    ) -> list[AnyRef]:
        return list(self._refs)[where]


def install_ref_index() -> None:
    """Put an index in the place of Pykka's list; does nothing the second time."""
    registry = ActorRegistry
    with registry._actor_refs_lock:  # noqa: SLF001 - Pykka offers no other way in
        refs: object = registry._actor_refs  # noqa: SLF001 - same
        if not isinstance(refs, RefIndex):
            index = RefIndex(registry._actor_refs)  # noqa: SLF001 - same
            setattr(registry, "_actor_refs", index)  # noqa: B010 - it is typed as a list
