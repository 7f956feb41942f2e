"""Updates as handlers receive them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from duologue.dialogs import Callback, Dispatcher
from duologue.testing import Method, Playground, RecordingBot


async def press() -> Callback:
    bot = RecordingBot()
    update = bot.parse(bot.pressed(5, 1, "vote:yes", message_id=None))
    assert isinstance(update, Callback)
    return update


async def test_a_press_has_its_payload_under_both_names() -> None:
    callback = await press()

    assert callback.data == callback.payload == "vote:yes"
    assert (callback.chat_id, callback.user_id) == (5, 1)


async def test_updates_cannot_be_changed() -> None:
    callback = await press()

    with pytest.raises(FrozenInstanceError):
        callback.payload = "other"  # type: ignore[misc]  # that is the point


async def test_a_press_that_no_runtime_has_accepted_can_be_answered_in_vain() -> None:
    callback = await press()

    await callback.answer("hello")

    assert callback.answers is None


async def test_the_last_answer_of_a_handler_is_sent_once() -> None:
    dispatcher = Dispatcher()

    @dispatcher.callback_query()
    async def handler(callback: Callback) -> None:
        await callback.answer("first")
        await callback.answer("second")

    async with Playground(dispatcher) as chat:
        await chat.press(1, "vote:yes")
        await chat.settled()

        (call,) = chat.bot.calls_of(Method.ANSWER)
        assert call.notification == "second"
