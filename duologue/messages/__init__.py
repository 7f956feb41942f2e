"""Messages that programs send to actors of other programs, and their form on the wire.

It needs neither dialogs nor actors: a program that only sends imports no more than this
and `duologue.remote`.
"""

from __future__ import annotations

# _message: classes and their tags; _shapes: their data; _limits: what is too much
# _schemas: the same, described; _events: the envelope; _refs: to whom; _calls: what dialogs understand by themselves
# _states: what State does; _rights: who may
# _recipients: who takes them; _refusals: who does not; _signatures: who has sent it
from duologue.messages._calls import (
    CALLS,
    Done,
    Start,
    SwitchTo,
    Update,
)
from duologue.messages._events import Event, read_batch, read_event, write_event
from duologue.messages._limits import MOST_BYTES
from duologue.messages._message import Messages, dump, message, tag_of
from duologue.messages._refs import Ref, dialog_ref
from duologue.messages._signatures import Signer

__all__ = [
    "CALLS",
    "MOST_BYTES",
    "Done",
    "Event",
    "Messages",
    "Ref",
    "Signer",
    "Start",
    "SwitchTo",
    "Update",
    "dialog_ref",
    "dump",
    "message",
    "read_batch",
    "read_event",
    "tag_of",
    "write_event",
]
