from __future__ import annotations

from http import HTTPStatus

import aiohttp
import pytest

from duologue.transport.sandbox import Control, Sandbox

KEYBOARD = {
    "type": "inline_keyboard",
    "payload": {"buttons": [[{"type": "callback", "text": "A", "payload": "a"}]]},
}


async def test_me_is_the_bot(sandbox: Sandbox, bot: aiohttp.ClientSession) -> None:
    async with bot.get("/me") as response:
        me = await response.json()

    assert me == {
        "user_id": sandbox.bot_id,
        "first_name": sandbox.bot_name,
        "last_name": None,
        "username": "sandbox_bot",
        "is_bot": True,
        "last_activity_time": me["last_activity_time"],
        "name": sandbox.bot_name,
        "commands": [],
    }


async def test_a_text_becomes_message_created(
    sandbox: Sandbox, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    said = await control.say(ann, "hi bot")

    async with bot.get("/updates") as response:
        (update,) = (await response.json())["updates"]

    at = update["timestamp"]
    assert update == {
        "update_type": "message_created",
        "timestamp": at,
        "user_locale": "ru",
        "message": {
            "recipient": {
                "chat_id": said.chat_id,
                "chat_type": "dialog",
                "user_id": sandbox.bot_id,
            },
            "timestamp": at,
            "body": {
                "mid": said.message_id,
                "seq": update["message"]["body"]["seq"],
                "text": "hi bot",
            },
            "sender": {
                "user_id": ann,
                "first_name": "Ann",
                "last_name": "",
                "username": None,
                "is_bot": False,
                "last_activity_time": at,
                "name": "Ann",
            },
        },
    }


async def test_a_message_id_holds_the_chat_and_a_sequence_number_with_the_time(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    group = await control.add_group("Team", [ann])
    await control.say(ann, "one", chat_id=group)

    async with bot.get("/messages", params={"chat_id": group}) as response:
        (message,) = (await response.json())["messages"]

    mid, seq = message["body"]["mid"], message["body"]["seq"]
    assert mid.startswith("mid.ffff")
    assert int(mid[4:20], 16) - 2**64 == group
    assert int(mid[20:], 16) == seq
    assert seq >> 16 == message["timestamp"]


async def test_ids_of_many_messages_of_one_moment_differ(
    control: Control, ann: int
) -> None:
    said = [await control.say(ann, "x") for _ in range(20)]

    assert len({outcome.message_id for outcome in said}) == 20


async def test_a_group_has_no_receiver_and_a_negative_id(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    group = await control.add_group("Team", [ann])

    async with bot.post(
        "/messages", params={"chat_id": group}, json={"text": "hello all"}
    ) as response:
        sent = (await response.json())["message"]

    assert group < 0
    assert sent["recipient"] == {"chat_id": group, "chat_type": "chat"}


async def test_a_start_carries_its_payload_only_when_there_is_one(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    await control.start(ann, "deep")
    await control.start(ann)

    async with bot.get("/updates") as response:
        deep, plain = (await response.json())["updates"]

    assert deep["update_type"] == "bot_started"
    assert deep["user"]["user_id"] == deep["user_id"] == ann
    assert deep["payload"] == "deep"
    assert "payload" not in plain


async def test_a_click_carries_the_message_it_was_made_on(
    sandbox: Sandbox, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    body = {"text": "Hello", "attachments": [KEYBOARD]}
    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        sent = (await response.json())["message"]
    clicked = await control.click(ann, sent["body"]["mid"], text="A")

    async with bot.get("/updates") as response:
        (update,) = (await response.json())["updates"]

    assert update == {
        "update_type": "message_callback",
        "timestamp": update["timestamp"],
        "user_locale": "ru",
        "callback": {
            "timestamp": update["timestamp"],
            "callback_id": clicked.callback_id,
            "payload": "a",
            "user": update["callback"]["user"],
        },
        "message": sent,
    }
    assert update["callback"]["user"]["user_id"] == ann
    assert sent["recipient"]["user_id"] == ann
    assert sent["sender"]["user_id"] == sandbox.bot_id


async def test_a_keyboard_comes_back_with_an_id_and_intents(
    bot: aiohttp.ClientSession, ann: int
) -> None:
    async with bot.post(
        "/messages", params={"user_id": ann}, json={"attachments": [KEYBOARD]}
    ) as response:
        (keyboard,) = (await response.json())["message"]["body"]["attachments"]

    assert keyboard == {
        "type": "inline_keyboard",
        "callback_id": keyboard["callback_id"],
        "payload": {
            "buttons": [
                [{"type": "callback", "text": "A", "payload": "a", "intent": "default"}]
            ]
        },
    }


async def test_other_buttons_come_back_as_they_were_sent(
    bot: aiohttp.ClientSession, ann: int
) -> None:
    rows = [
        [{"type": "link", "text": "L", "url": "https://max.ru"}],
        [{"type": "open_app", "text": "O", "web_app": "shop", "payload": "p"}],
        [{"type": "request_geo_location", "text": "G", "quick": True}],
        [{"type": "request_contact", "text": "C"}, {"type": "message", "text": "M"}],
        [{"type": "clipboard", "text": "K", "payload": "copied"}],
    ]
    body = {"attachments": [{"type": "inline_keyboard", "payload": {"buttons": rows}}]}

    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        (keyboard,) = (await response.json())["message"]["body"]["attachments"]

    assert keyboard["payload"]["buttons"] == rows


@pytest.mark.parametrize("kind", ["reply", "forward"])
async def test_a_link_embeds_the_message_with_its_attachments(
    kind: str, bot: aiohttp.ClientSession, ann: int
) -> None:
    body = {"text": "look", "attachments": [KEYBOARD]}
    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        first = (await response.json())["message"]
    link = {"type": kind, "mid": first["body"]["mid"]}

    async with bot.post(
        "/messages", params={"user_id": ann}, json={"text": "see", "link": link}
    ) as response:
        second = (await response.json())["message"]

    assert second["link"] == {
        "type": kind,
        "sender": first["sender"],
        "chat_id": first["recipient"]["chat_id"],
        "message": first["body"],
    }


async def test_a_users_reply_embeds_the_message_it_answers(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    body = {"text": "who?", "attachments": [KEYBOARD]}
    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        asked = (await response.json())["message"]
    await control.say(ann, "me", reply_to=asked["body"]["mid"])

    async with bot.get("/updates") as response:
        (update,) = (await response.json())["updates"]

    assert update["message"]["link"]["type"] == "reply"
    assert update["message"]["link"]["message"] == asked["body"]


async def test_messages_of_a_chat_come_newest_first_and_by_their_ids(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    said = [await control.say(ann, text) for text in ("1", "2", "3")]
    ids = f"{said[0].message_id},{said[2].message_id}"

    async with bot.get(
        "/messages", params={"chat_id": said[0].chat_id or 0, "count": 2}
    ) as response:
        newest = (await response.json())["messages"]
    async with bot.get("/messages", params={"message_ids": ids}) as response:
        chosen = (await response.json())["messages"]
    async with bot.get(f"/messages/{said[1].message_id}") as response:
        second = await response.json()

    assert [m["body"]["text"] for m in newest] == ["3", "2"]
    assert [m["body"]["text"] for m in chosen] == ["3", "1"]
    assert second["body"]["text"] == "2"


async def test_chats_tell_whom_they_are_with(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id
    group = await control.add_group("Team", [ann])

    async with bot.get(f"/chats/{dialog}") as response:
        private = await response.json()
    async with bot.get(f"/chats/{group}") as response:
        shared = await response.json()
    async with bot.get(f"/chats/{group}/members/me") as response:
        member = await response.json()

    assert private["type"] == "dialog"
    assert private["dialog_with_user"]["user_id"] == ann
    assert (shared["type"], shared["title"]) == ("chat", "Team")
    assert shared["participants_count"] == 2
    assert (member["is_admin"], member["is_bot"]) == (True, True)


async def test_the_members_of_a_chat_are_listed_all_or_those_that_are_named(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    bob = await control.add_user("Bob")
    group = await control.add_group("Team", [ann, bob])
    path = f"/chats/{group}/members"

    async with bot.get(path) as response:
        everybody = (await response.json())["members"]
    async with bot.get(path, params={"user_ids": f"{bob},77"}) as response:
        named = (await response.json())["members"]
    async with bot.get(path, params={"user_ids": "bob"}) as response:
        assert response.status == 400

    assert {one["user_id"] for one in everybody if not one["is_bot"]} == {ann, bob}
    assert len(everybody) == 3
    assert [(one["user_id"], one["name"]) for one in named] == [(bob, "Bob")]


async def test_actions_are_seen_and_commands_are_kept(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id
    commands = [{"name": "start", "description": "Begins"}]

    async with bot.post(
        f"/chats/{dialog}/actions", json={"action": "typing_on"}
    ) as response:
        done = await response.json()
    await bot.patch("/me/commands", json={"commands": commands})

    seen = await control.wait_for(lambda entry: entry.kind == "action")
    async with bot.get("/me") as response:
        me = await response.json()
    assert done == {"success": True}
    assert (seen.chat_id, seen.text) == (dialog, "typing_on")
    assert me["commands"] == commands


async def test_uploads_are_refused_rather_than_pretended(
    bot: aiohttp.ClientSession,
) -> None:
    async with bot.post("/uploads", params={"type": "image"}) as response:
        refused = await response.json()

    assert response.status == HTTPStatus.BAD_REQUEST
    assert refused["code"] == "not.supported"
    assert "not supported by the sandbox" in refused["message"]


async def test_html_is_shown_as_text_with_markup_in_utf16_units(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    text = '\U0001f600 <b>bold</b><br><a href="https://max.ru">x</a> &amp; <q>y</q>'

    async with bot.post(
        "/messages", params={"user_id": ann}, json={"text": text, "format": "html"}
    ) as response:
        sent = (await response.json())["message"]

    (shown,) = await control.messages(sent["recipient"]["chat_id"])
    assert shown.text == "\U0001f600 boldx & y"
    assert sent["body"]["markup"] == [
        {"type": "strong", "from": 3, "length": 4},
        {"type": "link", "from": 7, "length": 1, "url": "https://max.ru"},
    ]
