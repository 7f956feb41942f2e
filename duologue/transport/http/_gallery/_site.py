"""The page of the gallery and the door behind it, for the browsers of this machine."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from functools import cache
from html import escape
from http import HTTPStatus
from importlib import resources

from aiohttp import web
from aiohttp.typedefs import Handler

from duologue.actors import Workers
from duologue.transport.http._actions._application import actions_application
from duologue.transport.http._actions._visitors import allow_actions
from duologue.transport.http._gallery._works import ACTIONS
from duologue.transport.http._problems import problem
from duologue.transport.http._views._bar import BackgroundOperationBar

DOOR = "/actions"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_OWN = frozenset({"127.0.0.1", "localhost", "[::1]"})
_TYPES = {"gallery.css": "text/css", "gallery.js": "text/javascript"}
_OWNER = "you"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A bar on the page.

    Attributes:
        title: What it shows.
        action: The operation.
        label: What the bar says that it is.
        text: What it says before the start.
        words: Attributes of what is around it.
    """

    title: str
    action: str
    label: str
    text: str = ""
    words: str = ""

    def html(self) -> str:
        """The bar with its three buttons."""
        boundary = "".join(self.title.split())[:20].lower()
        bar = BackgroundOperationBar(
            label=self.label,
            text=self.text,
            interval=1000,
            url=f"{DOOR}/{self.action}",
            boundary=boundary,
        )
        buttons = "".join(
            f'<button type="button" data-bar="{bar.client_id}" '
            f'data-call="{call}">{call.title()}</button>'
            for call in ("start", "ping", "stop")
        )
        return (
            f"<section {self.words}><h2>{escape(self.title)}</h2>{bar}"
            f'<p class="buttons">{buttons}</p></section>'
        )


EXHIBITS = (
    Exhibit("The rocket", "rocket", "Время полёта", "К полёту готов", 'lang="ru"'),  # noqa: RUF001  # Russian
    Exhibit("An import", "import", "Import", "1 to 100"),
    Exhibit("Nobody knows how long", "search", "Search"),
    Exhibit("One that fails", "broken", "Backup"),
    Exhibit("Hostile text", "hostile", "<b>Label</b>", "<i>text</i>"),
    Exhibit("Right to left", "import", "استيراد", "جاهز", 'lang="ar" dir="rtl"'),
    Exhibit("In 240 pixels", "import", "Import", words='class="narrow"'),
)


def gallery(workers: Workers) -> web.Application:
    """Make the site.

    Args:
        workers: Run the operations.
    """
    token = secrets.token_urlsafe()
    app = web.Application(middlewares=[_only_here])

    async def page(_: web.Request) -> web.Response:
        response = web.Response(
            text=_page(),
            content_type="text/html",
            headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
        )
        allow_actions(response, token, owner=_OWNER, path=DOOR)
        return response

    async def asset(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.Response(
            body=await asyncio.to_thread(_load, name), content_type=_TYPES[name]
        )

    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT)

    app.router.add_get("/", page)
    app.router.add_get("/favicon.ico", nothing)
    app.router.add_get(r"/{name:gallery\.(?:css|js)}", asset)
    app.add_subapp(DOOR, actions_application(workers, ACTIONS, token=token))
    return app


@web.middleware
async def _only_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what was meant for another host, whose name may point here."""
    host, _, port = request.host.rpartition(":")
    name = host if port.isdecimal() else request.host
    if name not in _OWN:
        return problem(HTTPStatus.FORBIDDEN, "open it as http://127.0.0.1")
    return await handler(request)


def _page() -> str:
    sections = "\n".join(one.html() for one in EXHIBITS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Operations</title>"
        '<link rel="stylesheet" href="/gallery.css">'
        f'<script type="module" src="{DOOR}/operation-bar.js"></script>'
        '<script type="module" src="/gallery.js"></script></head><body>'
        "<main><h1>Long operations</h1><p>Start some, reload the page, close it and come "
        f"again: they go on.</p>\n{sections}\n</main></body></html>\n"
    )


@cache
def _load(name: str) -> bytes:
    folder = resources.files("duologue.transport.http._gallery") / "page"
    return folder.joinpath(name).read_bytes()
