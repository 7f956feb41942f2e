"""Requests and answers of a door as values, whichever server carries them.

The door is made of functions from a `Call` to a `Reply`; adapters bring them to aiohttp
and to ASGI. Bodies are short, so they are read whole; only streams are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

from duologue.transport.http._problems import FRESH

BODY_LIMIT = 16 * 1024
"""Bytes of a body; what is longer is refused."""

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)
_LONGEST_WAIT = 30

Fields: TypeAlias = Mapping[str, object]
Headers: TypeAlias = Sequence[tuple[str, str]]
"""Names in small letters, each as often as it came."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        method: Such as `GET`.
        path: What follows where the door is mounted; begins with a slash.
        base: Where the door is mounted: empty, or begins with a slash.
        query: The values behind the question mark.
        headers: The headers.
        cookies: The cookies.
        read: Reads the fields of the body, from a form or from JSON.
    """

    method: str
    path: str
    base: str
    query: Mapping[str, str]
    headers: Headers
    cookies: Mapping[str, str]
    read: Callable[[], Awaitable[Fields]]

    def header(self, name: str) -> str:
        """The first header of a name, in small letters; empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def every(self, name: str) -> list[str]:
        """All headers of a name, in small letters."""
        return [value for key, value in self.headers if key == name]

    @property
    def wants_stream(self) -> bool:
        """Whether the answer is to be a stream of events."""
        return "text/event-stream" in self.header("accept").lower()

    @property
    def is_htmx(self) -> bool:
        """Whether htmx asks, which puts the answer into a page."""
        return bool(self.header("hx-request"))

    @property
    def wants_html(self) -> bool:
        """Whether the answer is to be a fragment of a page."""
        return self.is_htmx or self.header("accept").lower().startswith("text/html")

    @property
    def wait(self) -> int:
        """The seconds that the client prefers to wait for the end, at most 30."""
        found = _WAIT.search(",".join(self.every("prefer")))
        return 0 if found is None else min(int(found.group(1)), _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: The HTTP status.
        body: Its content.
        headers: Its headers, with the kind of the content.
        stream: Its content where that comes bit by bit; then there is no body.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    stream: AsyncGenerator[bytes] | None = None


def said(
    content: Mapping[str, object],
    *,
    status: int = HTTPStatus.OK,
    content_type: str = "application/json",
    **headers: str,
) -> Reply:
    """Answer with an object; NaN and infinities are no JSON and raise.

    Args:
        content: The object.
        status: The HTTP status.
        content_type: What kind of object it is.
        headers: More headers; `_` stands for a hyphen.
    """
    text = json.dumps(content, allow_nan=False) + "\n"
    kind = {"Content-Type": f"{content_type}; charset=utf-8"}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(int(status), text.encode(), {**FRESH, **kind, **more})


class Refusal(Exception):  # noqa: N818  # it is an answer, and never leaves the door
    """What ends a call with a problem document, as RFC 9457 describes them.

    Args:
        status: The HTTP status.
        detail: A sentence for people.
        headers: More headers.
        more: Further members, for programs.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def reply(self) -> Reply:
        """The problem document."""
        content = {
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            **self.more,
        }
        kind = "application/problem+json"
        reply = said(content, status=self.status, content_type=kind)
        return Reply(reply.status, reply.body, {**reply.headers, **self.headers})


def unread(why: str) -> Refusal:
    """What a body is answered that is neither a form nor an object."""
    return Refusal(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {why}")
