"""A messenger that exists in memory only."""

from __future__ import annotations

import asyncio
from dataclasses import fields

import pytest

from duologue.dialogs import (
    BotStarted,
    Callback,
    CallbackButton,
    Capabilities,
    ChatTitleChanged,
    ChatType,
    LinkButton,
    MessageCreated,
    MessageEdited,
    MessageRemoved,
    Update,
    UserRemoved,
    View,
)
from duologue.errors import (
    BadRequestError,
    MalformedUpdateError,
    MessageGoneError,
    MessengerUnavailableError,
    UnknownUpdateError,
)
from duologue.testing import Method, RecordingBot
from duologue.transport.max import Bot as MaxBot

KEYBOARD = (
    (CallbackButton("a", "pay"), LinkButton("b", "https://example.org")),
    (CallbackButton("a", "second"),),
)


def test_by_default_nothing_is_allowed_that_a_messenger_would_refuse() -> None:
    ours, theirs = RecordingBot().capabilities, MaxBot("token").capabilities

    for limit in fields(Capabilities):
        if isinstance(getattr(theirs, limit.name), int | float):
            assert getattr(ours, limit.name) <= getattr(theirs, limit.name), limit.name


async def test_what_is_sent_edited_and_deleted_is_shown_so() -> None:
    bot = RecordingBot()

    first = await bot.send_now(5, View("one", KEYBOARD))
    second = await bot.send_now(5, View("two"))
    await bot.send_now(6, View("elsewhere"))
    await bot.edit_now(5, first, View("changed", KEYBOARD))
    await bot.remove_keyboard_now(5, first)
    await bot.delete_now(5, second)

    (message,) = bot.messages(5)
    assert (message.id, message.text, message.keyboard) == (first, "changed", ())
    assert message.user_id is None
    assert [view.text for view in bot.history(first)] == ["one", "changed", "changed"]
    assert bot.message(second) is None
    assert bot.message(first) == message
    assert bot.history("nothing") == ()


async def test_every_call_is_recorded_with_its_data() -> None:
    bot = RecordingBot()

    message_id = await bot.send_now(5, View("one"))
    await bot.delete_now(5, message_id)
    await bot.send_now(6, View("two"))

    assert [call.method for call in bot.calls] == ["send", "delete", "send"]
    (sent,) = bot.calls_of(Method.SEND, 5)
    assert (sent.message_id, sent.view) == (message_id, View("one"))
    assert len(bot.calls_of(Method.SEND)) == 2


async def test_messages_that_are_gone_cannot_be_touched() -> None:
    bot = RecordingBot()
    message_id = await bot.send_now(5, View("one"))
    bot.remove(message_id)

    for call in (
        bot.edit_now(5, message_id, View("two")),
        bot.remove_keyboard_now(5, message_id),
        bot.delete_now(5, message_id),
    ):
        with pytest.raises(MessageGoneError):
            await call

    assert isinstance(bot.calls[-1].error, MessageGoneError)
    assert bot.calls[0].error is None


async def test_a_press_is_answered_once_and_may_change_its_message() -> None:
    bot = RecordingBot()
    message_id = await bot.send_now(5, View("one", KEYBOARD))
    press = bot.parse(bot.pressed(5, 1, "pay", message_id=message_id))
    assert isinstance(press, Callback)

    await bot.answer_now(5, press.callback_id, view=View("two"), notification="done")

    (call,) = bot.calls_of(Method.ANSWER)
    assert (call.message_id, call.notification) == (message_id, "done")
    assert bot.messages(5)[0].text == "two"
    with pytest.raises(BadRequestError):
        await bot.answer_now(5, press.callback_id)
    with pytest.raises(BadRequestError):
        await bot.answer_now(5, "unknown")


async def test_a_press_on_a_message_that_is_gone_can_be_answered() -> None:
    bot = RecordingBot()
    press = bot.parse(bot.pressed(5, 1, "pay", message_id=None))
    assert isinstance(press, Callback)

    await bot.answer_now(5, press.callback_id)

    assert press.message is None


async def test_held_calls_have_no_effect_until_they_are_released() -> None:
    bot = RecordingBot()

    async with asyncio.TaskGroup() as group:
        with bot.hold(Method.SEND, chat_id=5) as held:
            group.create_task(bot.send_now(5, View("one")))
            group.create_task(bot.send_now(5, View("two")))
            await bot.send_now(6, View("three"))
            await held.reached(2)
            assert bot.messages(5) == ()
            assert [call.view for call in held.calls] == [View("one"), View("two")]
            assert not held.is_open

    assert [message.text for message in bot.messages(5)] == ["one", "two"]
    assert held.calls == ()
    await bot.send_now(5, View("four"))


