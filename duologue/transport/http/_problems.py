"""Answers in JSON: results, and problems as RFC 9457 describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

FRESH = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer: it is of this moment, and is what it says it is."""


def answer(
    content: Mapping[str, object],
    *,
    status: HTTPStatus = HTTPStatus.OK,
    content_type: str = "application/json",
) -> web.Response:
    """Answer with an object; NaN and infinities are no JSON and raise.

    Args:
        content: The object.
        status: The HTTP status.
        content_type: What kind of object it is.
    """
    text = json.dumps(content, allow_nan=False) + "\n"
    return web.Response(
        status=status, text=text, content_type=content_type, headers=FRESH
    )


def problem(status: HTTPStatus, detail: str, **more: object) -> web.Response:
    """Answer that something cannot be done, and what to do instead.

    Args:
        status: The HTTP status, which also gives the title.
        detail: A sentence for people.
        more: Further members, for programs.
    """
    content = {"title": status.phrase, "status": status.value, "detail": detail}
    return answer(
        {**content, **more}, status=status, content_type="application/problem+json"
    )


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say in a problem document, too, what the web framework refuses by itself."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        verbs = ", ".join(sorted(error.allowed_methods))
        refusal = problem(HTTPStatus(error.status), f"ask with {verbs}")
        refusal.headers["Allow"] = verbs
    except (web.HTTPRequestEntityTooLarge, web.HTTPUnsupportedMediaType) as error:
        refusal = problem(HTTPStatus(error.status), str(error.text))
    except web.HTTPNotFound as error:
        refusal = problem(HTTPStatus(error.status), "there is nothing at this path")
    return refusal
