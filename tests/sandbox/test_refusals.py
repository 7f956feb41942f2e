from __future__ import annotations

from io import BytesIO

import aiohttp
import pytest

from duologue.transport.sandbox import Control, Sandbox

ENDLESS = "9" * 5000  # more digits than Python makes a number of
WIDE = {"type": "link", "text": "L", "url": "https://max.ru"}


def _button(text: str = "A", payload: str = "a") -> dict[str, object]:
    return {"type": "callback", "text": text, "payload": payload}


def _keyboard(*rows: object) -> dict[str, object]:
    return {"type": "inline_keyboard", "payload": {"buttons": rows}}


def _media(kind: str) -> dict[str, object]:
    return {"type": kind, "payload": {"token": "t"}}


def _with(*attachments: object) -> dict[str, object]:
    return {"text": "x", "attachments": attachments}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "wrong"}, {"Authorization": "Bearer x"}]
)
async def test_a_wrong_token_is_refused(
    sandbox: Sandbox, headers: dict[str, str]
) -> None:
    async with (
        aiohttp.ClientSession(sandbox.url, headers=headers) as stranger,
        stranger.get("/me") as response,
    ):
        body = await response.json()

    assert response.status == 401
    assert body == {"code": "verify.token", "message": "Invalid access_token"}


async def test_a_bearer_prefix_is_no_token(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token}"}

    async with (
        aiohttp.ClientSession(sandbox.url, headers=headers) as bot,
        bot.get("/me") as response,
    ):
        assert response.status == 401


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {},
        {"text": ""},
        {"text": None, "attachments": []},
        {"text": 5},
        {"text": "x" * 4001},
        {"text": "x", "notify": "yes"},
        {"text": "x", "format": "latex"},
        {"text": "<b>x", "format": "html"},
        {"text": "x</b>", "format": "html"},
        {"text": "x", "link": {"type": "reply"}},
        {"text": "x", "link": {"type": "copy", "mid": "m"}},
        {"text": "x", "link": []},
        {"text": "x", "attachments": {}},
        _with("image"),
        _with({"type": "hologram"}),
        _with({"type": "image"}),
        _with({"type": "image", "payload": {}}),
        _with(*[_media("image")] * 13),
        _with(_media("audio"), _media("image")),
        _with(_media("file"), _media("file")),
        _with(_media("sticker"), _keyboard([_button()])),
        _with({"type": "location", "latitude": "1", "longitude": 2}),
        _with({"type": "location", "latitude": True, "longitude": 2}),
        _with(_keyboard([_button()]), _keyboard([_button()])),
        _with({"type": "inline_keyboard"}),
        _with(_keyboard()),
        _with(_keyboard([])),
        _with(_keyboard("row")),
        _with(_keyboard(["button"])),
        _with(_keyboard([{"type": "callback", "text": "A"}])),
        _with(_keyboard([{"type": "chat", "text": "A"}])),
        _with(_keyboard([{"type": "link", "text": "A"}])),
        _with(_keyboard([_button() | {"intent": "evil"}])),
        _with(_keyboard([_button(text="")])),
        _with(_keyboard([_button(text="x" * 129)])),
        _with(_keyboard([_button(payload="x" * 1025)])),
        _with(_keyboard([_button()] * 8)),
        _with(_keyboard([_button(), _button(), _button(), WIDE])),
        _with(_keyboard(*[[_button()]] * 31)),
    ],
)
async def test_a_malformed_message_is_refused_and_not_shown(
    body: object, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id or 0

    async with bot.post("/messages", params={"chat_id": dialog}, json=body) as response:
        problem = await response.json()

    assert response.status == 400
    assert problem["code"] == "proto.payload"
    assert problem["message"]
    assert await control.messages(dialog) == []


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x" * 4000},
        {"text": "x", "notify": False, "format": "markdown", "link": None},
        _with(*[_media("image")] * 11, _keyboard([_button()])),
        _with(_media("video"), _media("image")),
        _with(_media("file"), _keyboard([_button()])),
        _with({"type": "location", "latitude": 1, "longitude": 2.5}),
        _with(_keyboard(*[[_button("x" * 128, "x" * 1024)] * 7] * 30)),
        _with(_keyboard([WIDE] * 3)),
    ],
)
async def test_a_message_at_the_limits_is_shown(
    body: object, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id or 0

    async with bot.post("/messages", params={"chat_id": dialog}, json=body) as response:
        assert response.status == 200

    assert len(await control.messages(dialog)) == 1


async def test_the_text_limit_says_its_bounds(
    bot: aiohttp.ClientSession, ann: int
) -> None:
    async with bot.post(
        "/messages", params={"user_id": ann}, json={"text": "x" * 4001}
    ) as response:
        problem = await response.json()

    assert problem["message"] == "text: size must be between 0 and 4000"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not.found"),
        ("PATCH", "/messages", 405, "method.not.allowed"),
        ("GET", "/chats/5", 404, "chat.not.found"),
        ("GET", "/chats/me", 404, "not.found"),
        ("GET", "/messages/mid.0", 404, "not.found"),
        ("GET", "/messages", 400, "proto.payload"),
        ("GET", "/messages?chat_id=5", 404, "chat.not.found"),
        ("GET", "/messages?chat_id=five", 400, "proto.payload"),
        ("GET", "/messages?chat_id=99999999999999999999", 400, "proto.payload"),
        ("GET", "/messages?message_ids=a&count=101", 400, "proto.payload"),
        ("POST", "/messages", 400, "proto.payload"),
        ("POST", "/messages?user_id=5", 404, "not.found"),
        ("POST", "/messages?user_id=777001", 404, "chat.not.found"),
        ("PUT", "/messages", 400, "proto.payload"),
        ("PUT", "/messages?message_id=mid.0", 404, "not.found"),
        ("DELETE", "/messages?message_id=mid.0", 404, "not.found"),
        ("POST", "/answers", 400, "proto.payload"),
        ("POST", "/answers?callback_id=x", 404, "not.found"),
        ("PATCH", "/me/commands", 400, "proto.payload"),
        ("GET", "/updates?limit=0", 400, "proto.payload"),
        ("GET", "/updates?marker=x", 400, "proto.payload"),
        ("GET", f"/updates?marker=-{ENDLESS}", 400, "proto.payload"),
        ("GET", f"/messages?chat_id={ENDLESS}", 400, "proto.payload"),
        ("GET", f"/chats/{ENDLESS}", 404, "not.found"),
    ],
)
async def test_a_wrong_address_is_refused_and_logged(
    *,
    method: str,
    path: str,
    status: int,
    code: str,
    control: Control,
    bot: aiohttp.ClientSession,
) -> None:
    async with bot.request(method, path) as response:
        problem = await response.json()

    (entry,) = await control.log()
    assert (response.status, problem["code"]) == (status, code)
    assert (entry.kind, entry.status, entry.code) == ("refused", status, code)
    assert entry.request == f"{method} {path.partition('?')[0]}"


