"""Inline keyboards: what a bot may send."""

from __future__ import annotations

from duologue.transport.sandbox._bot_api._fields import (
    as_array,
    as_object,
    choice,
    malformed,
    text_field,
)
from duologue.transport.sandbox._world._values import (
    Button,
    JsonObject,
    JsonView,
    Keyboard,
)

ROWS = 30
IN_ROW = 7
IN_WIDE_ROW = 3
TEXT = 128
PAYLOAD = 1024
URL = 2048
WIDE = frozenset({"link", "open_app", "request_geo_location", "request_contact"})
KINDS = WIDE | {"callback", "message", "clipboard"}
INTENTS = frozenset({"default", "positive", "negative"})
OPTIONAL = {"open_app": ("web_app", "contact_id"), "request_geo_location": ("quick",)}


def read_keyboard(attachment: JsonView) -> Keyboard:
    """Read an ``inline_keyboard`` attachment or refuse it.

    Bounds (MAX documentation): 30 rows, 210 buttons, 7 in a row, 3 in a row with a
    link, an app or a request; text 1..128, payload up to 1024, url up to 2048.
    """
    payload = as_object(attachment.get("payload"), "payload")
    rows = as_array(payload.get("buttons"), "buttons")
    if not 1 <= len(rows) <= ROWS:
        raise malformed(f"buttons: size must be between 1 and {ROWS} rows")
    # Full rows on all lines make 210 buttons, the documented total.
    return tuple(_row(raw) for raw in rows)


def _row(raw: object) -> tuple[Button, ...]:
    buttons = tuple(_button(item) for item in as_array(raw, "buttons"))
    is_wide = any(button.kind in WIDE for button in buttons)
    most = IN_WIDE_ROW if is_wide else IN_ROW
    if not 1 <= len(buttons) <= most:
        raise malformed(f"buttons: a row like this has between 1 and {most}")
    return buttons


def _button(raw: object) -> Button:
    source = as_object(raw, "button")
    kind = choice(source, "type", KINDS)
    text = text_field(source, "text", shortest=1, longest=TEXT)
    payload: str | None = None
    if kind in {"callback", "clipboard"} or (
        kind == "open_app" and isinstance(source.get("payload"), str)
    ):
        payload = text_field(source, "payload", longest=PAYLOAD)
    return Button(kind, text, payload, _extra(kind, source))


def _extra(kind: str, source: JsonView) -> JsonObject:
    if kind == "callback":
        given = "default" if source.get("intent") is None else source["intent"]
        return {"intent": choice({"intent": given}, "intent", INTENTS)}
    if kind == "link":
        return {"url": text_field(source, "url", shortest=1, longest=URL)}
    return {name: source[name] for name in OPTIONAL.get(kind, ()) if name in source}
