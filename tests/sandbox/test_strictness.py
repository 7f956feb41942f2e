"""Where the service says no, leaves something out, or tells of a chat."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest

from duologue.transport.sandbox import (
    Control,
    DialogChange,
    FaultKind,
    OmittedField,
    Sandbox,
)

WEEK = 7 * 24 * 60 * 60
BUTTON = {"type": "callback", "text": "Pay", "payload": "pay"}
KEYBOARD = {"type": "inline_keyboard", "payload": {"buttons": [[BUTTON]]}}
Json = dict[str, object]


async def _ask(
    bot: aiohttp.ClientSession, method: str, path: str, body: object = None
) -> tuple[int, Json]:
    async with bot.request(method, path, json=body) as response:
        return response.status, await response.json()


async def _send(bot: aiohttp.ClientSession, user_id: int, body: object) -> Json:
    status, answer = await _ask(bot, "POST", f"/messages?user_id={user_id}", body)
    assert status == 200, answer
    message = answer["message"]
    assert isinstance(message, dict)
    return message


async def _mid(bot: aiohttp.ClientSession, user_id: int, body: object) -> str:
    shown = (await _send(bot, user_id, body))["body"]
    assert isinstance(shown, dict)
    return str(shown["mid"])


async def _updates(bot: aiohttp.ClientSession) -> list[Json]:
    _, answer = await _ask(bot, "GET", "/updates?timeout=0")
    updates = answer["updates"]
    assert isinstance(updates, list)
    return updates


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/chats/{group}"),
        ("POST", "/chats/{group}/members"),
        ("DELETE", "/chats/{group}/members"),
        ("DELETE", "/chats/{group}/members/me"),
        ("GET", "/chats/{group}/members/admins"),
        ("POST", "/chats/{group}/members/admins"),
        ("DELETE", "/chats/{group}/members/admins/1"),
        ("GET", "/chats/{group}/pin"),
        ("PUT", "/chats/{group}/pin"),
        ("DELETE", "/chats/{group}/pin"),
        ("GET", "/videos/abc"),
        ("GET", "/messages/mid.1/comments"),
    ],
)
async def test_what_the_sandbox_cannot_do_says_so_by_name(
    bot: aiohttp.ClientSession, control: Control, ann: int, method: str, path: str
) -> None:
    group = await control.add_group("Team", [ann])

    status, answer = await _ask(bot, method, path.format(group=group))

    assert (status, answer["code"]) == (400, "not.supported")
    assert method in str(answer["message"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/messages?chat_id=0"),
        ("GET", "/messages?chat_id=0"),
        ("GET", "/chats/0"),
        ("POST", "/chats/0/actions"),
    ],
)
async def test_chat_0_is_denied(
    bot: aiohttp.ClientSession, method: str, path: str
) -> None:
    status, answer = await _ask(bot, method, path, {"text": "x", "action": "typing_on"})

    assert status == 403
    assert answer == {"code": "chat.denied", "message": "Invalid chatId: 0"}


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({"url": "https://e.org/a.png"}, [{"url": "https://e.org/a.png"}]),
        ({"token": "t"}, [{"token": "t", "url": "{sandbox}/files/t"}]),
        (
            {"photos": {"a": {"token": "t1"}, "b": {"token": "t2"}}},
            [{"token": "t1"}, {"token": "t2"}],
        ),
    ],
)
async def test_a_picture_of_the_bot_comes_back_with_id_token_and_url(
    sandbox: Sandbox,
    bot: aiohttp.ClientSession,
    ann: int,
    payload: Json,
    shown: list[dict[str, str]],
) -> None:
    sent = await _send(
        bot, ann, {"attachments": [{"type": "image", "payload": payload}]}
    )

    body = sent["body"]
    assert isinstance(body, dict)
    pictures = [one["payload"] for one in body["attachments"]]
    assert [set(one) for one in pictures] == [{"photo_id", "token", "url"}] * len(shown)
    for picture, wanted in zip(pictures, shown, strict=True):
        for name, value in wanted.items():
            assert picture[name] == value.format(sandbox=sandbox.url)
        assert isinstance(picture["photo_id"], int)


@pytest.mark.parametrize("kind", ["file", "video", "audio"])
async def test_a_file_by_url_is_refused(
    bot: aiohttp.ClientSession, ann: int, kind: str
) -> None:
    media = {"type": kind, "payload": {"url": "https://e.org/a"}}

    status, answer = await _ask(
        bot, "POST", f"/messages?user_id={ann}", {"attachments": [media]}
    )

    assert (status, answer["code"]) == (400, "proto.payload")
    assert "Missing `token`" in str(answer["message"])


async def test_a_new_group_tells_the_bot_that_it_was_added(
    bot: aiohttp.ClientSession, control: Control, ann: int
) -> None:
    group = await control.add_group("Team", [ann])

    (update,) = await _updates(bot)

    at = update.pop("timestamp")
    assert isinstance(at, int)
    assert update == {"update_type": "bot_added", "chat_id": group, "is_channel": False}


async def test_a_press_can_come_without_the_id_of_its_chat(
    bot: aiohttp.ClientSession, control: Control, ann: int
) -> None:
    mid = await _mid(bot, ann, {"text": "menu", "attachments": [KEYBOARD]})

    await control.click(ann, mid, text="Pay", omits=OmittedField.CHAT_ID)

    (update,) = await _updates(bot)
    message = update["message"]
    assert isinstance(message, dict)
    assert set(message["recipient"]) == {"chat_type", "user_id"}
    assert message["body"]["mid"] == mid


async def test_a_press_on_a_message_deleted_meanwhile_has_none(
    bot: aiohttp.ClientSession, control: Control, ann: int
) -> None:
    mid = await _mid(bot, ann, {"text": "menu", "attachments": [KEYBOARD]})

    pressed = await control.click(ann, mid, text="Pay", omits=OmittedField.MESSAGE)

    (update,) = await _updates(bot)
    assert update["message"] is None
    status, _ = await _ask(
        bot,
        "POST",
        f"/answers?callback_id={pressed.callback_id}",
        {"notification": "gone"},
    )
    assert status == 200


async def test_success_false_can_carry_a_code(
    bot: aiohttp.ClientSession, control: Control, ann: int
) -> None:
    await control.fault(FaultKind.OK_FALSE, code="access.denied", count=1)

    status, answer = await _ask(
        bot, "POST", f"/messages?user_id={ann}", {"text": "hello"}
    )

    assert status == 200
    assert (answer["success"], answer["code"]) == (False, "access.denied")


async def test_a_frozen_message_takes_no_edit_but_its_press_can_be_answered(
    bot: aiohttp.ClientSession, control: Control, ann: int
) -> None:
    mid = await _mid(bot, ann, {"text": "menu", "attachments": [KEYBOARD]})
    pressed = await control.click(ann, mid, text="Pay")
    answer = f"/answers?callback_id={pressed.callback_id}"
    await control.freeze(mid)

    edited, refusal = await _ask(
        bot, "PUT", f"/messages?message_id={mid}", {"text": "new"}
    )
    redrawn, _ = await _ask(bot, "POST", answer, {"message": {"text": "new"}})
    answered, _ = await _ask(bot, "POST", answer, {"notification": "ok"})

    assert (edited, redrawn, answered) == (400, 400, 200)
    assert refusal["code"] == "proto.payload"
    assert "too old to be edited" in str(refusal["message"])


@pytest.mark.parametrize(
    ("attachments", "status"), [([], 400), ([KEYBOARD], 200)], ids=["bare", "keyboard"]
)
async def test_after_a_week_only_a_message_with_buttons_can_be_edited(
    bot: aiohttp.ClientSession,
    ann: int,
    pass_time: Callable[[float], None],
    attachments: list[Json],
    status: int,
) -> None:
    mid = await _mid(bot, ann, {"text": "old", "attachments": attachments})
    pass_time(WEEK + 1)

    outcome, _ = await _ask(bot, "PUT", f"/messages?message_id={mid}", {"text": "new"})

    assert outcome == status


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (DialogChange.CLEARED, ["dialog_cleared"]),
        (DialogChange.MUTED, ["dialog_muted"]),
        (DialogChange.UNMUTED, ["dialog_unmuted"]),
        (DialogChange.REMOVED, ["dialog_removed", "bot_stopped"]),
    ],
)
async def test_what_a_user_does_to_the_dialog_reaches_the_bot(
    bot: aiohttp.ClientSession,
    control: Control,
    ann: int,
    change: DialogChange,
    kinds: list[str],
) -> None:
    outcome = await control.change_dialog(ann, change)

    updates = await _updates(bot)
    assert [update["update_type"] for update in updates] == kinds
    assert len(outcome.positions) == len(kinds)
    assert {update["chat_id"] for update in updates} == {outcome.chat_id}
    user = updates[0]["user"]
    assert isinstance(user, dict)
    assert user["user_id"] == ann
    assert ("muted_until" in updates[0]) is (change is DialogChange.MUTED)


async def test_a_removed_dialog_takes_no_message(
    bot: aiohttp.ClientSession, control: Control, ann: int
) -> None:
    await control.change_dialog(ann, DialogChange.REMOVED)

    status, answer = await _ask(
        bot, "POST", f"/messages?user_id={ann}", {"text": "hello"}
    )

    assert (status, answer["code"]) == (403, "access.denied")


async def test_changed_rights_reach_the_bot(
    sandbox: Sandbox, bot: aiohttp.ClientSession, control: Control, ann: int
) -> None:
    group = await control.add_group("Team", [ann])

    await control.change_rights(ann, group, ["write"], is_admin=True)

    update = (await _updates(bot))[-1]
    assert update["update_type"] == "bot_admin_permissions_changed"
    assert (update["bot_id"], update["user_id"]) == (sandbox.bot_id, ann)
    assert (update["is_admin"], update["permissions"]) == (True, ["write"])
