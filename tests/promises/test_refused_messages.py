"""Promise 2: what the messenger refuses of a handler's messages is heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from duologue import Dispatcher
from duologue.dialogs import (
    DialogUpdate,
    ErrorEvent,
    MessageCreated,
    MessageRefused,
    Sent,
    TaskGroup,
    View,
)
from duologue.errors import (
    BadRequestError,
    ForbiddenError,
    MessageGoneError,
    MessageRefusedError,
)
from duologue.testing import Method, Playground


async def answer(message: MessageCreated) -> None:
    await message.answer("a </b><i> text", parse_mode="HTML")
    await message.answer("and more")


@pytest.fixture
def dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.message.register(answer)
    return dispatcher


@pytest.fixture
async def chat(dispatcher: Dispatcher) -> AsyncIterator[Playground]:
    async with Playground(dispatcher) as chat:
        yield chat


def refused(chat: Playground, method: Method = Method.SEND) -> None:
    chat.bot.fail(BadRequestError(method, "can't parse entities"), method=method)


def texts(chat: Playground) -> list[str]:
    return [message.text for message in chat.messages(1) if not message.user_id]


async def test_a_refused_message_reaches_the_error_hook_with_its_address(
    chat: Playground,
) -> None:
    refused(chat)

    await chat.say(1, "hi")
    await chat.settled()

    (error,) = chat.take_errors()
    assert isinstance(error, MessageRefusedError)
    assert (error.address, error.chat_id) == ("dialog/test.1:1:1", 1)
    assert error.call == "send"
    assert isinstance(error.__cause__, BadRequestError)
    assert texts(chat) == ["and more"]
    assert chat.counts.of("dead_letters") == 0


async def test_an_error_handler_hears_of_a_refused_message_and_may_answer(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    heard: list[ErrorEvent] = []

    async def explain(event: ErrorEvent) -> None:
        heard.append(event)
        await event.answer("Something went wrong.")

    dispatcher.error.register(explain)
    refused(chat)

    await chat.say(1, "hi")
    await chat.settled()

    assert texts(chat) == ["and more", "Something went wrong."]
    assert chat.errors == ()
    (event,) = heard
    assert isinstance(event.exception, MessageRefusedError)
    assert (event.chat_id, event.user_id) == (1, 1)
    assert isinstance(event.update, DialogUpdate)
    assert isinstance(event.update.command, MessageRefused)


async def test_a_refused_message_of_an_error_handler_is_only_logged(
    chat: Playground, dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Exception] = []

    async def explain(event: ErrorEvent) -> None:
        heard.append(event.exception)
        await event.answer("Something </b><i> went wrong.")

    dispatcher.error.register(explain)
    for _ in range(4):
        refused(chat)

    await chat.say(1, "hi")
    await chat.settled()

    assert len(heard) == 2  # of both answers, and not of its own
    assert chat.errors == ()
    warnings = [record for record in caplog.records if record.levelno > logging.INFO]
    assert len(warnings) == 2


async def test_a_refused_change_through_a_handle_names_what_was_refused() -> None:
    async def change(message: MessageCreated) -> None:
        handle = await message.answer("one")
        await handle.edit_text("two")
        await handle.delete()

    dispatcher = Dispatcher()
    dispatcher.message.register(change)
    async with Playground(dispatcher) as chat:
        refused(chat, Method.EDIT)
        refused(chat, Method.DELETE)

        await chat.say(1, "hi")
        await chat.settled()

        calls = [
            error.call
            for error in chat.take_errors()
            if isinstance(error, MessageRefusedError)
        ]
        assert calls == ["edit", "delete"]
        assert texts(chat) == ["one"]


async def test_a_refused_message_to_another_chat_names_both_places() -> None:
    async def tell(message: MessageCreated) -> None:
        await message.bot.send(77, View("news"))

    dispatcher = Dispatcher()
    dispatcher.message.register(tell)
    async with Playground(dispatcher) as chat:
        refused(chat)

        await chat.say(1, "hi")
        await chat.settled()

        (error,) = chat.take_errors()
        assert isinstance(error, MessageRefusedError)
        assert (error.address, error.chat_id) == ("dialog/test.1:1:1", 77)


async def test_a_message_that_is_gone_before_it_is_deleted_is_no_error() -> None:
    async def delete(message: MessageCreated) -> None:
        await message.delete()

    dispatcher = Dispatcher()
    dispatcher.message.register(delete)
    async with Playground(dispatcher) as chat:
        chat.bot.fail(MessageGoneError("delete", "gone"), method=Method.DELETE)

        await chat.say(1, "hi")
        await chat.settled()

        assert chat.errors == ()


async def test_a_message_that_is_refused_because_the_user_left_is_no_error(
    chat: Playground, caplog: pytest.LogCaptureFixture
) -> None:
    left = ForbiddenError("send", "stopped")
    chat.bot.fail(left, left, method=Method.SEND)

    await chat.say(1, "hi")
    await chat.settled()

    assert chat.errors == ()
    warnings = [record for record in caplog.records if record.levelno > logging.INFO]
    assert len(warnings) == 2


async def test_whoever_waits_for_a_message_hears_of_its_refusal_instead_of_the_hook() -> (
    None
):
    heard: list[BadRequestError] = []

    async def wait(sent: Sent) -> None:
        try:
            await sent.drawn()
        except BadRequestError as error:
            heard.append(error)

    async def send(message: MessageCreated, task_group: TaskGroup) -> None:
        task_group.start_soon(wait, await message.answer("x"))

    dispatcher = Dispatcher()
    dispatcher.message.register(send)
    async with Playground(dispatcher) as chat:
        with chat.bot.hold(Method.SEND) as hold:
            refused(chat)
            await chat.say(1, "hi")
            await hold.reached()
            await asyncio.sleep(0.1)
        await chat.settled()

        assert len(heard) == 1
        assert chat.errors == ()
