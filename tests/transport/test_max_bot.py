from __future__ import annotations

import asyncio
import pickle
import socket

import aiohttp
import pytest

from duologue.dialogs import (
    Callback,
    CallbackButton,
    CallKind,
    Chat,
    ChatType,
    LinkButton,
    User,
    View,
)
from duologue.errors import (
    BadRequestError,
    BotNotStartedError,
    BotSettingError,
    MessageGoneError,
    MessengerUnavailableError,
    RateLimitedError,
    UnauthorizedError,
    UnexpectedAnswerError,
)
from duologue.transport.max import DEFAULT_URL, Bot, BotCommand, Limits
from duologue.transport.sandbox import Control, FaultKind, LogKind, Sandbox

KEYBOARD = ((CallbackButton("Yes", "y"), LinkButton("Docs", "https://example.org/")),)


async def new_chat(control: Control) -> tuple[int, int]:
    user = await control.add_user("Ann")
    said = await control.say(user, "hello")
    assert said.chat_id is not None
    return user, said.chat_id


async def pressed(bot: Bot, control: Control) -> tuple[int, str, str]:
    user, chat = await new_chat(control)
    message = await bot.send_now(chat, View("sure?", KEYBOARD))
    click = await control.click(user, message, text="Yes")
    assert click.callback_id is not None
    return chat, message, click.callback_id


async def refusals(control: Control) -> list[str | None]:
    entries = await control.log()
    return [entry.code for entry in entries if entry.kind is LogKind.REFUSED]


async def test_a_started_bot_knows_its_id(sandbox: Sandbox) -> None:
    bot = Bot(sandbox.token, base_url=sandbox.url)

    await bot.start()

    assert bot.id == sandbox.bot_id
    assert (await bot.me()).name == sandbox.bot_name
    await bot.close()


def test_a_bot_that_was_not_started_says_so_when_asked_for_its_id() -> None:
    bot = Bot("token")

    with pytest.raises(BotNotStartedError, match="start"):
        _ = bot.id


def test_a_bot_shows_where_it_is_but_never_its_token() -> None:
    bot = Bot("s3cret", base_url="https://max.example/")

    shown = repr(bot)

    assert "https://max.example>" in shown
    assert "s3cret" not in shown


def test_without_an_address_a_bot_talks_to_the_messenger_itself() -> None:
    assert Bot("token").base_url == DEFAULT_URL


