"""What is known of the operation that a dialog shows, at the moment it is drawn.

The dialog keeps what it was told last. That may be old: the dialog was covered, or the
process that ran the operation has died and told nobody. So who knows better is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from duologue.dialogs._chat._data import Json
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._progress._progress import FeedPlace, progress_data
from duologue.dialogs._progress._workers import DialogWorkers

Known = Mapping[str, Json]


async def operation_of(manager: DialogManager, name: str) -> Known | None:
    """What is known of the operation under a name; None if there is none."""
    kept: Json = manager.dialog_data.get(name)
    workers: Json = manager.middleware_data.get("workers")
    if isinstance(workers, DialogWorkers):
        shown = workers.shown(FeedPlace(manager.bg(), name))
        if shown is not None:
            return progress_data(shown)
    if not isinstance(kept, dict) or "state" not in kept:
        return None
    known = cast("Known", kept)
    if not known.get("is_active") or not isinstance(workers, DialogWorkers):
        return known
    found = await workers.look(str(known.get("id")))
    if found is not None:
        return progress_data(found)
    lost = {"state": "lost", "is_active": False, "reason": "its process has ended"}
    return {**known, **lost}
