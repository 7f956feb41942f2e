"""The stream of the page: complete, in order, and resumed where it was left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from duologue.transport.sandbox import Control, NoMarker, Profile, Sandbox
from duologue.transport.sandbox._people._stream import PageFeed
from duologue.transport.sandbox._world._files import Files
from duologue.transport.sandbox._world._log import Log, LogKind
from duologue.transport.sandbox._world._service import Service

Json = dict[str, object]
Event = tuple[str, Json]


class Listener:
    """Reads server-sent events of one connection."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> Event:
        """Give the next event, or the next comment as ("", {})."""
        fields: dict[str, str] = {}
        while line := (await self._response.content.readline()).decode().strip():
            name, _, value = line.partition(": ")
            fields[name] = value
        if "event" not in fields:
            return "", {}
        data: Json = json.loads(fields["data"])
        return fields["event"], data

    async def entry(self) -> Json:
        """Give the next event that is an entry of the log."""
        while True:
            kind, data = await self.next()
            if kind == "entry":
                return data

    async def is_over(self) -> bool:
        return await self._response.content.read() == b""


@asynccontextmanager
async def _listen(sandbox: Sandbox, query: str = "") -> AsyncIterator[Listener]:
    headers = {"Authorization": f"Bearer {sandbox.control_token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{sandbox.control_url}/stream{query}") as response,
    ):
        assert response.content_type == "text/event-stream"
        yield Listener(response)


def _seq(data: Json) -> object:
    entry = data["entry"]
    assert isinstance(entry, dict)
    return entry["seq"]


async def test_it_begins_with_where_it_stands_and_goes_on_with_what_happens(
    sandbox: Sandbox, control: Control, ann: int
) -> None:
    await control.say(ann, "before")

    async with _listen(sandbox) as listener:
        hello = await listener.next()
        state = await listener.next()
        said = await control.say(ann, "behind")
        entry = await listener.entry()

    assert hello[0] == "hello"
    assert (hello[1]["after"], hello[1]["is_fresh"]) == (1, True)
    assert (state[0], state[1]["users"], state[1]["chats"]) == ("state", 2, 1)
    message = entry["message"]
    assert isinstance(message, dict)
    assert message["body"]["mid"] == said.message_id
    assert _seq(entry) == 2


async def test_it_resumes_behind_what_was_seen(
    sandbox: Sandbox, control: Control, ann: int
) -> None:
    async with _listen(sandbox) as listener:
        _, hello = await listener.next()
    for text in ("one", "two", "three"):
        await control.say(ann, text)

    async with _listen(sandbox, f"?after=1&run={hello['run']}") as listener:
        _, again = await listener.next()
        seen = [_seq(await listener.entry()) for _ in range(2)]

    assert again["is_fresh"] is False
    assert seen == [2, 3]


@pytest.mark.parametrize("query", ["?after=1&run=another", "?after=99&run={run}", ""])
async def test_it_begins_afresh_for_who_saw_another_run(
    sandbox: Sandbox, control: Control, ann: int, query: str
) -> None:
    await control.say(ann, "one")
    await control.say(ann, "two")
    async with _listen(sandbox) as listener:
        _, hello = await listener.next()

    async with _listen(sandbox, query.format(run=hello["run"])) as listener:
        _, again = await listener.next()

    assert (again["is_fresh"], again["after"]) == (True, 2)


async def test_it_begins_afresh_when_the_log_has_forgotten_what_was_missed() -> None:
    service = Service(
        "t", Profile.LATEST, no_marker=NoMarker.LAST_ONLY, limits=True, files=Files()
    )
    service.world.log = Log(service.clock.wall, capacity=4)
    for _ in range(5):
        service.world.log.add(LogKind.ACTION)

    behind = [
        after
        for after in range(6)
        if b'"is_fresh": true' in PageFeed(service, after, service.run).news()[0]
    ]

    assert behind == [0, 1]


async def test_a_page_that_reads_too_slowly_begins_afresh() -> None:
    service = Service(
        "t", Profile.LATEST, no_marker=NoMarker.LAST_ONLY, limits=True, files=Files()
    )
    service.world.log = Log(service.clock.wall, capacity=4)
    feed = PageFeed(service, None, None)
    feed.news()
    for _ in range(5):
        service.world.log.add(LogKind.ACTION)

    [hello, state] = feed.news()

    assert b'"after": 5, "is_fresh": true' in hello
    assert state.startswith(b"event: state")


async def test_an_entry_carries_its_message_as_it_is_now(
    sandbox: Sandbox, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    async with bot.post(
        "/messages", params={"user_id": ann}, json={"text": "old"}
    ) as response:
        mid = (await response.json())["message"]["body"]["mid"]
    await bot.put("/messages", params={"message_id": mid}, json={"text": "new"})
    async with _listen(sandbox) as listener:
        _, hello = await listener.next()

    async with _listen(sandbox, f"?after=0&run={hello['run']}") as listener:
        first = await listener.entry()

    message = first["message"]
    assert isinstance(message, dict)
    assert message["body"]["text"] == "new"
    assert (await control.log())[0].text == "old"


async def test_a_quiet_stream_says_that_it_is_there(
    sandbox: Sandbox, pass_time: Callable[[float], None]
) -> None:
    async with _listen(sandbox) as listener:
        await listener.next()
        await listener.next()

        pass_time(11)

        assert await listener.next() == ("", {})


async def test_it_ends_with_the_sandbox() -> None:
    async with Sandbox() as sandbox:
        ending = asyncio.Event()

        async def read() -> bool:
            async with _listen(sandbox) as listener:
                await listener.next()
                await listener.next()
                ending.set()
                return await listener.is_over()

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read())
            await ending.wait()
            await sandbox.__aexit__(None, None, None)

    assert reading.result() is True


async def test_a_click_waits_in_the_message_until_it_is_answered(
    sandbox: Sandbox, control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    button = {"type": "callback", "text": "A", "payload": "a"}
    keyboard = {"type": "inline_keyboard", "payload": {"buttons": [[button]]}}
    body = {"text": "menu", "attachments": [keyboard]}
    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        mid = (await response.json())["message"]["body"]["mid"]

    async with _listen(sandbox) as listener:
        click = await control.click(ann, mid)
        pressed = await listener.entry()
        params = {"callback_id": str(click.callback_id)}
        await bot.post("/answers", params=params, json={"notification": "ok"})
        answered = await listener.entry()

    waiting = [
        message["pending"]
        for message in (pressed["message"], answered["message"])
        if isinstance(message, dict)
    ]
    assert waiting == [[{"user_id": ann, "payload": "a"}], []]


async def test_history_comes_newest_first_in_pages(
    sandbox: Sandbox, control: Control, ann: int
) -> None:
    outcomes = [await control.say(ann, str(number)) for number in range(5)]
    headers = {"Authorization": f"Bearer {sandbox.control_token}"}
    url = f"{sandbox.control_url}/chats/{outcomes[0].chat_id}/history"

    pages = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for before in ({}, {"before": str(outcomes[3].message_id)}, {"limit": "9"}):
            async with session.get(url, params={"limit": "2"} | before) as response:
                page = await response.json()
            texts = [message["body"]["text"] for message in page["messages"]]
            pages.append((texts, page["is_all"]))

    assert pages == [
        (["3", "4"], False),
        (["1", "2"], False),
        (["0", "1", "2", "3", "4"], True),
    ]
