"""The HTTP side of a webhook: who may come in, and how long that may take."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Sequence

from aiohttp import web

from duologue.actors import Observer
from duologue.dialogs import bot_key
from duologue.errors import BotNotStartedError
from duologue.transport._server import answer_and_leave, new_application
from duologue.transport.webhook._reception import STOPPING, Answer, Reception
from duologue.transport.webhook._source import WebhookSource

BODY_TIME = 10.0
"""Seconds in which a body has to be there."""
FORBIDDEN = Answer(401, "forbidden")
SLOW = Answer(408, "slow")
_logger = logging.getLogger("duologue.transport")


class WebhookDoor:
    """Where the updates of one bot are brought.

    It is there before the runtime works, and behind its end: then it answers 503.

    Args:
        bot: The bot.
        secret: What proves that it is the messenger who comes.
    """

    def __init__(self, bot: WebhookSource, secret: str) -> None:
        self.bot = bot
        self.secret = secret
        self._expected = secret.encode()
        self._reception: Reception | None = None
        self._observer: Observer | None = None
        self._was_refused = False

    def open(self, reception: Reception, observer: Observer) -> None:
        """Take updates in from now on."""
        self._reception, self._observer = reception, observer

    def close(self) -> None:
        """Answer what is new with 503; what has begun goes on."""
        if self._reception is not None:
            self._reception.close()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        began = asyncio.get_running_loop().time()
        answer = await self._answer(request)
        response = web.Response(status=answer.status)
        if answer.retry_after is not None:
            response.headers["Retry-After"] = str(answer.retry_after)
        if answer is STOPPING:
            # Where another process listens too, the next connection may find that.
            response.force_close()
        if answer in {FORBIDDEN, SLOW}:
            # Nothing of the rest is read: it may have no end.
            await answer_and_leave(request, response)
        self._tell(answer, asyncio.get_running_loop().time() - began)
        return response

    async def _answer(self, request: web.Request) -> Answer:
        given = request.headers.get(self.bot.secret_header, "")
        if not hmac.compare_digest(
            given.encode(errors="surrogateescape"), self._expected
        ):
            self._refused()
            return FORBIDDEN
        try:
            body = await _body(request)
        except TimeoutError:
            return SLOW
        reception = self._reception
        return STOPPING if reception is None else await reception.take(body)

    def _refused(self) -> None:
        if not self._was_refused:
            self._was_refused = True
            _logger.warning(
                "a delivery to the webhook of %s had no secret or a wrong one; more "
                "will only be counted. If nothing arrives, set the webhook again with "
                "the secret that this program expects",
                self._name,
            )

    def _tell(self, answer: Answer, seconds: float) -> None:
        observer = self._observer
        if observer is not None:
            name = self._name
            observer.count("webhook_deliveries", bot=name, outcome=answer.outcome)
            observer.record("webhook_answer_seconds", seconds, bot=name)

    @property
    def _name(self) -> str:
        return bot_name(self.bot) or f"a bot of {self.bot.messenger}"


async def _body(request: web.Request) -> bytes:
    """Read a body, which mostly has come with its headers.

    Raises:
        TimeoutError: It has not come in time.
    """
    if request.content.is_eof():
        return await request.read()
    async with asyncio.timeout(BODY_TIME):
        return await request.read()


def application(doors: Sequence[WebhookDoor]) -> web.Application:
    """Put doors into one application, for another server or one of its own.

    One alone is at its root; several are told apart by the names of their bots.
    """
    app = new_application()
    if len(doors) == 1:
        for root in ("", "/"):
            app.router.add_post(root, doors[0].handle)

    async def find(request: web.Request) -> web.StreamResponse:
        named = request.match_info["bot"]
        for door in doors:
            if bot_name(door.bot) == named:
                return await door.handle(request)
        raise web.HTTPNotFound

    app.router.add_post("/{bot}", find)
    return app


def bot_name(bot: WebhookSource) -> str | None:
    """The name of a bot, such as `max.42`; None before it is connected."""
    try:
        return bot_key(bot)
    except BotNotStartedError:
        return None
