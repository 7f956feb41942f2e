"""The door: what it offers under which path, whichever server stands before it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias

from duologue.actors import Workers
from duologue.transport.http._actions._calls import Call, Refusal, Reply, said
from duologue.transport.http._actions._finding import (
    Found,
    HasWorkers,
    Source,
    source_of,
)
from duologue.transport.http._actions._offers import Offer, Offered, offers_of
from duologue.transport.http._actions._openapi import document
from duologue.transport.http._actions._resources import Operations
from duologue.transport.http._actions._starting import Starter
from duologue.transport.http._actions._streams import Streams
from duologue.transport.http._actions._visitors import Guard, Visitor
from duologue.transport.http._actions._wire import Slots
from duologue.transport.http._views._assets import operation_bar
from duologue.transport.http._views._forms import Forms

_ONE = r"/operations/[\w.:-]{1,128}"
_Handler: TypeAlias = Callable[[Call, Visitor], Awaitable[Reply]]
_Route: TypeAlias = tuple[re.Pattern[str], Mapping[str, _Handler]]


class Door:
    """Operations over HTTP, as functions from requests to answers.

    Args:
        workers: Run the operations.
        offered: What can be started.
        guard: Tells who makes a call.
        limit: How many operations of an owner may run at once.
        streams: How many streams of events there may be at once.

    Attributes:
        offers: What can be started.
        base: Tells where it is mounted.
    """

    def __init__(
        self,
        workers: Workers | HasWorkers | Source,
        offered: Sequence[Offered],
        guard: Guard,
        *,
        limit: int,
        streams: int,
    ) -> None:
        self.offers: list[Offer] = offers_of(offered)
        self.base: Callable[[], str] = str
        self._guard = guard
        forms = Forms({offer.kind: offer.name for offer in self.offers})
        found = Found(source_of(workers), forms)
        starter = Starter(found, limit)
        self._streams = Streams(found, forms, streams)
        by_name = {offer.name: offer for offer in self.offers}
        resources = Operations(by_name, found, starter, forms, self._streams)
        self._routes: list[_Route] = [
            (re.compile("/openapi.json"), {"GET": self._document}),
            (
                re.compile("/operations"),
                {"GET": resources.list, "POST": resources.start},
            ),
            (
                re.compile(_ONE),
                {"GET": resources.status, "DELETE": resources.cancel},
            ),
            (re.compile(f"{_ONE}/events"), {"GET": resources.events}),
            (re.compile(f"{_ONE}/cancel"), {"POST": resources.cancel}),
            (re.compile(f"{_ONE}/answer"), {"POST": resources.answer}),
            (re.compile(f"{_ONE}/result"), {"GET": resources.result}),
        ]
        for offer in self.offers:
            slots = Slots(offer, found, starter, forms)
            route = {"GET": slots.get, "POST": slots.post}
            self._routes.append((re.compile(re.escape(offer.url)), route))

    def close(self) -> None:
        """End all streams: the server stops."""
        self._streams.close()

    async def answer(self, call: Call) -> Reply:
        """Answer a call, whatever it is."""
        try:
            reply = await self._answer(call)
        except Refusal as refusal:
            reply = refusal.reply()
        if call.method != "HEAD":
            return reply
        if reply.stream is not None:
            await reply.stream.aclose()
        return Reply(reply.status, b"", reply.headers)

    async def _answer(self, call: Call) -> Reply:
        method = "GET" if call.method == "HEAD" else call.method
        if call.path == "/operation-bar.js" and method == "GET":
            return await operation_bar(call)
        visitor = self._guard.visitor(call)
        handlers = next(
            (known for path, known in self._routes if path.fullmatch(call.path)), None
        )
        if handlers is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "there is nothing at this path")
        if method not in handlers:
            more = ["HEAD"] if "GET" in handlers else []
            verbs = ", ".join(sorted([*handlers, *more]))
            detail, allowed = f"ask with {verbs}", {"Allow": verbs}
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, detail, allowed)
        return await handlers[method](call, visitor)

    async def _document(self, call: Call, _: Visitor) -> Reply:
        return said(document(self.offers, call.base))
