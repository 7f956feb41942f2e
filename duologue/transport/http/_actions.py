"""Asynchronous actions: background workers behind a URL, as m3 has them."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar, Protocol, TypeAlias, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from duologue.actors import StartPolicy, Worker, Workers, WorkerSnapshot
from duologue.actors._workers._worker_body import kind_of
from duologue.errors import (
    ActionSettingError,
    RuntimeNotStartedError,
    SystemClosedError,
    UnknownWorkerError,
    WorkerBodyError,
    WorkerBodyTakenError,
    WorkerRunningError,
)
from duologue.transport._json import parse
from duologue.transport._server import new_application
from duologue.transport.http._access import guard
from duologue.transport.http._problems import answer, as_problems, problem

DEFAULT_BOUNDARY = "default-boundary"

_BODY_LIMIT = 16 * 1024
_BOUNDARY = re.compile(r"[\w.-]{1,64}", re.ASCII)
# All that aiohttp says of a form that is broken.
_NO_FORM = (
    AssertionError,
    HttpProcessingError,
    LookupError,
    RuntimeError,
    ValueError,
    web.RequestPayloadError,
)
_IDLE: Mapping[str, object] = {
    "text": "",
    "value": 0.0,
    "isActive": False,
    "alive": False,
    "state": "idle",
}

_logger = logging.getLogger("duologue.actions")

Fields: TypeAlias = Mapping[str, object]


class AsyncAction:
    """A background operation that a page starts, asks about and stops.

    Subclass it and say where it is and who does the work:

        class TheAsyncAction(AsyncAction):
            url = "/async"
            shortname = "async_action"
            worker_cls = MissileLaunch

    Attributes:
        url: Its path, such as `/async`.
        shortname: Its name, unlike that of any other action.
        worker_cls: What does the work: a body for `Workers.start`.
        policy: What a start does while the operation runs; it joins by default, so
            that pressing a button twice does no harm.
    """

    url: ClassVar[str] = ""
    shortname: ClassVar[str] = ""
    worker_cls: ClassVar[object] = None
    policy: ClassVar[StartPolicy] = StartPolicy.JOIN


class HasWorkers(Protocol):
    """Something that has workers while it runs, such as a `Runtime`."""

    @property
    def workers(self) -> Workers:
        """Its workers."""
        ...


def actions_application(
    workers: Workers | HasWorkers | Callable[[], Workers],
    actions: Sequence[type[AsyncAction]],
    *,
    token: str,
    owner: str = "",
    limit: int = 100,
) -> web.Application:
    """Make an application that serves actions to the pages of m3.

    A POST with `command`, one of `start`, `ping` and `stop`, in a form or in JSON is
    answered with `text`, `value` (from 0 to 1), `isActive` and `alive`, and with the
    rest of the worker's snapshot. Each action has one operation at a time for each
    `boundary`, a name that the page may give. GET changes nothing and is refused.

    Args:
        workers: Run the operations. A `Runtime`, or a function that gives them, is asked
            at each request, so the door can be mounted before they are there.
        actions: What is offered.
        token: Who shows it as `Authorization: Bearer` may use the door, and so may a
            page that `allow_actions` has let in.
        owner: Whose workers they are.
        limit: How many operations of the owner may run at once.

    Raises:
        ActionSettingError: The token is empty, or an action lacks its path, its name
            or its worker, or shares one of the first two with another.
    """
    if not token:
        raise ActionSettingError("the door", "its token is empty; choose a long one")
    _check(actions)
    around = (guard(token), as_problems)
    app = new_application(body_limit=_BODY_LIMIT, middlewares=around)
    for action in actions:
        slot = _Slot(_source(workers), action, owner=owner, limit=limit)
        app.router.add_post(action.url, slot.handle)
    return app


class _Slot:
    """The operations of one action."""

    def __init__(
        self,
        source: Callable[[], Workers],
        action: type[AsyncAction],
        *,
        owner: str,
        limit: int,
    ) -> None:
        self._source = source
        self._action = action
        self._owner = owner
        self._limit = limit
        self._commands: Mapping[str, Callable[[str], Awaitable[web.Response]]] = {
            "start": self._start,
            "stop": self._stop,
            "ping": self._ping,
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Carry out the command of a request."""
        try:
            fields = await _fields(request)
        except ValueError as error:
            return problem(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {error}")
        command = self._commands.get(str(fields.get("command", "")))
        if command is None:
            known = sorted(self._commands)
            detail = f"give a command: one of {', '.join(known)}"
            return problem(HTTPStatus.BAD_REQUEST, detail, known=known)
        boundary = _boundary(fields)
        if boundary is None:
            detail = "a boundary has up to 64 letters, digits, dots, _ and -"
            return problem(HTTPStatus.BAD_REQUEST, detail)
        return await self._answer(command(f"{self._action.shortname}/{boundary}"))

    @staticmethod
    async def _answer(command: Awaitable[web.Response]) -> web.Response:
        try:
            return await command
        except UnknownWorkerError:  # forgotten since it was found
            return answer(_IDLE)
        except SystemClosedError:
            detail = "this program is stopping"
        except RuntimeNotStartedError:
            detail = "this program does not run"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)

    async def _start(self, key: str) -> web.Response:
        if self._is_full(key):
            detail = f"{self._limit} operations run already; try again later"
            return problem(HTTPStatus.TOO_MANY_REQUESTS, detail)
        try:
            worker = await self._begin(key)
        except (WorkerRunningError, WorkerBodyTakenError) as error:
            return problem(HTTPStatus.CONFLICT, str(error))
        except WorkerBodyError:
            _logger.exception("cannot start %s", self._action.shortname)
            detail = "what does the work cannot be made; the log says why"
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
        return answer(_shown(worker.snapshot))

    async def _begin(self, key: str) -> Worker:
        return await self._source().start(
            self._action.worker_cls,
            key=key,
            policy=self._action.policy,
            owner=self._owner,
        )

    def _is_full(self, key: str) -> bool:
        """Whether one more would be too many; what runs already is no new one."""
        if self._source().running(key, owner=self._owner) is not None:
            return False
        known = self._source().of(self._owner)
        return sum(worker.is_active for worker in known) >= self._limit

    async def _stop(self, key: str) -> web.Response:
        worker = self._find(key)
        if worker is None:
            return answer(_IDLE)
        return answer(_shown(await worker.stop("the page has asked for it")))

    async def _ping(self, key: str) -> web.Response:
        worker = self._find(key)
        return answer(_IDLE if worker is None else _shown(await worker.ping()))

    def _find(self, key: str) -> Worker | None:
        """The operation that runs, or that ran last and is still remembered."""
        running = self._source().running(key, owner=self._owner)
        if running is not None:
            return running
        known = self._source().of(self._owner)
        ended = (one for one in reversed(known) if one.snapshot.key == key)
        return next(ended, None)


