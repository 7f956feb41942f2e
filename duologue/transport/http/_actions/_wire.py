"""The requests of m3: `command=start|stop|ping`, for each action one operation a name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias

from duologue.actors import WorkerSnapshot
from duologue.errors import UnknownWorkerError
from duologue.transport._json import is_object, parse
from duologue.transport.http._actions._calls import Call, Fields, Refusal, Reply, said
from duologue.transport.http._actions._finding import Found
from duologue.transport.http._actions._offers import Offer
from duologue.transport.http._actions._starting import Starter, boundary_of, latest
from duologue.transport.http._actions._visitors import CANCEL, READ, Visitor
from duologue.transport.http._views._bar import fragment
from duologue.transport.http._views._forms import IDLE, Forms

_REASON = "the page has asked for it"
# m3 has had three sets of names; `result` is what its last bar asks for at the end.
_ALIASES = {"0": "start", "1": "stop", "2": "ping", "request": "ping", "result": "ping"}

_Command: TypeAlias = Callable[[Visitor, Fields], Awaitable[WorkerSnapshot | None]]


class Slots:
    """The operations of one action: one for each boundary.

    Args:
        offer: The action.
        found: The operations.
        starter: Starts them.
        forms: How they are sent.
    """

    def __init__(
        self, offer: Offer, found: Found, starter: Starter, forms: Forms
    ) -> None:
        self._offer = offer
        self._found = found
        self._starter = starter
        self._forms = forms
        self._commands: Mapping[str, _Command] = {
            "start": self._start,
            "stop": self._stop,
            "ping": self._ping,
        }

    async def post(self, call: Call, visitor: Visitor) -> Reply:
        """Carry out the command of a request."""
        boundary = call.query.get("boundary")
        fields = {"boundary": boundary, **await call.read()}
        given = str(fields.get("command", ""))
        command = self._commands.get(_ALIASES.get(given, given))
        if command is None:
            known = sorted(self._commands)
            detail = f"give a command: one of {', '.join(known)}"
            raise Refusal(HTTPStatus.BAD_REQUEST, detail, known=known)
        snapshot = await command(visitor, fields)
        reply = self._form(call, visitor, snapshot)
        if snapshot is not None and not snapshot.says_active:
            # A body of m3 may be over for itself before its thread has ended.
            reply |= {"isActive": False, "alive": False}
        return said(reply)

    async def get(self, call: Call, visitor: Visitor) -> Reply:
        """Tell how far the operation is; nothing changes."""
        form = self._form(call, visitor, await self._ping(visitor, call.query))
        return (
            fragment(form, {}, is_htmx=call.is_htmx) if call.wants_html else said(form)
        )

    def _form(
        self, call: Call, visitor: Visitor, snapshot: WorkerSnapshot | None
    ) -> dict[str, object]:
        if snapshot is None:
            return {**IDLE, "name": self._offer.name}
        self._found.remember(snapshot)
        known = visitor.is_known
        return self._forms.form(snapshot, call.base, with_traceback=known)

    async def _start(self, visitor: Visitor, fields: Fields) -> WorkerSnapshot:
        parameters = parameters_in(fields)
        key = self._key(fields)
        return await self._starter.start(visitor, self._offer, parameters, key=key)

    async def _stop(self, visitor: Visitor, fields: Fields) -> WorkerSnapshot | None:
        visitor.may(CANCEL, self._offer.name)
        worker = latest(self._found, self._key(fields), visitor.owner)
        if worker is None:
            return None
        try:
            return await worker.stop(_REASON, by=visitor.name or visitor.owner)
        except UnknownWorkerError:  # forgotten since it was found
            return None

    async def _ping(self, visitor: Visitor, fields: Fields) -> WorkerSnapshot | None:
        visitor.may(READ, self._offer.name)
        worker = latest(self._found, self._key(fields), visitor.owner)
        if worker is None:
            return None
        try:
            return await worker.ping()
        except UnknownWorkerError:  # as above
            return None

    def _key(self, fields: Fields) -> str:
        return f"{self._offer.name}/{boundary_of(fields.get('boundary'))}"


def parameters_in(fields: Fields) -> Mapping[str, object]:
    """What an operation is given: an object in JSON, or its text in a form.

    Raises:
        Refusal: It is something else.
    """
    given = fields.get("parameters")
    if isinstance(given, str):
        try:
            given = parse(given) if given else None
        except ValueError:
            given = ()
    if given is None:
        return {}
    if not is_object(given):
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "parameters must be an object")
    return given
