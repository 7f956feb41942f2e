"""The result of an operation as it is sent: a picture or another file, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?charset=[\w-]+)?", re.ASCII)
# What a file holds is data of others: it may be drawn, and run nothing.
_CAGE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, slots=True)
class File:
    """A result that is content of some type.

    Attributes:
        content_type: Its type.
        data: Its bytes.
        name: What it is called when it is kept; empty for nothing in particular.
    """

    content_type: str
    data: bytes
    name: str = ""

    def headers(self) -> dict[str, str]:
        """The headers with which a browser shows it and does nothing that it says."""
        place = "inline" if self.content_type.startswith("image/") else "attachment"
        named = f"; filename*=UTF-8''{quote(self.name, safe='')}" if self.name else ""
        return {
            "Content-Type": self.content_type,
            "Content-Disposition": place + named,
            "Content-Security-Policy": _CAGE,
            "Cross-Origin-Resource-Policy": "same-origin",
        }


def file_of(result: object) -> File | None:
    """A result that is a file; None if it is something else.

    Bytes are a file, whose type is told from how it begins. So is a mapping with
    `content_type` and `data`, bytes or text, and perhaps `name`.
    """
    if isinstance(result, bytes):
        return File(_type_of(result), result)
    if not isinstance(result, Mapping):
        return None
    given = cast("Mapping[str, object]", result)
    if not {"content_type", "data"} <= {*given}:
        return None
    kind, name = str(given["content_type"]), str(given.get("name", ""))
    data = _bytes(given["data"])
    return None if data is None or not _TYPE.fullmatch(kind) else File(kind, data, name)


def json_of(result: object) -> str | None:
    """A result as JSON; None if it is none."""
    try:
        return json.dumps(result, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None


def _bytes(data: object) -> bytes | None:
    if isinstance(data, str):
        return data.encode()
    return data if isinstance(data, bytes) else None


def _type_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    found = (kind for magic, kind in _MAGIC if data.startswith(magic))
    return next(found, "application/octet-stream")
