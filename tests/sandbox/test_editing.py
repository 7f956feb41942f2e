from __future__ import annotations

import aiohttp
import pytest

from duologue.transport.sandbox import Control, Outcome

KEYBOARD = {
    "type": "inline_keyboard",
    "payload": {"buttons": [[{"type": "callback", "text": "A", "payload": "a"}]]},
}
PICTURE = {"type": "image", "payload": {"token": "t"}}
SHOWN = ((("A", "a"),),)


@pytest.fixture
async def sent(control: Control, bot: aiohttp.ClientSession, ann: int) -> str:
    body = {"text": "old", "attachments": [PICTURE, KEYBOARD]}
    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        mid = (await response.json())["message"]["body"]["mid"]
    await control.wait_for(lambda entry: entry.kind == "message")
    return str(mid)


@pytest.fixture
async def click(control: Control, sent: str, ann: int) -> Outcome:
    return await control.click(ann, sent, payload="a")


async def _shown(control: Control, mid: str) -> tuple[str, object, tuple[str, ...]]:
    entry = await control.wait_for(lambda e: e.message_id == mid)
    messages = await control.messages(entry.chat_id or 0)
    message = next(m for m in messages if m.message_id == mid)
    return message.text, message.keyboard, message.attachments


EDITS = [
    ({"text": "new"}, ("new", SHOWN, ("image",))),
    ({"text": None}, ("old", SHOWN, ("image",))),
    ({"text": ""}, ("", SHOWN, ("image",))),
    ({"attachments": None}, ("old", SHOWN, ("image",))),
    ({"attachments": []}, ("old", (), ())),
    ({"attachments": [KEYBOARD]}, ("old", SHOWN, ())),
    ({"text": "new", "attachments": [PICTURE]}, ("new", (), ("image",))),
]


@pytest.mark.parametrize(("body", "expected"), EDITS)
async def test_an_edit_leaves_what_it_does_not_name(
    body: object,
    expected: object,
    control: Control,
    bot: aiohttp.ClientSession,
    sent: str,
) -> None:
    async with bot.put("/messages", params={"message_id": sent}, json=body) as response:
        answer = await response.json()

    assert answer == {"success": True}
    assert await _shown(control, sent) == expected


@pytest.mark.parametrize(("body", "expected"), EDITS)
async def test_an_answer_edits_like_an_edit(
    *,
    body: object,
    expected: object,
    control: Control,
    bot: aiohttp.ClientSession,
    sent: str,
    click: Outcome,
) -> None:
    async with bot.post(
        "/answers",
        params={"callback_id": click.callback_id or ""},
        json={"message": body},
    ) as response:
        answer = await response.json()

    assert answer == {"success": True}
    assert await _shown(control, sent) == expected


async def test_an_edit_is_logged_with_what_is_seen_after_it(
    control: Control, bot: aiohttp.ClientSession, sent: str
) -> None:
    await bot.put("/messages", params={"message_id": sent}, json={"text": "new"})

    entry = (await control.log())[-1]
    assert (entry.kind, entry.message_id) == ("edit", sent)
    assert (entry.text, entry.keyboard) == ("new", SHOWN)


async def test_a_notification_is_seen_by_who_clicked_and_edits_nothing(
    control: Control, bot: aiohttp.ClientSession, ann: int, sent: str, click: Outcome
) -> None:
    await bot.post(
        "/answers",
        params={"callback_id": click.callback_id or ""},
        json={"message": None, "notification": " "},
    )

    entry = (await control.log())[-1]
    assert (entry.kind, entry.user_id, entry.text) == ("notification", ann, " ")
    assert await _shown(control, sent) == ("old", SHOWN, ("image",))


async def test_an_answer_may_edit_and_notify_at_once(
    control: Control, bot: aiohttp.ClientSession, click: Outcome
) -> None:
    await bot.post(
        "/answers",
        params={"callback_id": click.callback_id or ""},
        json={"message": {"text": "new"}, "notification": "done"},
    )

    kinds = [entry.kind for entry in await control.log()]
    assert kinds[-2:] == ["edit", "notification"]


@pytest.mark.parametrize(
    "body", [{}, {"message": None, "notification": None}, {"notification": 5}, []]
)
async def test_an_answer_without_content_is_refused(
    body: object, bot: aiohttp.ClientSession, click: Outcome
) -> None:
    async with bot.post(
        "/answers", params={"callback_id": click.callback_id or ""}, json=body
    ) as response:
        problem = await response.json()

    assert (response.status, problem["code"]) == (400, "proto.payload")


async def test_a_refused_answer_neither_edits_nor_notifies(
    control: Control, bot: aiohttp.ClientSession, sent: str, click: Outcome
) -> None:
    await bot.post(
        "/answers",
        params={"callback_id": click.callback_id or ""},
        json={"message": {"text": "x" * 4001}, "notification": "done"},
    )

    assert await _shown(control, sent) == ("old", SHOWN, ("image",))
    assert "notification" not in [entry.kind for entry in await control.log()]


async def test_a_click_cannot_be_answered_in_another_chat(
    bot: aiohttp.ClientSession, click: Outcome
) -> None:
    params = {"callback_id": click.callback_id or "", "chat_id": "1"}

    async with bot.post(
        "/answers", params=params, json={"notification": "x"}
    ) as response:
        assert response.status == 400


async def test_a_deleted_message_is_gone_for_good(
    control: Control, bot: aiohttp.ClientSession, ann: int, sent: str, click: Outcome
) -> None:
    async with bot.delete("/messages", params={"message_id": sent}) as response:
        deleted = await response.json()
    async with bot.put(
        "/messages", params={"message_id": sent}, json={"text": "x"}
    ) as response:
        edited = response.status
    async with bot.post(
        "/answers",
        params={"callback_id": click.callback_id or ""},
        json={"message": {"text": "x"}},
    ) as response:
        answered = response.status
    forged = await control.forge(ann, sent, "a")

    async with bot.get("/updates") as response:
        update = (await response.json())["updates"][-1]
    assert deleted == {"success": True}
    assert (edited, answered) == (404, 404)
    assert await control.messages(forged.chat_id or 0) == []
    assert (update["update_type"], update["message"]) == ("message_callback", None)


async def test_messages_of_a_user_are_not_the_bots_to_change(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    said = await control.say(ann, "mine")
    which = {"message_id": said.message_id or ""}

    async with bot.put("/messages", params=which, json={"text": "x"}) as response:
        edited = (response.status, (await response.json())["code"])
    async with bot.delete("/messages", params=which) as response:
        deleted = (response.status, (await response.json())["code"])

    assert edited == deleted == (403, "access.denied")
    assert len(await control.messages(said.chat_id or 0)) == 1


async def test_in_a_group_the_bot_may_delete_messages_of_others(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    group = await control.add_group("Team", [ann])
    said = await control.say(ann, "spam", chat_id=group)

    async with bot.delete(
        "/messages", params={"message_id": said.message_id or ""}
    ) as response:
        assert response.status == 200

    assert await control.messages(group) == []
    assert (await control.log())[-1].kind == "delete"