@pytest.mark.parametrize("body", [b"{text", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_refused(
    body: bytes, bot: aiohttp.ClientSession, ann: int
) -> None:
    async with bot.post("/messages", params={"user_id": ann}, data=body) as response:
        problem = await response.json()

    assert (response.status, problem["code"]) == (400, "proto.payload")


async def test_a_body_over_a_mebibyte_is_refused(
    bot: aiohttp.ClientSession, ann: int
) -> None:
    async with bot.post(
        "/messages", params={"user_id": ann}, data=BytesIO(b" " * (1024 * 1024 + 1))
    ) as response:
        problem = await response.json()

    assert (response.status, problem["code"]) == (413, "payload.too.large")


@pytest.mark.parametrize(
    "body",
    [
        {"commands": None},
        {"commands": [{"name": ""}]},
        {"commands": [{"name": "x" * 65}]},
        {"commands": [{"name": "x", "description": "x" * 129}]},
        {"commands": [{"name": "x"}] * 33},
    ],
)
async def test_bad_commands_are_refused(
    body: object, bot: aiohttp.ClientSession
) -> None:
    async with bot.patch("/me/commands", json=body) as response:
        problem = await response.json()

    assert (response.status, problem["code"]) == (400, "proto.payload")


async def test_an_unknown_action_is_refused(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id

    async with bot.post(
        f"/chats/{dialog}/actions", json={"action": "dancing"}
    ) as response:
        assert response.status == 400


async def test_unknown_query_parameters_are_ignored(
    bot: aiohttp.ClientSession,
) -> None:
    async with bot.get("/me", params={"v": "0.1.2"}) as response:
        assert response.status == 200


async def test_a_suspended_dialog_is_closed_until_the_next_start(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    stopped = await control.stop(ann)
    where = {"chat_id": stopped.chat_id or 0}

    async with bot.post("/messages", params=where, json={"text": "x"}) as response:
        refused = (response.status, (await response.json())["code"])
    await control.start(ann)
    async with bot.post("/messages", params=where, json={"text": "x"}) as response:
        reopened = response.status
    async with bot.get("/updates") as response:
        updates = (await response.json())["updates"]

    assert refused == (403, "access.denied")
    assert reopened == 200
    assert [u["update_type"] for u in updates] == ["bot_stopped", "bot_started"]