@pytest.mark.parametrize("token", ["", "two parts", "line\n", "тайна"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(BotSettingError, match=r"Bot\(token=") as caught:
        Bot(token)

    assert not token or token not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - made here


@pytest.mark.parametrize(
    "url",
    [
        "max.ru",
        "ftp://max.ru",
        "https://",
        "http://a/?b=c",
        "http://a/#b",
        "http://[",
        "http://a:x/",
        "http://a:99999",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BotSettingError, match=r"Bot\(base_url="):
        Bot("token", base_url=url)


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(BotSettingError, match=r"max\.example") as caught:
        Bot("token", base_url="https://ann:s3cret@max.example")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_file_that_cannot_be_used_is_named(
    content: str | None, tmp_path: pytest.TempPathFactory
) -> None:
    path = f"{tmp_path}/ca.pem"
    if content is not None:
        with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - a text path
            file.write(content)

    with pytest.raises(BotSettingError, match=r"ca\.pem") as caught:
        Bot("token", ca_file=path)

    assert "Errno" not in str(caught.value)


async def test_a_token_that_the_messenger_does_not_know_is_unauthorized(
    sandbox: Sandbox,
) -> None:
    bot = Bot("wrong", base_url=sandbox.url)

    with pytest.raises(UnauthorizedError, match="check the token"):
        await bot.start()

    await bot.close()


async def test_a_reply_names_the_message_that_it_answers(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)
    asked = (await control.messages(chat))[-1]

    sent = await bot.send(chat, View("hello yourself"), reply_to=asked.message_id)

    shown = (await control.messages(chat))[-1]
    assert (shown.message_id, shown.text) == (sent.id, "hello yourself")
    assert await refusals(control) == []


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ("typing", "typing_on"),
        ("upload_document", "sending_file"),
        ("sending_video", "sending_video"),
    ],
)
async def test_an_action_is_shown_under_the_messengers_name(
    bot: Bot, control: Control, action: str, shown: str
) -> None:
    _, chat = await new_chat(control)

    await bot.send_chat_action(chat, action)

    entry = await control.wait_for(lambda entry: entry.kind is LogKind.ACTION)
    assert (entry.chat_id, entry.text) == (chat, shown)


async def test_an_action_that_the_messenger_does_not_know_harms_nobody(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)

    await bot.send_chat_action(chat, "dancing")

    assert len(await refusals(control)) == 1


async def test_a_private_chat_is_looked_up_with_its_user_in_one_call(
    bot: Bot, control: Control
) -> None:
    ann, chat = await new_chat(control)

    found = await bot.look_up_now(chat, ann)

    assert found == (Chat(chat, ChatType.PRIVATE), User(ann, "Ann"))
    asked = [made for made in await control.requests() if "/chats" in made.path]
    assert [made.count for made in asked] == [1]


async def test_a_group_is_looked_up_with_one_of_its_members(
    bot: Bot, control: Control
) -> None:
    ann = await control.add_user("Ann")
    bob = await control.add_user("Bob")
    group = await control.add_group("Friends", [ann, bob])

    assert await bot.look_up_now(group, bob) == (
        Chat(group, ChatType.GROUP),
        User(bob, "Bob"),
    )
    assert await bot.look_up_now(group, None) == (Chat(group, ChatType.GROUP), None)


async def test_somebody_who_is_no_member_of_a_group_is_not_found(
    bot: Bot, control: Control
) -> None:
    ann = await control.add_user("Ann")
    eve = await control.add_user("Eve")
    group = await control.add_group("Friends", [ann])

    with pytest.raises(BadRequestError, match="no member"):
        await bot.look_up_now(group, eve)


async def test_a_view_is_sent_with_its_buttons(bot: Bot, control: Control) -> None:
    _, chat = await new_chat(control)

    message = await bot.send_now(chat, View("sure?", KEYBOARD))

    shown = (await control.messages(chat))[-1]
    assert (shown.message_id, shown.text) == (message, "sure?")
    assert [label for row in shown.keyboard for label, _ in row] == ["Yes", "Docs"]


async def test_markup_reaches_the_messenger(bot: Bot, control: Control) -> None:
    _, chat = await new_chat(control)

    await bot.send_now(chat, View("<b>bold</b>", markup="html"))

    assert (await control.messages(chat))[-1].text == "bold"


async def test_an_edit_replaces_text_and_buttons(bot: Bot, control: Control) -> None:
    _, chat = await new_chat(control)
    message = await bot.send_now(chat, View("old", KEYBOARD))

    await bot.edit_now(chat, message, View("new", ((CallbackButton("No", "n"),),)))

    shown = (await control.messages(chat))[-1]
    assert (shown.text, shown.keyboard) == ("new", ((("No", "n"),),))


async def test_an_edit_without_buttons_removes_the_old_ones(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)
    message = await bot.send_now(chat, View("old", KEYBOARD))

    await bot.edit_now(chat, message, View("new"))

    assert (await control.messages(chat))[-1].keyboard == ()


async def test_buttons_can_be_taken_away_from_a_message_that_keeps_its_text(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)
    message = await bot.send_now(chat, View("stays", KEYBOARD))

    await bot.remove_keyboard_now(chat, message)

    shown = (await control.messages(chat))[-1]
    assert (shown.text, shown.keyboard) == ("stays", ())


async def test_a_deleted_message_is_gone(bot: Bot, control: Control) -> None:
    _, chat = await new_chat(control)
    message = await bot.send_now(chat, View("short-lived"))

    await bot.delete_now(chat, message)

    assert message not in [shown.message_id for shown in await control.messages(chat)]
    with pytest.raises(MessageGoneError):
        await bot.edit_now(chat, message, View("too late"))


async def test_an_answer_can_carry_the_new_view(bot: Bot, control: Control) -> None:
    chat, _, callback = await pressed(bot, control)

    await bot.answer_now(chat, callback, view=View("done"))

    shown = (await control.messages(chat))[-1]
    assert (shown.text, shown.keyboard) == ("done", ())
    assert LogKind.NOTIFICATION not in [entry.kind for entry in await control.log()]


@pytest.mark.parametrize(("given", "shown"), [("Saved", "Saved"), (None, " ")])
async def test_an_answer_without_a_view_leaves_the_message_alone(
    given: str | None, shown: str, bot: Bot, control: Control
) -> None:
    chat, _, callback = await pressed(bot, control)

    await bot.answer_now(chat, callback, notification=given)

    last = (await control.log())[-1]
    assert (last.kind, last.text) == (LogKind.NOTIFICATION, shown)
    assert (await control.messages(chat))[-1].text == "sure?"


async def test_content_that_the_messenger_refuses_is_a_bad_request(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)

    with pytest.raises(BadRequestError, match="4000"):
        await bot.send_now(chat, View("x" * 4001))


async def test_a_success_that_is_none_is_a_bad_request(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)
    message = await bot.send_now(chat, View("text"))
    await control.fault(FaultKind.OK_FALSE, count=1)

    with pytest.raises(BadRequestError, match="PUT /messages"):
        await bot.edit_now(chat, message, View("other"))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.STATUS, MessengerUnavailableError),
        (FaultKind.DROP, MessengerUnavailableError),
        (FaultKind.GARBAGE, UnexpectedAnswerError),
    ],
)
async def test_trouble_on_the_way_has_its_error(
    kind: FaultKind, expected: type[Exception], bot: Bot, control: Control
) -> None:
    await control.fault(kind, path="/me")

    with pytest.raises(expected, match="GET /me"):
        await bot.me()


