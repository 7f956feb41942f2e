"""Which scopes a message needs."""

from __future__ import annotations

from collections.abc import Sequence

from duologue.messages._calls import CALLS
from duologue.messages._events import Event
from duologue.messages._states import GET, STATE, STATE_CALLS

REACHES_BY_TELL = ("tell", "dialog")
REACHES_BY_ASK = ("ask", "state.read", "state.write")


def rights_of(event: Event, *, asked: bool) -> Sequence[tuple[str, str]]:
    """The verbs and targets that a sender must be allowed, all of them."""
    subject = str(event.subject)
    if event.subject.type == STATE and event.type in STATE_CALLS:
        verb = "state.read" if event.type == GET else "state.write"
        return ((verb, subject),)
    if event.type in CALLS and not asked:
        return (("dialog", subject),)
    return (("ask" if asked else "tell", subject), ("message", event.type))
