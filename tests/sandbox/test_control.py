from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable

import aiohttp
import pytest

from duologue.errors import (
    ButtonNotShownError,
    DuologueError,
    LogWaitTimeoutError,
    SandboxRefusalError,
    SandboxUnreachableError,
)
from duologue.transport.sandbox import (
    Action,
    AddGroup,
    AddUser,
    Click,
    Control,
    Duplicate,
    Inject,
    LogEntry,
    LogKind,
    Sandbox,
    Say,
    Start,
)
from duologue.transport.sandbox._world._log import Log


def _button(text: str, payload: str) -> dict[str, object]:
    return {"type": "callback", "text": text, "payload": payload}


@pytest.fixture
async def menu(bot: aiohttp.ClientSession, ann: int) -> str:
    rows = [
        [_button("A", "a1"), _button("B", "b1")],
        [_button("A", "a2"), {"type": "message", "text": "Hi"}],
        [{"type": "link", "text": "L", "url": "https://max.ru"}],
    ]
    keyboard = {"type": "inline_keyboard", "payload": {"buttons": rows}}
    body = {"text": "menu", "attachments": [keyboard]}
    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        return str((await response.json())["message"]["body"]["mid"])


async def test_the_bot_is_known(sandbox: Sandbox, control: Control) -> None:
    bot = await control.bot()

    assert (bot.user_id, bot.name) == (sandbox.bot_id, sandbox.bot_name)


async def test_users_and_groups_get_the_ids_asked_for(control: Control) -> None:
    assert await control.add_user("Ann", 42) == 42
    assert await control.add_group("Team", [42], chat_id=-7) == -7


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (AddUser("Twin", 1001), "id.taken"),
        (AddUser("Zero", 0), "id.taken"),
        (AddGroup("Team", [5]), "not.found"),
        (AddGroup("Team", [], 5), "id.taken"),
        (Start(5), "not.found"),
        (Say(1001, ""), "bad.text"),
        (Say(1001, "x" * 4001), "bad.text"),
        (Say(1001, "x", 5), "chat.not.found"),
        (Say(1001, "x", reply_to="mid.0"), "not.found"),
        (Click(1001, "mid.0"), "not.found"),
        (Duplicate(1), "bad.count"),
        (Duplicate(0), "bad.count"),
    ],
)
async def test_an_impossible_action_is_refused_and_changes_nothing(
    action: Action, code: str, control: Control, ann: int
) -> None:
    assert ann == 1001

    with pytest.raises(SandboxRefusalError) as caught:
        await control.act(action)

    assert caught.value.code == code
    assert await control.log() == []
    assert (await control.position()).queued == ()


