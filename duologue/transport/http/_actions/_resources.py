"""Operations as resources of HTTP: started, listed, watched, cancelled, and their results."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from duologue.actors import WorkerSnapshot, WorkerState
from duologue.transport.http._actions._calls import Call, Refusal, Reply, said
from duologue.transport.http._actions._finding import Found
from duologue.transport.http._actions._offers import Offer
from duologue.transport.http._actions._starting import Starter, boundary_of
from duologue.transport.http._actions._streams import Streams, snapshots
from duologue.transport.http._actions._visitors import CANCEL, START, Visitor
from duologue.transport.http._actions._wire import parameters_in
from duologue.transport.http._problems import FRESH
from duologue.transport.http._views._bar import fragment
from duologue.transport.http._views._forms import Forms, retry_after
from duologue.transport.http._views._results import file_of, json_of

_REASON = "it was cancelled over HTTP"
_MOST_LISTED = 100


class Operations:
    """The operations of a door.

    Args:
        offers: What can be started, by its name.
        found: The operations.
        starter: Starts them.
        forms: How they are sent.
        streams: Streams of them.
    """

    def __init__(
        self,
        offers: Mapping[str, Offer],
        found: Found,
        starter: Starter,
        forms: Forms,
        streams: Streams,
    ) -> None:
        self._offers = offers
        self._found = found
        self._starter = starter
        self._forms = forms
        self._streams = streams

    async def start(self, call: Call, visitor: Visitor) -> Reply:
        """Start one by its name, once for an `Idempotency-Key`."""
        fields = await call.read()
        offer = self._offers.get(str(fields.get("name", "")))
        if offer is None:
            known = sorted(self._offers)
            detail = f"give a name: one of {', '.join(known)}"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, known=known)
        parameters = parameters_in(fields)
        given = fields.get("boundary")
        key = None if given is None else f"{offer.name}/{boundary_of(given)}"
        token = call.header("idempotency-key")
        if token:
            snapshot = await self._starter.start_once(
                visitor, offer, parameters, key=key, token=token
            )
        else:
            snapshot = await self._starter.start(visitor, offer, parameters, key=key)
        return await self._begun(call, visitor, snapshot)

    async def _begun(
        self, call: Call, visitor: Visitor, snapshot: WorkerSnapshot
    ) -> Reply:
        applied = {}
        if call.wait:
            snapshot = await self._waited(snapshot, visitor, call.wait)
            applied = {"Preference-Applied": f"wait={call.wait}"}
        elif "respond-async" in call.header("prefer"):
            applied = {"Preference-Applied": "respond-async"}
        status = HTTPStatus.ACCEPTED if snapshot.is_active else HTTPStatus.OK
        place = {"Location": f"{call.base}/operations/{snapshot.id}"}
        return self._reply(call, visitor, snapshot, {**place, **applied}, status=status)

    async def _waited(
        self, snapshot: WorkerSnapshot, visitor: Visitor, seconds: int
    ) -> WorkerSnapshot:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for newer in snapshots(self._found, snapshot.id, visitor):
                    snapshot = newer
        return snapshot

    async def list(self, call: Call, visitor: Visitor) -> Reply:
        """List those of the visitor, the newest first."""
        state, name = call.query.get("state"), call.query.get("name")
        if state is not None and state not in {*WorkerState}:
            known = [one.value for one in WorkerState]
            detail = f"a state is one of {', '.join(known)}"
            raise Refusal(HTTPStatus.BAD_REQUEST, detail, known=known)
        matching = [
            one
            for one in self._found.of(visitor)
            if state in {None, one.state} and name in {None, self._forms.name(one)}
        ]
        shown = [
            self._forms.form(one, call.base, with_traceback=visitor.is_known)
            for one in matching[:_MOST_LISTED]
        ]
        return said({"operations": shown, "total": len(matching)})

    async def status(self, call: Call, visitor: Visitor) -> Reply:
        """Tell how far one is; as a stream to whoever accepts that."""
        if call.wants_stream:
            return await self.events(call, visitor)
        snapshot = await self._known(call, visitor)
        applied = {}
        if call.wait and snapshot.is_active:
            snapshot = await self._waited(snapshot, visitor, call.wait)
            applied = {"Preference-Applied": f"wait={call.wait}"}
        tag = f'W/"{self._forms.tag(snapshot)}"'
        headers = {
            "ETag": tag,
            "Cache-Control": "no-cache",
            "Vary": "Accept",
            **applied,
        }
        if tag in call.header("if-none-match"):
            return Reply(
                HTTPStatus.NOT_MODIFIED, headers={**headers, **retry_after(snapshot)}
            )
        if call.query.get("then") == "result" and not snapshot.is_active:
            place = {"Location": f"{call.base}/operations/{snapshot.id}/result"}
            return self._reply(
                call,
                visitor,
                snapshot,
                {**headers, **place},
                status=HTTPStatus.SEE_OTHER,
            )
        return self._reply(call, visitor, snapshot, headers)

    async def events(self, call: Call, visitor: Visitor) -> Reply:
        """Follow one as a stream of events."""
        snapshot = await self._known(call, visitor)
        after = call.header("last-event-id")
        return self._streams.reply(snapshot, visitor, call.base, after)

    async def cancel(self, call: Call, visitor: Visitor) -> Reply:
        """Ask one to stop; what has ended stays as it is."""
        snapshot = await self._known(call, visitor)
        visitor.may(CANCEL, self._forms.name(snapshot))
        fields = await call.read()
        reason = str(fields.get("reason") or call.query.get("reason") or _REASON)
        if snapshot.is_active:
            snapshot = await self._found.stop(snapshot.id, visitor, reason)
        status = HTTPStatus.ACCEPTED if snapshot.is_active else HTTPStatus.OK
        return self._reply(call, visitor, snapshot, {}, status=status)

    async def answer(self, call: Call, visitor: Visitor) -> Reply:
        """Answer what one asks for."""
        snapshot = await self._known(call, visitor)
        visitor.may(START, self._forms.name(snapshot))
        fields = await call.read()
        if "answer" not in fields:
            detail = "give an answer, as JSON or in a form"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
        worker = self._found.local(snapshot.id, visitor)
        if worker is None or not worker.answer(fields["answer"]):
            detail = f"it asks for nothing here: it is {snapshot.state}"
            raise Refusal(HTTPStatus.CONFLICT, detail)
        return self._reply(call, visitor, worker.snapshot, {})

    async def result(self, call: Call, visitor: Visitor) -> Reply:
        """Give the result of one: a file as such, everything else as JSON."""
        snapshot = await self._known(call, visitor)
        if snapshot.is_active and call.wait:
            snapshot = await self._waited(snapshot, visitor, call.wait)
        if snapshot.state is not WorkerState.SUCCEEDED:
            detail = f"it has no result: it is {snapshot.state}"
            raise Refusal(HTTPStatus.CONFLICT, detail, retry_after(snapshot))
        file = file_of(snapshot.result)
        if file is not None:
            return Reply(HTTPStatus.OK, file.data, {**FRESH, **file.headers()})
        text = json_of(snapshot.result)
        if text is None:
            detail = "the result is no JSON and no file; the program has it"
            raise Refusal(HTTPStatus.NOT_ACCEPTABLE, detail)
        kind = {"Content-Type": "application/json; charset=utf-8"}
        return Reply(HTTPStatus.OK, f"{text}\n".encode(), {**FRESH, **kind})

    async def _known(self, call: Call, visitor: Visitor) -> WorkerSnapshot:
        return await self._found.snapshot(call.path.split("/")[2], visitor)

    def _reply(
        self,
        call: Call,
        visitor: Visitor,
        snapshot: WorkerSnapshot,
        headers: Mapping[str, str],
        *,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Reply:
        more = {**retry_after(snapshot), **headers}
        form = self._forms.form(snapshot, call.base, with_traceback=visitor.is_known)
        if not snapshot.is_active:
            form["poll_after_ms"] = 0  # this one never changes any more
        if call.wants_html:
            return fragment(form, more, is_htmx=call.is_htmx)
        reply = said(form, status=status)
        return Reply(reply.status, reply.body, {**reply.headers, **more})
