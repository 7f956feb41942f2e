"""The routes by which other programs reach actors."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final, Protocol, TypeAlias, TypeVar

from aiohttp import web

from duologue.actors import Counts, Observer
from duologue.actors._engine._timed import wall_time
from duologue.errors import (
    DuologueError,
    EnvelopeError,
    MailboxFullError,
)
from duologue.messages import Event, Ref, Signer
from duologue.messages._recipients import Recipient, Recipients, Result, shown
from duologue.messages._rights import REACHES_BY_ASK, REACHES_BY_TELL, rights_of
from duologue.transport._server import new_application
from duologue.transport.http._problems import answer, as_problems, problem
from duologue.transport.http._refs._access import (
    Access,
    Caller,
    DeniedError,
    NotInScopeError,
    check_scope,
)
from duologue.transport.http._refs._openapi import described
from duologue.transport.http._refs._rates import Rates, TooManyError
from duologue.transport.http._refs._reading import (
    UnsupportedError,
    events_of,
    preferred_wait,
    wants_receipt,
)
from duologue.transport.http._refs._receipts import Receipts, start
from duologue.transport.http._refs._statuses import refusal
from duologue.transport.http._tokens import AccessTokens

Source: TypeAlias = Callable[[], Recipients]
"""Whom messages reach; raises `RuntimeNotStartedError` where nobody is there."""


class Exposing(Protocol):
    """Something that has actors for other programs, such as a `Directory`."""

    @property
    def exposed(self) -> Mapping[str, Recipient]:
        """They, by the types in their refs."""
        ...


T = TypeVar("T")

_BODY_LIMIT: Final = 1024 * 1024
_ROOM: Final = 1.0  # seconds that a message waits for room in a mailbox
_ASK: Final = 5.0  # seconds for an answer, where nobody says
_MOST_RECENT: Final = 10_000


def refs_application(
    source: Source | Exposing,
    tokens: AccessTokens | None = None,
    *,
    signers: Sequence[Signer] = (),
    loopback: bool = False,
    rate: float | None = None,
    observer: Callable[[], Observer] = Counts,
) -> web.Application:
    """Make an application that takes messages of other programs.

    For programs without dialogs, whose actors are exposed: `refs_application(
    system.directory, AccessTokenFile(path))`. A runtime has `Runtime.refs`.

    Args:
        source: A directory with exposed actors.
        tokens: Those of the programs that may come in, and what each may do.
        signers: Programs that sign as Standard Webhooks has it.
        loopback: Whether programs of this machine need no token.
        rate: How many messages a second each caller may bring; any number if it is None.
        observer: Gives who counts.

    Raises:
        RuntimeSettingError: Nobody could come in, or nothing.
    """
    found: Source = source if callable(source) else lambda: Recipients(source.exposed)
    access = Access(tokens, signers, loopback=loopback)
    door = RefDoor(found, access, Rates(rate), observer=observer)
    app = new_application(body_limit=_BODY_LIMIT, middlewares=(as_problems,))
    app.router.add_post("/v1/actors/{type}/{key:.+}/messages", door.tell)
    app.router.add_post("/v1/actors/{type}/{key:.+}/asks", door.ask)
    app.router.add_get("/v1/receipts/{token}", door.receipt)
    app.router.add_get("/v1/openapi.json", door.describe)
    app.on_cleanup.append(door.close)
    return app


class RefDoor:
    """Takes messages of other programs.

    Args:
        source: Whom they reach.
        access: Who may come in.
        rates: How much each may bring.
        observer: Counts.
    """

    def __init__(
        self,
        source: Source,
        access: Access,
        rates: Rates,
        *,
        observer: Callable[[], Observer],
    ) -> None:
        self._source = source
        self._access = access
        self._rates = rates
        self._observer = observer
        self._receipts = Receipts()
        self._recent: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    async def close(self, _app: web.Application) -> None:
        """Wait for no outcomes any more."""
        await self._receipts.close()

    async def tell(self, request: web.Request) -> web.Response:
        """Take messages to one actor."""
        return await self._answer(request, self._tell)

    async def ask(self, request: web.Request) -> web.Response:
        """Take a question, and answer it."""
        return await self._answer(request, self._ask)

    async def receipt(self, request: web.Request) -> web.Response:
        """Tell what became of a message."""
        return await self._answer(request, self._receipt)

    async def describe(self, request: web.Request) -> web.Response:
        """Describe the door to whoever may come in."""

        async def described_to(_request: web.Request, caller: Caller) -> web.Response:
            return answer(described(self._source(), caller.allows))

        return await self._answer(request, described_to)

    async def _answer(
        self,
        request: web.Request,
        handle: Callable[[web.Request, Caller], Awaitable[web.Response]],
    ) -> web.Response:
        caller_name = ""
        try:
            caller = await self._access.caller(request)
            caller_name = caller.name
            response = await handle(request, caller)
        except DeniedError:
            detail = "show a token as `Authorization: Bearer`, or sign the request"
            response = problem(HTTPStatus.UNAUTHORIZED, detail, error="Denied")
            response.headers["WWW-Authenticate"] = "Bearer"
        except NotInScopeError as error:
            detail = (
                f"the scopes of {caller_name} have no {error.verb} of {error.target}"
            )
            response = problem(HTTPStatus.FORBIDDEN, detail, error="NotInScope")
        except UnsupportedError:
            detail = (
                "send application/cloudevents+json, application/cloudevents-batch+json, "
                "or application/json with the attributes as headers ce-id, ce-source, …"
            )
            status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            response = problem(status, detail, error="Unsupported")
        except TooManyError as error:
            detail = f"{caller_name} brings too many; send it again later"
            response = problem(HTTPStatus.TOO_MANY_REQUESTS, detail, error="TooMany")
            response.headers["Retry-After"] = str(math.ceil(error.seconds))
        except DuologueError as error:
            response = refusal(error)
        if request.method == "POST":
            outcome = _outcome_of(response.status)
            self._observer().count("messages_offered", source="http", outcome=outcome)
        return response

    async def _tell(self, request: web.Request, caller: Caller) -> web.Response:
        ref = _ref(request)
        check_scope(caller, REACHES_BY_TELL, str(ref))
        recipient = self._source().of(ref)
        events = await events_of(request, ref, f"//{caller.name}")
        self._rates.spend(caller.name, len(events))
        for event in events:
            _check_rights(caller, event, asked=False)
            recipient.check(event, asked=False)
        if not events:
            return answer({"accepted": []}, status=HTTPStatus.ACCEPTED)
        wait, later = preferred_wait(request), wants_receipt(request)
        if len(events) == 1 and (wait is not None or later):
            return await self._send(request, caller, recipient, events[0], wait)
        is_batch = request.content_type.endswith("batch+json")
        return await self._put(recipient, events, is_batch=is_batch)

    async def _put(
        self, recipient: Recipient, events: Sequence[Event], *, is_batch: bool
    ) -> web.Response:
        known = [_key(event) in self._recent for event in events]
        new = [
            event for event, is_known in zip(events, known, strict=True) if not is_known
        ]
        if new:
            await _with_room(new[0].subject, recipient.tell(new))
        for event in new:
            self._recent[_key(event)] = None
        while len(self._recent) > _MOST_RECENT:
            self._recent.popitem(last=False)
        said = [
            {"id": event.id, "status": "duplicate" if is_known else "accepted"}
            for event, is_known in zip(events, known, strict=True)
        ]
        content: dict[str, object] = {"accepted": said} if is_batch else dict(said[0])
        return answer(content, status=HTTPStatus.ACCEPTED)

    async def _send(
        self,
        request: web.Request,
        caller: Caller,
        recipient: Recipient,
        event: Event,
        wait: float | None,
    ) -> web.Response:
        """Take a message whose outcome is of interest."""
        outcome = await _with_room(event.subject, recipient.send(event, asked=False))
        token = self._receipts.add(caller.name, event.id, outcome)
        return await self._outcome(request, caller, token, wait)

    async def _receipt(self, request: web.Request, caller: Caller) -> web.Response:
        token = request.match_info["token"]
        wait = preferred_wait(request) or 0.0
        return await self._outcome(request, caller, token, wait)

    async def _outcome(
        self,
        request: web.Request,
        caller: Caller,
        token: str,
        wait: float | None,
    ) -> web.Response:
        waiting = self._receipts.get(token, caller.name)
        if waiting is None:
            detail = (
                "nothing is known of this receipt here any more; send the message "
                "again with the same id"
            )
            return problem(HTTPStatus.NOT_FOUND, detail, error="OutcomeUnknownError")
        if wait is not None:
            await asyncio.wait([waiting.outcome], timeout=wait)
        if wait is None or not waiting.outcome.done():
            said = {"id": waiting.id, "status": "accepted", "receipt": token}
            response = answer(said, status=HTTPStatus.ACCEPTED)
            response.headers["Location"] = (
                self._prefix(request) + f"/v1/receipts/{token}"
            )
            return response
        error = waiting.outcome.exception()
        if error is not None:
            return refusal(error)
        return answer({"id": waiting.id, **shown(waiting.outcome.result())})

    @staticmethod
    def _prefix(request: web.Request) -> str:
        """Where the door is mounted."""
        return request.path.partition("/v1/")[0]

    async def _ask(self, request: web.Request, caller: Caller) -> web.Response:
        ref = _ref(request)
        check_scope(caller, REACHES_BY_ASK, str(ref))
        recipient = self._source().of(ref)
        events = await events_of(request, ref, f"//{caller.name}")
        self._rates.spend(caller.name, 1)
        if len(events) != 1:
            raise EnvelopeError("", "ask one thing at a time")
        event = events[0]
        _check_rights(caller, event, asked=True)
        recipient.check(event, asked=True)
        patience = preferred_wait(request) or _ASK
        until = datetime.fromtimestamp(wall_time(), UTC) + timedelta(seconds=patience)
        if event.expires is None or event.expires > until:
            event = replace(event, expires=until)
        outcome = start(await _with_room(ref, recipient.send(event, asked=True)))
        try:
            await asyncio.wait([outcome], timeout=patience)
        finally:
            if not outcome.done():
                outcome.add_done_callback(self._late)
        if not outcome.done():
            detail = f"no answer within {patience:g} s"
            return problem(HTTPStatus.GATEWAY_TIMEOUT, detail, error="AskTimeoutError")
        error = outcome.exception()
        if error is not None:
            return refusal(error)
        return answer({"id": event.id, **shown(outcome.result())})

    def _late(self, outcome: asyncio.Task[Result]) -> None:
        if not outcome.cancelled() and outcome.exception() is None:
            self._observer().count("messages_told", outcome="late")


def _ref(request: web.Request) -> Ref:
    return Ref(request.match_info["type"], request.match_info["key"])


def _check_rights(caller: Caller, event: Event, *, asked: bool) -> None:
    for verb, target in rights_of(event, asked=asked):
        check_scope(caller, (verb,), target)


async def _with_room(ref: Ref, accepted: Awaitable[T]) -> T:
    """Wait until something is accepted, but not for long.

    Raises:
        MailboxFullError: There was no room.
    """
    try:
        async with asyncio.timeout(_ROOM):
            return await accepted
    except TimeoutError:
        raise MailboxFullError(str(ref), 0) from None


def _key(event: Event) -> tuple[str, str, str]:
    return str(event.subject), event.source, event.id


def _outcome_of(status: int) -> str:
    match status:
        case 200 | 202:
            return "accepted"
        case 401 | 403:
            return "forbidden"
        case 429:
            return "full"
        case 503:
            return "unavailable"
        case _:
            return "refused"