async def test_only_members_speak_and_click_in_a_group(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    bob = await control.add_user("Bob")
    group = await control.add_group("Team", [ann])
    async with bot.post(
        "/messages", params={"chat_id": group}, json={"text": "x"}
    ) as response:
        mid = (await response.json())["message"]["body"]["mid"]

    with pytest.raises(SandboxRefusalError, match="is not in chat"):
        await control.say(bob, "x", chat_id=group)
    with pytest.raises(SandboxRefusalError, match=f"user {bob} sees no message"):
        await control.forge(bob, mid, "x")


async def test_a_reply_stays_in_its_chat(control: Control, ann: int) -> None:
    group = await control.add_group("Team", [ann])
    said = await control.say(ann, "x", chat_id=group)

    with pytest.raises(SandboxRefusalError, match="is not in chat"):
        await control.say(ann, "y", reply_to=said.message_id)


@pytest.mark.parametrize(
    ("click", "payload"),
    [
        ({"text": "B"}, "b1"),
        ({"text": "A"}, "a1"),
        ({"payload": "a2"}, "a2"),
        ({"row": 1, "col": 0}, "a2"),
        ({"text": "A", "row": 1}, "a2"),
        ({}, "a1"),
    ],
)
async def test_a_click_finds_the_first_button_that_fits(
    click: dict[str, object], payload: str, control: Control, ann: int, menu: str
) -> None:
    action = Click(ann, menu, **click)  # type: ignore[arg-type] # cases as data

    await control.act(action)

    entry = (await control.log())[-1]
    assert (entry.kind, entry.user_id, entry.message_id) == ("clicked", ann, menu)
    assert entry.payload == payload


@pytest.mark.parametrize(
    "click",
    [
        {"text": "C"},
        {"payload": "zz"},
        {"row": 5},
        {"text": "B", "row": 1},
        {"text": "L"},
    ],
)
async def test_a_button_that_is_not_shown_cannot_be_clicked(
    click: dict[str, object], control: Control, ann: int, menu: str
) -> None:
    action = Click(ann, menu, **click)  # type: ignore[arg-type] # cases as data

    with pytest.raises(ButtonNotShownError, match=r"'a1'.*forge sends any payload"):
        await control.act(action)

    assert (await control.position()).queued == ()


async def test_a_message_button_speaks_for_the_user(
    control: Control, ann: int, menu: str
) -> None:
    await control.click(ann, menu, text="Hi")

    entry = (await control.log())[-1]
    assert (entry.kind, entry.text) == ("said", "Hi")


async def test_a_forged_click_carries_any_payload(
    control: Control, ann: int, menu: str
) -> None:
    forged = await control.forge(ann, menu, "evil")

    (queued,) = (await control.position()).queued
    assert (queued.update_type, queued.text) == ("message_callback", "evil")
    assert queued.callback_id == forged.callback_id
    assert queued.message_id == menu


async def test_many_actions_happen_at_once_and_in_order(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    outcomes = await control.act(*[Say(ann, str(n)) for n in range(100)])

    async with bot.get("/updates") as response:
        updates = (await response.json())["updates"]
    texts = [update["message"]["body"]["text"] for update in updates]
    positions = [outcome.positions[0] for outcome in outcomes]
    assert texts == [str(n) for n in range(100)]
    assert positions == list(range(positions[0], positions[0] + 100))


async def test_when_one_of_many_actions_is_refused_none_happens(
    control: Control, ann: int
) -> None:
    before = await control.position()

    with pytest.raises(SandboxRefusalError):
        await control.act(AddUser("Bob", 7), Say(ann, "x"), Inject({}), Say(5, "y"))

    assert await control.position() == before
    assert await control.log() == []
    assert await control.add_user("Bob", 7) == 7


async def test_anything_may_be_injected(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    strange: dict[str, object] = {"update_type": None, "x": [1, {"y": None}]}
    await control.inject(strange)

    async with bot.get("/updates") as response:
        found = (await response.json())["updates"]

    assert found == [strange]
    (queued,) = (await control.position()).queued
    assert (queued.update_type, queued.text) == (None, None)
    assert [entry.kind for entry in await control.log()] == ["injected"]


async def test_a_duplicate_has_the_same_content_at_a_new_position(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    await control.act(*[Say(ann, text) for text in "abc"])
    async with bot.get("/updates") as response:
        first = await response.json()
    await bot.get("/updates", params={"marker": first["marker"], "timeout": 0})

    again = await control.duplicate(2)

    params = {"marker": first["marker"]}
    async with bot.get("/updates", params=params) as response:
        second = await response.json()
    assert second["updates"] == first["updates"][1:]
    assert again.positions == [first["marker"], first["marker"] + 1]
    assert [e.kind for e in await control.log()][-2:] == ["duplicated"] * 2


async def test_a_chat_shows_its_messages_in_order_with_who_said_what(
    sandbox: Sandbox, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    said = await control.say(ann, "hello")
    link = {"type": "reply", "mid": said.message_id}
    body = {"text": "hi", "link": link}
    await bot.post("/messages", params={"chat_id": said.chat_id or 0}, json=body)

    theirs, ours = await control.messages(said.chat_id or 0)

    assert (theirs.text, theirs.user_id, theirs.is_from_bot) == ("hello", ann, False)
    assert (ours.text, ours.user_id, ours.is_from_bot) == ("hi", sandbox.bot_id, True)
    assert (theirs.reply_to, ours.reply_to) == (None, said.message_id)


async def test_the_log_waits_for_what_comes_next(control: Control, ann: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(control.log(wait=60))
        await control.say(ann, "hello")

    (entry,) = waiting.result()
    assert (entry.seq, entry.kind, entry.text) == (1, "said", "hello")
    assert await control.log(after=1) == []


async def test_the_log_gives_up_after_its_wait(
    control: Control, pass_time: Callable[[float], None]
) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(control.log(wait=5))
        while not waiting.done():
            await control.position()
            pass_time(0.5)

    assert waiting.result() == []


async def test_entries_can_be_followed_from_any_point(
    control: Control, ann: int
) -> None:
    await control.act(*[Say(ann, text) for text in "abc"])
    seen: list[str | None] = []

    async for entry in control.follow(after=1):
        seen.append(entry.text)
        if len(seen) == 2:
            await control.say(ann, "d")
        if len(seen) == 3:
            break

    assert seen == ["b", "c", "d"]


async def test_waiting_for_an_entry_finds_one_that_is_there_or_comes(
    control: Control, ann: int
) -> None:
    await control.say(ann, "one")

    there = await control.wait_for(lambda entry: entry.text == "one")
    async with asyncio.TaskGroup() as tasks:
        coming = tasks.create_task(
            control.wait_for(lambda entry: entry.text == "two", after=there.seq)
        )
        await control.say(ann, "two")

    assert (there.seq, coming.result().seq) == (1, 2)


async def test_waiting_in_vain_lists_what_happened_instead(
    control: Control, ann: int
) -> None:
    await control.act(*[Say(ann, str(n)) for n in range(12)])

    with pytest.raises(LogWaitTimeoutError) as caught:
        await control.wait_for(lambda entry: entry.kind == "edit", timeout=0)

    assert len(caught.value.last) == 10
    assert "text='11'" in caught.value.last[-1]
    assert "text='11'" in str(caught.value)


async def test_a_control_without_a_sandbox_says_where_it_looked() -> None:
    async with Sandbox() as gone:
        url, token = gone.control_url, gone.control_token

    async with Control(url, token) as control:
        with pytest.raises(SandboxUnreachableError, match=url):
            await control.position()


async def test_a_control_at_another_door_says_that_it_is_none(
    sandbox: Sandbox,
) -> None:
    async with Control(sandbox.url, sandbox.token) as control:
        with pytest.raises(SandboxRefusalError, match="no control door"):
            await control.position()


def test_a_full_log_forgets_the_oldest_and_keeps_counting() -> None:
    log = Log(lambda: 0, capacity=4)

    for number in range(10):
        log.add(LogKind.SAID, text=str(number))

    kept = log.after(0, limit=100)
    assert log.last == 10
    assert 2 <= len(kept) <= 4
    assert [entry.seq for entry in kept] == list(range(11 - len(kept), 11))
    assert [entry.text for entry in log.after(9, limit=100)] == ["9"]


async def test_a_sandbox_starts_again_where_it_was() -> None:
    sandbox = Sandbox()
    async with sandbox:
        url = sandbox.url

    async with sandbox:
        assert sandbox.url == url
        assert await sandbox.control().log() == []


@pytest.mark.parametrize(
    "error",
    [
        SandboxRefusalError(400, "bad.text", "why"),
        ButtonNotShownError(400, "button.not.shown", "which"),
        SandboxUnreachableError("http://x", "why"),
        LogWaitTimeoutError(1.5, ("one", "two")),
    ],
)
def test_errors_survive_pickling(error: DuologueError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own bytes

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


async def test_time_in_the_log_follows_the_loop(
    control: Control, ann: int, pass_time: Callable[[float], None]
) -> None:
    await control.say(ann, "one")
    pass_time(3600)
    await control.say(ann, "two")

    one, two = await control.log()

    assert isinstance(one, LogEntry)
    assert 3_600_000 <= two.time - one.time < 3_700_000