def _shown(snapshot: WorkerSnapshot) -> dict[str, object]:
    """A snapshot in the words of m3 and, beside them, in ours."""
    failure = snapshot.error
    return {
        "text": snapshot.text,
        "value": 0.0 if snapshot.value is None else snapshot.value,
        "isActive": snapshot.is_active,
        "alive": snapshot.is_active,
        "indeterminate": snapshot.value is None,
        "id": snapshot.id,
        "kind": snapshot.kind,
        "state": snapshot.state.value,
        "revision": snapshot.revision,
        "reason": snapshot.reason,
        "error": None
        if failure is None
        else {"type": failure.type, "message": failure.message},
    }


def _boundary(fields: Fields) -> str | None:
    """The name under which an operation runs; None if it is none."""
    given = fields.get("boundary")
    name = DEFAULT_BOUNDARY if given is None else str(given) or DEFAULT_BOUNDARY
    return name if _BOUNDARY.fullmatch(name) else None


async def _fields(request: web.Request) -> Fields:
    """The parameters of a request, from a form or from JSON.

    Raises:
        ValueError: The body is neither.
    """
    if request.content_type != "application/json":
        try:
            return {**await request.post()}
        except _NO_FORM as error:
            raise ValueError("it is no form") from error
    parsed = parse(await request.read())
    if not isinstance(parsed, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004  # of what was sent
    return cast("Fields", parsed)


def _source(
    given: Workers | HasWorkers | Callable[[], Workers],
) -> Callable[[], Workers]:
    if isinstance(given, Workers):
        return lambda: given
    return given if callable(given) else lambda: given.workers


def _check(actions: Sequence[type[AsyncAction]]) -> None:
    for action in actions:
        fault = _fault(action)
        if fault is not None:
            raise ActionSettingError(action.__name__, fault)
    for name in ("url", "shortname"):
        taken = [str(getattr(action, name)) for action in actions]
        twice = {value for value in taken if taken.count(value) > 1}
        if twice:
            raise ActionSettingError(min(twice), f"two actions have it as {name}")


def _fault(action: type[AsyncAction]) -> str | None:
    if not action.url.startswith("/"):
        return "its url must begin with a slash"
    if not action.shortname:
        return "it has no shortname; give it a name of its own"
    if action.worker_cls is None:
        return "it has no worker_cls; name the class that does the work"
    try:
        kind_of(action.worker_cls)
    except WorkerBodyError as error:
        return str(error)
    return None
