"""The form in which a user sends a file: fields and one file, all bounded."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._world._acting import TEXT_LIMIT
from duologue.transport.sandbox._world._files import too_large

FIELD_LIMIT = 64 * 1024
FIELDS = frozenset({"user_id", "chat_id", "text", "reply_to", "name"})
FILE = "file"


@dataclass(frozen=True, slots=True)
class Upload:
    """What a user sends; without a chat it goes into the dialog with the bot."""

    user_id: int
    name: str
    data: bytes
    text: str = ""
    chat_id: int | None = None
    reply_to: str | None = None


async def read_upload(request: web.Request, limit: int) -> Upload:
    """Read the form of a file or refuse it; no more than the limit is kept in memory."""
    fields, data = await _parts(request, limit)
    if data is None:
        raise _wrong(f"send the file in a part named {FILE}")
    text = fields.get("text", "")
    if len(text) > TEXT_LIMIT:
        raise _wrong(f"text: has at most {TEXT_LIMIT} characters")
    user_id, chat_id = _integer(fields, "user_id"), _integer(fields, "chat_id")
    if user_id is None:
        raise _wrong("user_id: is missing")
    return Upload(
        user_id, fields.get("name", ""), data, text, chat_id, fields.get("reply_to")
    )


async def _parts(
    request: web.Request, limit: int
) -> tuple[dict[str, str], bytes | None]:
    if request.content_type != "multipart/form-data":
        raise _wrong("send multipart/form-data")
    fields: dict[str, str] = {}
    data: bytes | None = None
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise _wrong("parts have no parts")
            if part.name == FILE and data is None:
                data = await _bounded(part, limit)
            elif part.name in FIELDS and part.name not in fields:
                raw = await _bounded(part, FIELD_LIMIT)
                fields[part.name] = raw.decode()
            else:
                raise _wrong(f"the part {part.name!r} is unknown or there twice")
    except ValueError as wrong:
        raise _wrong(f"the form cannot be read: {wrong}") from wrong
    return fields, data


async def _bounded(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > limit:
            raise too_large(limit)
    return bytes(data)


def _integer(fields: dict[str, str], name: str) -> int | None:
    raw = fields.get(name)
    if not raw:
        return None
    try:
        return int(raw)
    except ValueError as wrong:
        raise _wrong(f"{name}: is no integer") from wrong


def _wrong(detail: str) -> SandboxRefusalError:
    return SandboxRefusalError(400, "bad.request", detail)
