"""The files that the door shows to pages; everybody may have them."""

from __future__ import annotations

import asyncio
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib import resources

from duologue.transport.http._actions._calls import Call, Reply

BAR = "operation-bar.js"


@cache
def load(name: str) -> tuple[bytes, str]:
    """A file of the package, and its tag."""
    folder = resources.files("duologue.transport.http._views") / "page"
    content = folder.joinpath(name).read_bytes()
    return content, f'"{sha256(content).hexdigest()[:16]}"'


async def operation_bar(call: Call) -> Reply:
    """The element of pages, `<operation-bar>`."""
    content, tag = await asyncio.to_thread(load, BAR)
    headers = {
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": "no-cache",
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
    }
    if tag in call.header("if-none-match"):
        return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
    return Reply(HTTPStatus.OK, content, headers)
