"""An operation as it is sent: one function from a snapshot to JSON, for every answer."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from duologue.actors import WorkerFailure, WorkerSnapshot, WorkerState
from duologue.transport.http._views._results import file_of, json_of

_INLINE = 16 * 1024

LOOK_AGAIN = 5.0
"""Seconds until it is worth to look whether somebody has started another one."""

IDLE: Mapping[str, object] = {
    "text": "",
    "value": 0.0,
    "isActive": False,
    "alive": False,
    "state": "idle",
    "poll_after_ms": math.ceil(LOOK_AGAIN * 1000),
}
"""What m3's requests are answered where nothing was started yet."""


@dataclass(frozen=True, slots=True)
class Forms:
    """How the operations of one door are sent.

    Attributes:
        names: What the door calls the kinds of workers that it can start.
        run: Tells revisions of this process from those of another, which count anew.
    """

    names: Mapping[str, str]
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    def name(self, snapshot: WorkerSnapshot) -> str:
        """What an operation is called: as it was started, or after what does the work."""
        return self.names.get(snapshot.kind, snapshot.kind)

    def tag(self, snapshot: WorkerSnapshot) -> str:
        """What changes with the snapshot: for `ETag` and for the events of a stream."""
        return f"{self.run}-{snapshot.revision}"

    def form(
        self, snapshot: WorkerSnapshot, base: str, *, with_traceback: bool
    ) -> dict[str, object]:
        """An operation in the words of m3 and, beside them, in ours.

        Args:
            snapshot: What is known of it.
            base: Where the door is mounted.
            with_traceback: Whether whoever gets it is its owner.
        """
        place = f"{base}/operations/{snapshot.id}"
        kind, result = _result(snapshot)
        shift = _shift()
        links = {
            "self": place,
            "events": f"{place}/events",
            "cancel": f"{place}/cancel",
        }
        if snapshot.state is WorkerState.INPUT_REQUIRED:
            links["answer"] = f"{place}/answer"
        if kind is not None:
            links["result"] = f"{place}/result"
        return {
            # What is asked for is what a page has to show, also one of m3.
            "text": snapshot.question or snapshot.text,
            "question": snapshot.question,
            "value": 0.0 if snapshot.value is None else snapshot.value,
            "isActive": snapshot.is_active,
            "alive": snapshot.is_active,
            "indeterminate": snapshot.value is None,
            "id": snapshot.id,
            "name": self.name(snapshot),
            "kind": snapshot.kind,
            "state": snapshot.state.value,
            "revision": snapshot.revision,
            "run": self.run,
            "attempt": snapshot.attempt,
            "current": snapshot.current,
            "total": snapshot.total,
            "unit": snapshot.unit,
            "stage": snapshot.stage,
            "rate": snapshot.rate,
            "eta": snapshot.eta,
            "cancellable": snapshot.cancellable,
            "children": [asdict(part) for part in snapshot.children],
            "reason": snapshot.reason,
            "stopped_by": snapshot.stopped_by if with_traceback else "",
            "error": _failure(snapshot.error, with_traceback=with_traceback),
            "created_at": _moment(snapshot.created_at, shift),
            "started_at": _moment(snapshot.started_at, shift),
            "updated_at": _moment(snapshot.updated_at, shift),
            "heartbeat_at": _moment(snapshot.heartbeat_at, shift),
            "finished_at": _moment(snapshot.finished_at, shift),
            "expires_at": _moment(snapshot.expires_at, shift),
            "poll_after_ms": math.ceil(
                (snapshot.poll_after if snapshot.is_active else LOOK_AGAIN) * 1000
            ),
            "result": result,
            "result_type": kind,
            "links": links,
        }


def retry_after(snapshot: WorkerSnapshot) -> dict[str, str]:
    """The header that says when it is worth to ask again, in whole seconds; none after the end."""
    if not snapshot.is_active:
        return {}
    return {"Retry-After": str(max(1, math.ceil(snapshot.poll_after)))}


def _shift() -> float:
    """Seconds from the clock of the loop to that of the wall."""
    # Whole tenths: between two answers the clocks drift apart by less.
    return round(time.time() - asyncio.get_running_loop().time(), 1)


def _moment(at: float | None, shift: float) -> str | None:
    """A time of the loop's clock as that of the wall, as RFC 3339 writes it."""
    if at is None:
        return None
    return datetime.fromtimestamp(at + shift, UTC).isoformat(timespec="milliseconds")


def _failure(
    failure: WorkerFailure | None, *, with_traceback: bool
) -> dict[str, object] | None:
    if failure is None:
        return None
    shown: dict[str, object] = {"type": failure.type, "message": failure.message}
    if failure.traceback and with_traceback:
        shown["traceback"] = failure.traceback
    return shown


def _result(snapshot: WorkerSnapshot) -> tuple[str | None, object]:
    """The type of a result, None if it cannot be sent, and its value if it is short."""
    if snapshot.state is not WorkerState.SUCCEEDED:
        return None, None
    file = file_of(snapshot.result)
    if file is not None:
        return file.content_type, None
    text = json_of(snapshot.result)
    if text is None:
        return None, None
    return "application/json", json.loads(text) if len(text) <= _INLINE else None