async def test_an_answer_that_takes_too_long_counts_as_none(
    bot: Bot, control: Control
) -> None:
    await control.fault(FaultKind.SLOW, path="/me", delay=1000)

    with pytest.raises(MessengerUnavailableError, match="20 seconds"):
        await bot.me()


async def test_a_messenger_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    bot = Bot("token", base_url=f"http://127.0.0.1:{port}")

    with pytest.raises(MessengerUnavailableError, match="check the address"):
        await bot.start()

    await bot.close()


async def test_a_bot_that_waits_for_its_turn_is_never_refused(
    bot: Bot, control: Control
) -> None:
    chats = [(await new_chat(control))[1] for _ in range(20)]

    async def chatter(chat: int) -> None:
        for number in range(4):
            await bot.ready(chat, "send")
            await bot.send_now(chat, View(str(number)))

    async with asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(chatter(chat))

    assert await refusals(control) == []
    for chat in chats:
        assert [m.text for m in await control.messages(chat)][1:] == list("0123")


async def test_each_kind_of_call_has_a_limit_of_its_own(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)
    kinds: list[CallKind] = ["send", "edit", "delete", "answer"]

    taken = {kind: [bot.ready_now(chat, kind) for _ in range(3)] for kind in kinds}

    assert taken == {kind: [True, True, False] for kind in kinds}


async def test_a_message_its_change_and_its_end_wait_for_nothing(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)
    began = asyncio.get_running_loop().time()

    for _ in range(2):
        await bot.ready(chat, "send")
        message = await bot.send_now(chat, View("one"))
        await bot.ready(chat, "edit")
        await bot.edit_now(chat, message, View("two"))
        await bot.ready(chat, "delete")
        await bot.delete_now(chat, message)

    assert asyncio.get_running_loop().time() == began
    assert await refusals(control) == []


async def test_a_program_sets_limits_of_its_own(sandbox: Sandbox) -> None:
    limits = Limits(sends=1, edits=3, requests=5)
    bot = Bot(sandbox.token, base_url=sandbox.url, limits=limits)

    sends = [bot.ready_now(1, "send") for _ in range(2)]
    edits = [bot.ready_now(number, "edit") for number in range(3)]

    assert sends == [True, False]
    assert edits == [True, True, False]


@pytest.mark.parametrize(
    ("name", "value"), [("sends", 0), ("edits", 1.5), ("polls", True), ("requests", 2)]
)
def test_limits_that_allow_nothing_are_refused(name: str, value: int) -> None:
    with pytest.raises(BotSettingError, match=r"limits") as caught:
        Limits(**{name: value})

    assert name in str(caught.value)


