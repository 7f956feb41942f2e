"""A client that nobody here wrote has a conversation through the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from maxapi import Bot, Dispatcher
from maxapi.types import (
    BotStarted,
    CallbackButton,
    MessageCallback,
    MessageCreated,
)
from maxapi.utils.inline_keyboard import InlineKeyboardBuilder
from maxapi.webhook.aiohttp import AiohttpMaxWebhook

from duologue.transport._server import serve
from duologue.transport.sandbox import Control, Sandbox


@pytest.fixture
async def peer(sandbox: Sandbox) -> AsyncIterator[Bot]:
    bot = Bot(sandbox.token)
    bot.set_api_url(sandbox.url)
    yield bot
    await bot.close_session()


def _dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.bot_started()
    async def started(event: BotStarted) -> None:
        assert event.bot is not None
        await event.bot.send_message(
            chat_id=event.chat_id, text=f"Hello, {event.payload}"
        )

    @dispatcher.message_created()
    async def said(event: MessageCreated) -> None:
        text = event.message.body and event.message.body.text
        keyboard = InlineKeyboardBuilder()  # type: ignore[no-untyped-call] # not annotated there
        menu = keyboard.row(
            CallbackButton(text="Yes", payload="yes"),
            CallbackButton(text="No", payload="no"),
        )
        await event.message.answer(f"You said {text}", attachments=[menu.as_markup()])

    @dispatcher.message_callback()
    async def clicked(event: MessageCallback) -> None:
        assert event.message is not None
        if event.callback.payload == "yes":
            await event.answer(new_text="Agreed", notification="Thank you")
        else:
            await event.message.edit("Refused", attachments=[])

    return dispatcher


async def test_maxapi_receives_sends_edits_and_answers(
    control: Control, peer: Bot, ann: int
) -> None:
    dispatcher = _dispatcher()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatcher.start_polling(peer))
        await control.start(ann, "Ann")
        greeting = await control.wait_for(lambda e: e.kind == "message")

        said = await control.say(ann, "hi")
        menu = await control.wait_for(lambda e: bool(e.keyboard))
        await control.click(ann, menu.message_id or "", text="Yes")
        toast = await control.wait_for(lambda e: e.kind == "notification")
        edit = await control.wait_for(lambda e: e.kind == "edit")

        await control.forge(ann, menu.message_id or "", "no")
        final = await control.wait_for(lambda e: e.text == "Refused")
        await dispatcher.stop_polling()

    assert greeting.text == "Hello, Ann"
    assert (menu.chat_id, menu.text) == (said.chat_id, "You said hi")
    assert menu.keyboard == ((("Yes", "yes"), ("No", "no")),)
    assert (toast.user_id, toast.text) == (ann, "Thank you")
    assert (edit.message_id, edit.text) == (menu.message_id, "Agreed")
    assert (final.message_id, final.keyboard) == (menu.message_id, ())
    assert [e for e in await control.log() if e.kind == "refused"] == []


@pytest.mark.filterwarnings("ignore:URL вебхука не использует HTTPS:UserWarning")
async def test_maxapi_is_brought_its_updates_with_a_secret(
    control: Control, peer: Bot, ann: int
) -> None:
    secret = "a-secret-of-this-test"  # noqa: S105  # it opens nothing
    webhook = AiohttpMaxWebhook(_dispatcher(), peer, secret=secret)
    async with serve(webhook.create_app("/hook")) as place:
        subscribed = await peer.subscribe_webhook(f"{place.url}/hook", secret=secret)
        listed = await peer.get_subscriptions()

        await control.start(ann, "Ann")
        greeting = await control.wait_for(lambda e: e.kind == "message")
        await control.say(ann, "hi")
        menu = await control.wait_for(lambda e: bool(e.keyboard))
        await control.click(ann, menu.message_id or "", text="Yes")
        edit = await control.wait_for(lambda e: e.kind == "edit")
        while (await control.position()).queued:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
        deliveries = await control.deliveries()
        await peer.unsubscribe_webhook(f"{place.url}/hook")

    assert subscribed.success
    assert [one.url for one in listed.subscriptions] == [f"{place.url}/hook"]
    assert (greeting.text, menu.text, edit.text) == (
        "Hello, Ann",
        "You said hi",
        "Agreed",
    )
    assert [one.attempts for one in deliveries] == [(200,)] * 3
    assert await control.webhooks() == []


async def test_maxapi_reads_chats_messages_and_itself(
    sandbox: Sandbox, control: Control, peer: Bot, ann: int
) -> None:
    said = await control.say(ann, "hi")
    group = await control.add_group("Team", [ann])

    me = await peer.get_me()
    dialog = await peer.get_chat_by_id(said.chat_id or 0)
    team = await peer.get_chat_by_id(group)
    message = await peer.get_message(said.message_id or "")
    membership = await peer.get_me_from_chat(group)

    assert me.user_id == sandbox.bot_id
    assert dialog.dialog_with_user is not None
    assert dialog.dialog_with_user.user_id == ann
    assert team.title == "Team"
    assert message.body is not None
    assert (message.body.mid, message.body.text) == (said.message_id, "hi")
    assert membership.is_admin
