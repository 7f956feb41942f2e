from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox import Control, FaultKind


async def _status(bot: aiohttp.ClientSession, path: str = "/me") -> int:
    async with bot.get(path) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "internal.error"),
        (503, "service.unavailable"),
        (429, "too.many.requests"),
        (403, "access.denied"),
    ],
)
async def test_a_status_fault_answers_with_the_documented_body(
    status: int, code: str, control: Control, bot: aiohttp.ClientSession
) -> None:
    await control.fault(FaultKind.STATUS, status=status, count=1, retry_after=2.5)

    async with bot.get("/me") as response:
        problem = await response.json()

    assert (response.status, problem["code"]) == (status, code)
    assert response.headers["Retry-After"] == "2.5"
    (entry,) = await control.log()
    assert (entry.kind, entry.status, entry.request) == ("fault", status, "GET /me")
    assert await _status(bot) == 200


async def test_a_fault_without_a_retry_after_sends_none(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    await control.fault(FaultKind.STATUS, code="attachment.not.ready", status=400)

    async with bot.get("/me") as response:
        problem = await response.json()

    assert problem["code"] == "attachment.not.ready"
    assert "Retry-After" not in response.headers


async def test_a_fault_may_answer_success_false(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id or 0
    await control.fault(FaultKind.OK_FALSE, method="POST", path="/messages")

    async with bot.post(
        "/messages", params={"chat_id": dialog}, json={"text": "x"}
    ) as response:
        answer = await response.json()

    assert response.status == 200
    assert answer["success"] is False
    assert answer["message"]
    assert await control.messages(dialog) == []


async def test_a_fault_may_answer_garbage(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    await control.fault(FaultKind.GARBAGE)

    async with bot.get("/me") as response:
        text = await response.text()

    assert response.status == 200
    assert text.startswith("<html>")


@pytest.mark.parametrize(("after", "shown"), [(False, 0), (True, 1)])
async def test_a_dropped_connection_leaves_the_bot_without_an_answer(
    after: bool,  # noqa: FBT001 - a case of the test
    shown: int,
    control: Control,
    bot: aiohttp.ClientSession,
    ann: int,
) -> None:
    dialog = (await control.start(ann)).chat_id or 0
    await control.fault(FaultKind.DROP, count=1, after=after)

    with pytest.raises(aiohttp.ClientConnectionError):
        await bot.post("/messages", params={"chat_id": dialog}, json={"text": "x"})

    assert len(await control.messages(dialog)) == shown
    assert [(c.path, c.status) for c in await control.requests()] == [("/messages", 0)]


async def test_a_slow_fault_delays_the_answer_but_not_the_end(
    control: Control, bot: aiohttp.ClientSession, pass_time: Callable[[float], None]
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await control.fault(FaultKind.SLOW, delay=60, count=1)

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_status(bot))
        while not waiting.done():
            await control.position()
            pass_time(5)

    assert waiting.result() == 200
    assert loop.time() - began >= 60


async def test_a_slow_answer_may_come_after_the_message_is_seen(
    control: Control,
    bot: aiohttp.ClientSession,
    ann: int,
    pass_time: Callable[[float], None],
) -> None:
    await control.fault(FaultKind.SLOW, delay=60, after=True)

    async def send() -> None:
        async with bot.post(
            "/messages", params={"user_id": ann}, json={"text": "x"}
        ) as response:
            assert response.status == 200

    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send())
        await control.wait_for(lambda entry: entry.kind == "message")
        answered_before_the_delay = sending.done()
        while not sending.done():
            await control.position()
            pass_time(5)

    assert not answered_before_the_delay


async def test_a_fault_meets_only_what_it_names(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id or 0
    group = await control.add_group("Team", [ann])
    await control.fault(FaultKind.STATUS, method="GET", path="/chats/*", chat_id=dialog)

    assert await _status(bot) == 200
    assert await _status(bot, f"/chats/{group}") == 200
    assert await _status(bot, f"/chats/{dialog}") == 503
    async with bot.post(
        f"/chats/{dialog}/actions", json={"action": "typing_on"}
    ) as response:
        assert response.status == 200


@pytest.mark.parametrize("way", ["chat_id", "user_id", "edit", "answer"])
async def test_a_fault_of_a_chat_knows_it_by_every_address(
    way: str, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    button = {"type": "callback", "text": "A", "payload": "a"}
    keyboard = {"type": "inline_keyboard", "payload": {"buttons": [[button]]}}
    async with bot.post(
        "/messages", params={"user_id": ann}, json={"attachments": [keyboard]}
    ) as response:
        sent = (await response.json())["message"]
    click = await control.click(ann, sent["body"]["mid"], text="A")
    await control.fault(FaultKind.STATUS, chat_id=sent["recipient"]["chat_id"])
    method, path = {
        "chat_id": ("POST", f"/messages?chat_id={click.chat_id}"),
        "user_id": ("POST", f"/messages?user_id={ann}"),
        "edit": ("PUT", f"/messages?message_id={click.message_id}"),
        "answer": ("POST", f"/answers?callback_id={click.callback_id}"),
    }[way]

    async with bot.request(method, path, json={"text": "x"}) as response:
        assert response.status == 503

    assert await _status(bot) == 200


async def test_a_fault_ends_after_its_count_its_time_or_when_cleared(
    control: Control, bot: aiohttp.ClientSession, pass_time: Callable[[float], None]
) -> None:
    await control.fault(FaultKind.STATUS, count=2)
    counted = [await _status(bot) for _ in range(3)]
    await control.fault(FaultKind.STATUS, seconds=10)
    timed = [await _status(bot) for _ in range(3)]
    pass_time(10)
    timed.append(await _status(bot))
    await control.fault(FaultKind.STATUS)
    endless = [await _status(bot) for _ in range(2)]
    await control.clear_faults()
    endless.append(await _status(bot))

    assert counted == [503, 503, 200]
    assert timed == [503, 503, 503, 200]
    assert endless == [503, 503, 200]


async def test_requests_are_counted_by_the_path_the_api_names(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    dialog = (await control.start(ann)).chat_id
    for path in (f"/chats/{dialog}", "/chats/1", "/one", "/two"):
        await _status(bot, path)

    counts = {(c.method, c.path, c.status): c.count for c in await control.requests()}

    assert counts == {
        ("GET", "/chats/{chat_id}", 200): 1,
        ("GET", "/chats/{chat_id}", 404): 1,
        ("GET", "(unknown)", 404): 2,
    }


async def test_a_fault_that_cannot_be_answered_is_refused(control: Control) -> None:
    with pytest.raises(SandboxRefusalError) as caught:
        await control.fault(FaultKind.STATUS, status=42)

    assert caught.value.status == 400