async def test_a_refusal_for_one_chat_pauses_only_that_chat(
    bot: Bot, control: Control
) -> None:
    _, flooded = await new_chat(control)
    _, other = await new_chat(control)
    await control.fault(
        FaultKind.STATUS, status=429, retry_after=7, chat_id=flooded, count=1
    )
    clock = asyncio.get_running_loop()
    refused_at = clock.time()

    with pytest.raises(RateLimitedError) as caught:
        await bot.send_now(flooded, View("too much"))

    assert caught.value.retry_after == 7
    assert not bot.ready_now(flooded)
    assert not bot.ready_now(flooded, "send")
    assert bot.ready_now(other)
    await bot.ready(flooded)
    assert 7 <= clock.time() - refused_at < 7.5


async def test_updates_are_fetched_and_acknowledged_by_the_marker(
    bot: Bot, control: Control
) -> None:
    await new_chat(control)

    batch = await bot.get_updates(marker=None, limit=10, timeout=0, types=None)
    await bot.get_updates(marker=batch.marker, limit=10, timeout=0, types=None)

    update = bot.parse(batch.updates[0])
    assert (await control.position()).queued == ()
    assert update.bot is bot


async def test_a_press_on_a_message_that_was_deleted_meanwhile_can_be_answered(
    bot: Bot, control: Control
) -> None:
    user, chat = await new_chat(control)
    message = await bot.send_now(chat, View("sure?", KEYBOARD))
    await bot.delete_now(chat, message)
    await control.forge(user, message, "y")

    batch = await bot.get_updates(marker=None, limit=10, timeout=0, types=None)
    _, press = (bot.parse(raw) for raw in batch.updates)
    assert isinstance(press, Callback)
    await bot.answer_now(press.chat_id, press.callback_id, notification="too late")

    assert (press.message, press.chat_id, press.user_id) == (None, chat, user)
    assert await refusals(control) == []


async def test_only_the_types_that_were_asked_for_are_fetched(
    bot: Bot, control: Control
) -> None:
    user, _ = await new_chat(control)
    await control.start(user)
    types = [bot.update_types["bot_started"]]

    batch = await bot.get_updates(marker=None, limit=10, timeout=0, types=types)

    assert [update["update_type"] for update in batch.updates] == ["bot_started"]


async def test_polls_wait_for_the_rate_that_the_messenger_allows(
    bot: Bot, control: Control
) -> None:
    clock = asyncio.get_running_loop()
    started = clock.time()

    for _ in range(5):
        await bot.get_updates(marker=None, limit=1, timeout=0, types=None)

    assert await refusals(control) == []
    assert 2 <= clock.time() - started < 2.5


async def test_without_webhooks_there_are_no_subscriptions(bot: Bot) -> None:
    assert await bot.subscriptions() == ()


async def test_a_closed_bot_can_be_closed_and_used_again(
    bot: Bot, control: Control
) -> None:
    _, chat = await new_chat(control)

    await bot.close()
    await bot.close()
    await bot.send_now(chat, View("back"))

    assert (await control.messages(chat))[-1].text == "back"


async def commands_at(sandbox: Sandbox) -> object:
    """What the messenger offers behind `/`."""
    headers = {"Authorization": sandbox.token}
    async with (
        aiohttp.ClientSession(sandbox.url, headers=headers) as session,
        session.get("/me") as response,
    ):
        me: dict[str, object] = await response.json()
    return me["commands"]


async def test_a_bot_tells_which_commands_it_knows(sandbox: Sandbox, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("start", "Begins"), BotCommand("help")])
    offered = await commands_at(sandbox)
    await bot.set_my_commands([])

    assert offered == [
        {"name": "start", "description": "Begins"},
        {"name": "help", "description": None},
    ]
    assert await commands_at(sandbox) == []


@pytest.mark.parametrize(
    "commands",
    [[BotCommand("c" * 65)], [BotCommand("c", "d" * 129)], [BotCommand("c")] * 33],
)
async def test_commands_that_the_messenger_does_not_take_are_refused(
    bot: Bot, commands: list[BotCommand]
) -> None:
    with pytest.raises(BadRequestError, match="PATCH /me/commands"):
        await bot.set_my_commands(commands)
