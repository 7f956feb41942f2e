"""Message bodies: what a bot may send, and what an edit leaves as it was."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from duologue.transport.sandbox._bot_api._fields import (
    as_array,
    as_object,
    choice,
    malformed,
    optional_text,
    text_at,
    text_field,
)
from duologue.transport.sandbox._bot_api._keyboard import read_keyboard
from duologue.transport.sandbox._bot_api._markup import read_text
from duologue.transport.sandbox._world._files import file_url, photo_id
from duologue.transport.sandbox._world._values import (
    Content,
    JsonObject,
    JsonView,
    Keyboard,
)

TEXT_LIMIT = 4000
ATTACHMENTS = 12
NAME_LIMIT = 4096
MIXING = frozenset({"image", "video"})
WITH_KEYBOARD_ONLY = frozenset({"audio", "sticker", "file", "contact"})
BY_TOKEN = frozenset({"video", "audio", "file"})
PLAIN = frozenset({"location", "share"})
TYPES = MIXING | WITH_KEYBOARD_ONLY | PLAIN | {"inline_keyboard"}
FORMATS = frozenset({"markdown", "html"})
LINKS = frozenset({"reply", "forward"})


@dataclass(frozen=True, slots=True)
class Attachments:
    """The attachments of a body; an empty one removes all."""

    media: tuple[JsonView, ...] = ()
    keyboard: Keyboard | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A reply to a message or a forward of it."""

    kind: str
    message_id: str


@dataclass(frozen=True, slots=True)
class NewMessageBody:
    """A ``NewMessageBody``; None is absent or null, in an edit: unchanged."""

    text: str | None
    markup: tuple[JsonView, ...]
    attachments: Attachments | None
    link: Link | None

    def new(self) -> Content:
        """Give the content of a new message; one without any is refused."""
        content = self.over(Content())
        is_empty = not (content.text or content.media or content.keyboard)
        if is_empty and (self.link is None or self.link.kind != "forward"):
            raise malformed("`text` or `attachments` required")
        return content

    def over(self, old: Content) -> Content:
        """Give the content of a message after an edit.

        Rules (MAX documentation): null or absent leaves text or attachments as they
        are, an empty string deletes the text, ``[]`` removes all attachments with
        the keyboard.
        """
        content = old
        if self.text is not None:
            content = replace(content, text=self.text, markup=self.markup)
        if self.attachments is not None:
            content = replace(
                content,
                media=self.attachments.media,
                keyboard=self.attachments.keyboard,
            )
        return content


def read_body(raw: object, base: str) -> NewMessageBody:
    """Read a ``NewMessageBody`` or refuse it with what is wrong."""
    source = as_object(raw, "body")
    text = optional_text(source, "text", longest=TEXT_LIMIT)
    style = None if source.get("format") is None else choice(source, "format", FORMATS)
    if not isinstance(source.get("notify", True), bool | None):
        raise malformed("notify: must be a boolean")
    shown = read_text(text or "", style)
    return NewMessageBody(
        None if text is None else shown.text,
        shown.markup,
        _attachments(source.get("attachments"), base),
        _link(source.get("link")),
    )


def _link(raw: object) -> Link | None:
    if raw is None:
        return None
    source = as_object(raw, "link")
    mid = text_field(source, "mid", shortest=1, longest=NAME_LIMIT)
    return Link(choice(source, "type", LINKS), mid)


def _attachments(raw: object, base: str) -> Attachments | None:
    if raw is None:
        return None
    items = [as_object(item, "attachment") for item in as_array(raw, "attachments")]
    if len(items) > ATTACHMENTS:
        raise malformed(f"attachments: size must be between 0 and {ATTACHMENTS}")
    kinds = [choice(item, "type", TYPES) for item in items]
    _check_mix(kinds)
    media = tuple(
        shown
        for kind, item in zip(kinds, items, strict=True)
        if kind in MEDIA
        for shown in _media(kind, item, base)
    )
    keyboards = [
        read_keyboard(item)
        for kind, item in zip(kinds, items, strict=True)
        if kind == "inline_keyboard"
    ]
    return Attachments(media, keyboards[0] if keyboards else None)


MEDIA = TYPES - {"inline_keyboard"}


def _check_mix(kinds: list[str]) -> None:
    if kinds.count("inline_keyboard") > 1:
        raise malformed("attachments: only one inline_keyboard is allowed")
    media = [kind for kind in kinds if kind != "inline_keyboard"]
    alone = next((kind for kind in media if kind in WITH_KEYBOARD_ONLY), None)
    if alone is not None and len(media) > 1:
        raise malformed(f"attachments: {alone} must be the only media")
    if alone in {"audio", "sticker"} and len(kinds) > 1:
        raise malformed(f"attachments: {alone} must be the only attachment")


def _media(kind: str, source: JsonView, base: str) -> list[JsonView]:
    if kind == "location":
        return [_location(source)]
    payload = as_object(source.get("payload"), "payload")
    if not payload:
        raise malformed(f"payload: {kind} needs one")
    if kind == "image":
        return [_picture(one, base) for one in _pictures(payload)]
    if kind in BY_TOKEN and "token" not in payload:
        raise malformed(f"Missing `token` in payload of {kind}")
    return [{"type": kind, "payload": payload}]


def _pictures(payload: JsonObject) -> list[JsonObject]:
    """List the pictures of a payload: one by URL or token, or several by name."""
    if payload.get("photos") is None:
        return [payload]
    photos = as_object(payload["photos"], "photos")
    return [as_object(one, "photo") for one in photos.values()]


def _picture(payload: JsonObject, base: str) -> JsonView:
    """Make what comes back of a picture: an id, a token and a URL."""
    token, url = text_at(payload, "token"), text_at(payload, "url")
    if token is None and url is None:
        raise malformed("payload: image needs a url or a token")
    name = secrets.token_urlsafe(32) if token is None else token
    return {
        "type": "image",
        "payload": {
            "photo_id": photo_id(name),
            "token": name,
            "url": file_url(base, name) if url is None else url,
        },
    }


def _location(source: JsonView) -> JsonView:
    place = {name: source.get(name) for name in ("latitude", "longitude")}
    if any(
        not isinstance(v, int | float) or isinstance(v, bool) for v in place.values()
    ):
        raise malformed("location: latitude and longitude must be numbers")
    return {"type": "location", **place}
