"""One running sandbox: the doors put together on one loopback port."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from urllib.parse import quote

from aiohttp import web

from duologue.transport._server import LOOPBACK, ListenAddress, new_application, serve
from duologue.transport.sandbox._bot_api._chat_methods import ChatMethods
from duologue.transport.sandbox._bot_api._door import BotDoor
from duologue.transport.sandbox._bot_api._message_methods import MessageMethods
from duologue.transport.sandbox._bot_api._polls import Polls
from duologue.transport.sandbox._bot_api._webhooks import Webhooks
from duologue.transport.sandbox._control._client import Control
from duologue.transport.sandbox._control._door import ControlDoor
from duologue.transport.sandbox._people._door import PeopleDoor
from duologue.transport.sandbox._people._origin import protect
from duologue.transport.sandbox._people._page import PageDoor, is_for_people
from duologue.transport.sandbox._world._courier import FIRST_PAUSE
from duologue.transport.sandbox._world._files import FILE_LIMIT, FILES_TOTAL, Files
from duologue.transport.sandbox._world._service import BOT, Service
from duologue.transport.sandbox._world._values import NoMarker, Profile

CONTROL = "/control"
# Tests jump over days; idle connections must not break because of that.
KEEPALIVE = 365 * 24 * 60 * 60.0


class Sandbox:
    """A local messenger that speaks the MAX Bot API; ``async with`` runs it.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 picks a free one.
        profile: Which generation of limits applies.
        no_marker: What a poll without a marker gives.
        token: The bot's token; random unless given.
        control_token: The token of the control door; random unless given.
        limits: Whether requests are limited.
        file_limit: The largest file a user can send, in bytes.
        files_total: The most bytes of files kept; older ones make room for newer.
        bot_id: The user id of the bot; bots of one runtime need different ones.
        webhook_retry: Seconds before what a webhook did not take is sent again; each
            further try waits two and a half times as long.
    """

    def __init__(
        self,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        profile: Profile = Profile.LATEST,
        no_marker: NoMarker = NoMarker.ALL_UNCOMMITTED,
        token: str | None = None,
        control_token: str | None = None,
        limits: bool = True,
        file_limit: int = FILE_LIMIT,
        files_total: int = FILES_TOTAL,
        bot_id: int = BOT.id,
        webhook_retry: float = FIRST_PAUSE,
    ) -> None:
        self._address = ListenAddress(host, port)
        self._profile = profile
        self._no_marker = no_marker
        self._limits = limits
        self._file_limit = file_limit
        self._files_total = files_total
        self._bot_id = bot_id
        self._webhook_retry = webhook_retry
        self._token = token or secrets.token_urlsafe(32)
        self._control_token = control_token or secrets.token_urlsafe(32)
        self._controls: list[Control] = []
        self._running = AsyncExitStack()

    @property
    def url(self) -> str:
        """The base URL of the Bot API, without a slash at the end."""
        return self._address.url

    @property
    def port(self) -> int:
        """The port it listens on; that it was given until it runs."""
        return self._address.port

    @property
    def token(self) -> str:
        """The bot's token."""
        return self._token

    @property
    def control_url(self) -> str:
        """The URL for ``Control``."""
        return self._address.own_url + CONTROL

    @property
    def control_token(self) -> str:
        """The token for ``Control``."""
        return self._control_token

    @property
    def page_url(self) -> str:
        """The address of the page for people; it opens the door, so keep it private.

        The control token stands behind ``#``, which browsers do not send anywhere.
        """
        return f"{self._address.own_url}/#token={quote(self.control_token, safe='')}"

    @property
    def bot_id(self) -> int:
        """The user id of the bot."""
        return self._bot_id

    @property
    def bot_name(self) -> str:
        """The name of the bot."""
        return BOT.name

    def control(self) -> Control:
        """Give a client of the control door; the end of the sandbox closes it."""
        control = Control(self.control_url, self.control_token)
        self._controls.append(control)
        return control

    async def __aenter__(self) -> Self:
        service = Service(
            self._token,
            self._profile,
            no_marker=self._no_marker,
            limits=self._limits,
            files=Files(self._file_limit, self._files_total),
            bot_id=self._bot_id,
            webhook_retry=self._webhook_retry,
        )
        listening = serve(
            self._application(service),
            host=self._address.host,
            port=self._address.port,
            keepalive=KEEPALIVE,
        )
        async with AsyncExitStack() as starting:
            # Clients close behind the server, so that what they wait for is answered.
            starting.push_async_callback(self._close_controls)
            starting.push_async_callback(service.courier.close)
            self._address = await starting.enter_async_context(listening)
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    async def _close_controls(self) -> None:
        while self._controls:
            await self._controls.pop().close()

    def _application(self, service: Service) -> web.Application:
        app = new_application()
        page = PageDoor(service.files)
        bot = BotDoor(service, exempt=_is_another_doors)
        app.middlewares.extend([page.guard, bot.guard])
        app.add_routes(page.routes())
        app.add_routes(ChatMethods(service).routes())
        app.add_routes(MessageMethods(service).routes())
        app.add_routes(Polls(service).routes())
        app.add_routes(Webhooks(service).routes())
        app.add_subapp(CONTROL, self._control_application(service))

        async def end_polls(_: web.Application) -> None:
            service.bell.ring_last()

        app.on_shutdown.append(end_polls)
        return app

    def _control_application(self, service: Service) -> web.Application:
        app = new_application()
        door = ControlDoor(service, self._control_token)
        app.middlewares.append(door.guard)
        app.add_routes(door.routes())
        app.add_routes(PeopleDoor(service).routes())
        app.on_response_prepare.append(protect)
        return app


def _is_another_doors(path: str) -> bool:
    return path.startswith(CONTROL + "/") or is_for_people(path)
