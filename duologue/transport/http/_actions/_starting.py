"""How an operation is started: once for each key, and not too many at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from duologue.actors import StartPolicy, Worker, WorkerSnapshot
from duologue.errors import (
    TaskArgumentError,
    UnknownWorkerError,
    UnserialisableDataError,
    WorkerBodyError,
    WorkerBodyTakenError,
    WorkerRunningError,
)
from duologue.transport.http._actions._calls import Refusal
from duologue.transport.http._actions._finding import Found
from duologue.transport.http._actions._offers import Offer
from duologue.transport.http._actions._visitors import START, Visitor

DEFAULT_BOUNDARY = "default-boundary"
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_LONGEST_KEY = 255
_MOST = 1000

_logger = logging.getLogger("duologue.actions")


def boundary_of(given: object) -> str:
    """The name under which an operation runs.

    Raises:
        Refusal: It is none.
    """
    name = DEFAULT_BOUNDARY if given is None else str(given) or DEFAULT_BOUNDARY
    if not _NAME.fullmatch(name):
        detail = "a boundary has up to 64 letters, digits, dots, _ and -"
        raise Refusal(HTTPStatus.BAD_REQUEST, detail)
    return name


class Starter:
    """Starts the operations of a door.

    Args:
        found: The workers.
        limit: How many operations of an owner may run at once.
    """

    def __init__(self, found: Found, limit: int) -> None:
        self._found = found
        self._limit = limit
        # By owner and Idempotency-Key: a digest of the body, and who waits for it.
        self._keys: OrderedDict[tuple[str, str], tuple[str, asyncio.Lock]] = (
            OrderedDict()
        )

    async def start(
        self,
        visitor: Visitor,
        offer: Offer,
        parameters: Mapping[str, object],
        *,
        key: str | None = None,
        worker_id: str | None = None,
    ) -> WorkerSnapshot:
        """Start an operation, or join the one that runs under the key.

        Args:
            visitor: Who starts it.
            offer: What is started.
            parameters: What it is given.
            key: At most one of the owner runs under it.
            worker_id: Its id; a new one when left out.

        Raises:
            Refusal: It cannot be started.
        """
        visitor.may(START, offer.name)
        workers = self._found.workers
        queued = offer.policy is StartPolicy.QUEUE
        if self._is_full(visitor.owner, None if queued else key):
            detail = f"{self._limit} operations run already; try again later"
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": "5"})
        try:
            worker = await workers.start(
                self._body(offer, parameters),
                id=worker_id,
                key=key,
                policy=offer.policy,
                owner=visitor.owner,
                executor=offer.executor,
                timeout=offer.timeout,
                heartbeat=offer.heartbeat,
                retries=offer.retries,
            )
        except (WorkerRunningError, WorkerBodyTakenError) as error:
            raise Refusal(HTTPStatus.CONFLICT, str(error)) from None
        except UnserialisableDataError as error:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        except WorkerBodyError:
            _logger.exception("cannot start %s", offer.name)
            detail = "what does the work cannot be made; the log says why"
            raise Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, detail) from None
        self._found.remember(worker.snapshot)
        return worker.snapshot

    async def start_once(
        self,
        visitor: Visitor,
        offer: Offer,
        parameters: Mapping[str, object],
        *,
        key: str | None,
        token: str,
    ) -> WorkerSnapshot:
        """Start an operation once for an `Idempotency-Key`; later its snapshot.

        The id follows from the key, so that what is kept on an engine is found again
        after a restart.

        Raises:
            Refusal: It cannot be started, or the key came with another body before.
        """
        if len(token) > _LONGEST_KEY:
            detail = f"an Idempotency-Key has at most {_LONGEST_KEY} characters"
            raise Refusal(HTTPStatus.BAD_REQUEST, detail)
        content = json.dumps([offer.name, key, parameters], sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        before, lock = self._keys.setdefault(
            (visitor.owner, token), (digest, asyncio.Lock())
        )
        if before != digest:
            detail = "this Idempotency-Key came with another body; take a new key"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
        if len(self._keys) > _MOST:
            self._keys.popitem(last=False)
        worker_id = _id_for(visitor.owner, token)
        async with lock:
            with suppress(UnknownWorkerError):
                return await self._found.workers.find(worker_id, owner=visitor.owner)
            try:
                return await self.start(
                    visitor, offer, parameters, key=key, worker_id=worker_id
                )
            except Refusal:  # nothing was started: another body may follow
                self._keys.pop((visitor.owner, token), None)
                raise

    def _is_full(self, owner: str, key: str | None) -> bool:
        """Whether one more would be too many; what is joined is no new one."""
        workers = self._found.workers
        if key is not None and workers.running(key, owner=owner) is not None:
            return False
        return sum(worker.is_active for worker in workers.of(owner)) >= self._limit

    @staticmethod
    def _body(offer: Offer, parameters: Mapping[str, object]) -> object:
        try:
            return offer.make(parameters)
        except (TaskArgumentError, ValueError) as error:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None


def latest(found: Found, key: str, owner: str) -> Worker | None:
    """The operation that runs under a key, or that ran last and is still known."""
    running = found.workers.running(key, owner=owner)
    if running is not None:
        return running
    ended = (
        one for one in reversed(found.workers.of(owner)) if one.snapshot.key == key
    )
    return next(ended, None)


def _id_for(owner: str, token: str) -> str:
    digest = hashlib.sha256(json.dumps([owner, token]).encode()).digest()
    return base64.urlsafe_b64encode(digest[:18]).decode()
