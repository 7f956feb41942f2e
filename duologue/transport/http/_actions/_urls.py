"""Where actions are: by their names, as m3 has it, in all doors of the process."""

from __future__ import annotations

import weakref

from duologue.errors import UnknownActionError
from duologue.transport.http._actions._door import Door

# The newest last. A door that is gone is not in it any more.
_doors: list[weakref.ref[Door]] = []


def make_known(door: Door) -> None:
    """Let the actions of a door be found for as long as it is there."""
    _doors[:] = [one for one in _doors if one() is not None]
    _doors.append(weakref.ref(door))


def get_action_url(shortname: str) -> str:
    """The path of an action, with that of its door; the newest door that has it.

    Args:
        shortname: The name of the action, or of a task.

    Raises:
        UnknownActionError: No door of this process offers it.
    """
    known: set[str] = set()
    for door in [door for one in reversed(_doors) if (door := one()) is not None]:
        for offer in door.offers:
            if offer.name == shortname:
                return door.base() + offer.url
            known.add(offer.name)
    raise UnknownActionError(shortname, tuple(sorted(known)))


def get_acton_url(shortname: str) -> str:
    """The path of an action, as the page of m3 spells it; see `get_action_url`."""
    return get_action_url(shortname)
