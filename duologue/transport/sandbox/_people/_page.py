"""The page door: the files of the messenger in the browser, and those users sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import resources
from urllib.parse import quote

from aiohttp import web

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._people._origin import check_names, problem, protect
from duologue.transport.sandbox._world._files import Files, StoredFile

HttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
INDEX = "index.html"
TYPES = {
    INDEX: "text/html",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
    "api.js": "text/javascript",
    "app.js": "text/javascript",
    "chats.js": "text/javascript",
    "commands.js": "text/javascript",
    "composer.js": "text/javascript",
    "dialogs.js": "text/javascript",
    "dom.js": "text/javascript",
    "drawer.js": "text/javascript",
    "markup.js": "text/javascript",
    "message.js": "text/javascript",
    "pane.js": "text/javascript",
    "silence.js": "text/javascript",
    "stream.js": "text/javascript",
    "timeline.js": "text/javascript",
    "toasts.js": "text/javascript",
}
"""All files that are served, with their types; nothing else can be asked for."""
PREFIXES = ("/page/", "/files/")


def is_for_people(path: str) -> bool:
    """Tell whether a path belongs to this door."""
    return path == "/" or path.startswith(PREFIXES)


class PageDoor:
    """The files of the page; without the control token it can do nothing."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._read: dict[str, bytes] = {}

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handlers."""
        return [
            web.get("/", self.index),
            web.get("/page/{name}", self.asset),
            web.get("/files/{token}", self.file),
        ]

    @web.middleware
    async def guard(
        self, request: web.Request, handler: HttpHandler
    ) -> web.StreamResponse:
        """Keep other hosts and other sites out."""
        if not is_for_people(request.path):
            return await handler(request)
        try:
            check_names(request)
            response = await handler(request)
        except SandboxRefusalError as refusal:
            response = problem(refusal.status, refusal.code, refusal.detail)
        except web.HTTPError as http:
            response = problem(http.status, "not.found", http.reason)
        await protect(request, response)
        return response

    async def index(self, _: web.Request) -> web.Response:
        """GET /: the page itself."""
        return await self._asset(INDEX)

    async def asset(self, request: web.Request) -> web.Response:
        """GET /page/{name}: scripts and styles of the page."""
        return await self._asset(request.match_info["name"])

    async def file(self, request: web.Request) -> web.Response:
        """GET /files/{token}: a file for the bot; who knows the name may have it."""
        return download(self._files.get(request.match_info["token"]))

    async def _asset(self, name: str) -> web.Response:
        if name not in TYPES:
            raise SandboxRefusalError(404, "not.found", "the page has no such file")
        if name not in self._read:
            self._read[name] = await asyncio.to_thread(_load, name)
        return web.Response(
            body=self._read[name], content_type=TYPES[name], charset="utf-8"
        )


def download(file: StoredFile) -> web.Response:
    """Make the answer that hands a file over and never shows it."""
    name = quote(file.name, safe="")
    return web.Response(
        body=file.data,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def _load(name: str) -> bytes:
    folder = resources.files("duologue.transport.sandbox") / "page"
    return folder.joinpath(name).read_bytes()
