"""Files that users sent: in memory, bounded each and together."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections import OrderedDict, deque
from dataclasses import dataclass

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._world._values import JsonObject

MIB = 1024 * 1024
FILE_LIMIT = 10 * MIB
FILES_TOTAL = 100 * MIB
NAME_LIMIT = 120
REMEMBERED = 10_000
NAMELESS = "file"
_FOLDERS = re.compile(r"^.*[/\\]", re.DOTALL)
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a user sent."""

    token: str
    name: str
    data: bytes


class Files:
    """The files of one run, in bytes; the oldest make room, but one is always kept."""

    def __init__(self, limit: int = FILE_LIMIT, total: int = FILES_TOTAL) -> None:
        self.limit = limit
        self._total = total
        self._size = 0
        self._kept: OrderedDict[str, StoredFile] = OrderedDict()
        self._dropped: deque[str] = deque(maxlen=REMEMBERED)

    def add(self, name: str, data: bytes) -> StoredFile:
        """Keep a file and give it a token."""
        file = StoredFile(secrets.token_urlsafe(32), safe_name(name), data)
        self._kept[file.token] = file
        self._size += len(data)
        while self._size > self._total and len(self._kept) > 1:
            self._drop_oldest()
        return file

    def get(self, token: str) -> StoredFile:
        """Find a file, or say that it is gone or never was."""
        if token in self._kept:
            return self._kept[token]
        if token in self._dropped:
            raise SandboxRefusalError(
                410, "gone", "this file made room for newer ones; send it again"
            )
        raise SandboxRefusalError(404, "not.found", "there is no such file")

    def _drop_oldest(self) -> None:
        token, file = self._kept.popitem(last=False)
        self._size -= len(file.data)
        self._dropped.append(token)


def too_large(limit: int) -> SandboxRefusalError:
    """Make the refusal of a file over the limit."""
    return SandboxRefusalError(
        413,
        "too.large",
        f"a file has at most {limit} bytes here; send a smaller one or start the "
        "sandbox with a larger file_limit= (--file-limit)",
    )


def safe_name(raw: str) -> str:
    """Make a file name that can be shown.

    It has no folders, no invisible characters (some turn text around, so that an
    ``exe`` looks like a ``txt``), and a bounded length that keeps the extension.
    """
    name = "".join(c for c in _FOLDERS.sub("", raw) if _is_visible(c)).strip(" .")
    if len(name) > NAME_LIMIT:
        stem, dot, extension = name.rpartition(".")
        tail = dot + extension if stem and len(extension) < NAME_LIMIT // 2 else ""
        name = name[: NAME_LIMIT - len(tail)] + tail
    return name or NAMELESS


def attachment(file: StoredFile, base: str) -> JsonObject:
    """Make the attachment by which the bot hears of a file.

    Shapes (MAX documentation): an ``image`` has a photo payload; a ``file`` has a
    payload with URL and token, and beside it its name and size.
    """
    payload: JsonObject = {"url": file_url(base, file.token), "token": file.token}
    if is_image(file.data):
        payload = {"photo_id": photo_id(file.token), **payload}
        return {"type": "image", "payload": payload}
    return {
        "type": "file",
        "payload": payload,
        "filename": file.name,
        "size": len(file.data),
    }


def file_url(base: str, token: str) -> str:
    """Give the address of a file below the URL of the sandbox."""
    return f"{base}/files/{token}"


def photo_id(token: str) -> int:
    """Give the number of a picture, always the same one."""
    return int.from_bytes(token.encode()[:6], "big")


def is_image(data: bytes) -> bool:
    """Tell by the first bytes whether browsers show this as a picture."""
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return is_webp or data.startswith(_IMAGES)


def _is_visible(character: str) -> bool:
    return not unicodedata.category(character).startswith(("C", "Zl", "Zp"))
