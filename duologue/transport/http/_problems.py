"""Answers in JSON: results, and problems as RFC 9457 describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

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