async def test_a_held_call_can_be_cancelled() -> None:
    bot = RecordingBot()

    async with asyncio.TaskGroup() as group:
        held = bot.hold()
        task = group.create_task(bot.send_now(5, View("one")))
        await held.reached()
        task.cancel()

    held.release()
    assert held.calls == ()
    assert bot.messages(5) == ()


async def test_the_next_calls_fail_as_they_are_told() -> None:
    bot = RecordingBot()
    error = MessengerUnavailableError("send", "no network")
    left = bot.fail(error, error, method=Method.SEND, chat_id=5)

    await bot.send_now(6, View("not this one"))
    for _ in range(2):
        with pytest.raises(MessengerUnavailableError):
            await bot.send_now(5, View("one"))
    await bot.send_now(5, View("two"))

    assert left.left == []
    assert [call.error for call in bot.calls_of(Method.SEND, 5)] == [error, error, None]
    assert [message.text for message in bot.messages(5)] == ["two"]


async def test_several_plans_of_failures_do_not_mix() -> None:
    bot = RecordingBot()
    no_edit = MessageGoneError("edit", "no")
    no_send = BadRequestError("send", "no")
    bot.fail(no_edit, method=Method.EDIT)
    bot.fail(no_send, method=Method.SEND)

    with pytest.raises(BadRequestError):
        await bot.send_now(5, View("one"))
    with pytest.raises(MessageGoneError):
        await bot.edit_now(5, "m1", View("one"))


async def test_without_a_limit_calls_never_wait() -> None:
    bot = RecordingBot()

    for _ in range(100):
        await bot.ready(5)

    assert bot.ready_now(5)
    assert asyncio.get_running_loop().time() == 0


async def test_a_limit_holds_for_each_chat() -> None:
    bot = RecordingBot(calls_per_second=2)

    await bot.ready(5)
    await bot.ready(5)
    now = bot.ready_now(5)
    other = bot.ready_now(6)
    await bot.ready(5)

    assert (now, other) == (False, True)
    assert asyncio.get_running_loop().time() >= 1


async def test_a_bot_says_who_it_is() -> None:
    bot = RecordingBot(7)

    await bot.start()
    await bot.close()

    assert (bot.id, bot.messenger, repr(bot)) == (7, "test", "<RecordingBot 7>")
    assert bot.capabilities.answer_carries_view


async def test_a_written_message_can_be_seen_and_parsed() -> None:
    bot = RecordingBot()
    shared = await bot.send_now(-5, View("one", KEYBOARD))

    update = bot.parse(bot.wrote(-5, 1, "hi", reply_to=shared))

    assert isinstance(update, MessageCreated)
    assert update.text == "hi"
    assert update.chat.type is ChatType.GROUP
    assert update.message.sender == update.user
    assert update.message.reply_to is not None
    assert update.message.reply_to.keyboard == KEYBOARD
    assert update.message.reply_to.sender is not None
    assert update.message.reply_to.sender.is_bot
    assert bot.messages(-5)[-1].user_id == 1


async def test_a_message_knows_its_labels_and_payloads() -> None:
    bot = RecordingBot()

    await bot.send_now(5, View("one", KEYBOARD))

    (message,) = bot.messages(5)
    assert message.labels == (("a", "b"), ("a",))
    assert message.payload_of("a") == "pay"
    assert message.payload_of("b") is None


@pytest.mark.parametrize(
    ("event", "fields", "kind"),
    [
        ("removed_message", {"message_id": "m1"}, MessageRemoved),
        ("bot_started", {}, BotStarted),
        ("chat_title_changed", {"title": "New"}, ChatTitleChanged),
        ("user_removed", {"thread_id": 3}, UserRemoved),
    ],
)
async def test_other_updates_are_made_by_their_names(
    event: str, fields: dict[str, object], kind: type[Update]
) -> None:
    bot = RecordingBot()

    update = bot.parse(bot.update(event, 5, None, **fields))

    assert isinstance(update, kind)
    assert update.user is None
    assert update.thread_id == fields.get("thread_id")
    assert update.timestamp.timestamp() == asyncio.get_running_loop().time()


async def test_updates_that_make_no_sense_are_refused() -> None:
    bot = RecordingBot()

    with pytest.raises(UnknownUpdateError) as caught:
        bot.parse(bot.update("earthquake", 5))
    assert caught.value.update_type == "earthquake"
    with pytest.raises(MalformedUpdateError, match="message"):
        bot.parse(bot.update("message", 5))
    with pytest.raises(MalformedUpdateError):
        bot.parse({"type": "message"})


async def test_an_edited_message_is_parsed_too() -> None:
    bot = RecordingBot()
    raw = dict(bot.wrote(5, 1, "hi"))

    update = bot.parse({**raw, "type": "edited_message"})

    assert isinstance(update, MessageEdited)
    assert update.text == "hi"
