"""Operations as streams of events: resumed, bounded, shared, and ended."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import ClassVar

import aiohttp
import pytest

from duologue import Runtime
from duologue.actors import AsyncOperationResult, Operation, Workers
from duologue.transport._server import serve
from duologue.transport.http import AsyncAction, actions_application
from tests.http.operations.conftest import TOKEN, Client, Wait, events


async def test_a_stream_follows_an_operation_to_its_end(program: Client) -> None:
    begun = await program.start("count", parameters={"rows": 3})
    path = f"/operations/{begun['id']}/events"

    async with program.stream(path) as answer:
        told = [event async for event in events(answer)]
    async with program.stream(path, Last_Event_ID=str(told[-1]["event"])) as again:
        after = again.status
    async with program.stream(path, Last_Event_ID=str(told[1]["event"])) as missed:
        rest = [event async for event in events(missed)]

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert told[0] == {"comment": "retry: 2000"}
    assert [one["text"] for one in told[1:]] == ["row 1", "row 2", "row 3", "row 3"]
    assert (told[-1]["state"], told[-1]["result"]) == ("succeeded", "3 rows")
    revisions = [one["revision"] for one in told[1:]]
    assert revisions == sorted(set(map(int, map(str, revisions))))
    assert told[1]["event"] == f"{told[1]['run']}-{told[1]['revision']}"
    assert after == 204
    assert [one.get("state") for one in rest] == [None, "succeeded"]


async def test_a_stream_is_resumed_behind_what_was_seen(program: Client) -> None:
    begun = await program.start("waiting")
    place = f"/operations/{begun['id']}"
    async with program.stream(place) as answer:  # by Accept
        told = events(answer)
        await anext(told)
        first = await anext(told)
    async with program.stream(place, Last_Event_ID=str(first["event"])) as answer:
        told = events(answer)
        await anext(told)
        await program.ask("DELETE", place)
        *_, second = [event async for event in told]

    assert (first["state"], second["state"]) == ("running", "cancelled")


async def test_what_is_silent_says_so_each_15_seconds(program: Client) -> None:
    begun = await program.start("waiting")
    loop = asyncio.get_running_loop()
    async with program.stream(f"/operations/{begun['id']}/events") as answer:
        told = events(answer)
        await anext(told)
        await anext(told)
        began = loop.time()
        comments = [await anext(told) for _ in range(2)]
        took = loop.time() - began

    assert comments == [{"comment": ":"}] * 2
    assert took == pytest.approx(30, abs=2)


async def test_a_stream_ends_after_an_hour_so_that_its_reader_is_asked_again(
    program: Client,
) -> None:
    begun = await program.start("waiting")
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with program.stream(f"/operations/{begun['id']}/events") as answer:
        told = [event async for event in events(answer)]

    assert loop.time() - began == pytest.approx(3600, abs=30)
    assert [one.get("state") for one in told].count("running") == 1


async def test_there_are_so_many_streams_and_no_more(program: Client) -> None:
    begun = await program.start("waiting")
    path = f"/operations/{begun['id']}/events"
    async with AsyncExitStack() as stack:
        for _ in range(3):
            answer = await stack.enter_async_context(program.stream(path))
            await anext(events(answer))
        refused = await program.get(path)
    await asyncio.sleep(20)  # the browsers have left: a write finds it out
    async with program.stream(path) as answer:
        later = answer.status

    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert later == 200


class Asked:
    """Says how far it is only if somebody asks, as the rocket of m3 does."""

    def __init__(self) -> None:
        self._times = 0

    async def run(self, operation: Operation) -> None:
        await operation.stopping()

    def ping(self) -> AsyncOperationResult:
        self._times += 1
        return AsyncOperationResult(text=f"asked {self._times}")


@pytest.mark.real_time
async def test_a_body_that_wants_to_be_asked_is_asked(runtime: Runtime) -> None:
    class Asking(AsyncAction):
        url = "/asked"
        shortname = "asked"
        worker_cls: ClassVar[object] = Asked

    async with (
        serve(actions_application(runtime, [Asking], token=TOKEN)) as place,
        aiohttp.ClientSession() as http,
    ):
        program = Client(http, place.url, {"Authorization": f"Bearer {TOKEN}"})
        begun = await program.start("asked")
        async with program.stream(f"/operations/{begun['id']}/events") as answer:
            async for event in events(answer):
                if str(event.get("text", "")).startswith("asked"):
                    break

    assert event["text"] == "asked 1"


async def test_many_reports_become_few_events_and_the_last_is_among_them(
    program: Client, workers: Workers
) -> None:
    async def report(operation: Operation) -> str:
        for number in range(1000):
            operation.report(number / 1000, f"{number}")
            await asyncio.sleep(0.001)
        return "done"

    worker = await workers.start(report)
    async with program.stream(f"/operations/{worker.id}/events") as answer:
        told = [event async for event in events(answer)]

    assert len(told) < 20
    assert told[-1]["result"] == "done"


async def test_a_server_that_stops_ends_its_streams(
    runtime: Runtime, program: Client
) -> None:
    worker = await runtime.workers.start(Wait)
    loop = asyncio.get_running_loop()
    door = actions_application(runtime, [], token=TOKEN)
    async with AsyncExitStack() as streams:
        async with serve(door, grace=100) as place:
            client = Client(program.http, place.url, program.headers)
            stream = client.stream(f"/operations/{worker.id}/events")
            told = events(await streams.enter_async_context(stream))
            await anext(told)
            await anext(told)
            began = loop.time()
        took = loop.time() - began
        rest = [event async for event in told]

    assert took < 50
    assert rest == []


async def test_workers_that_stop_end_the_streams_without_an_end_of_the_operation(
    program: Client, runtime: Runtime
) -> None:
    begun = await program.start("count", parameters={"rows": 90})
    async with program.stream(f"/operations/{begun['id']}/events") as answer:
        told = events(answer)
        await anext(told)
        await anext(told)
        await runtime.workers.stop()
        rest = [event async for event in told]

    assert [one["state"] for one in rest if "state" in one] in (
        [],
        ["running"],
        ["cancelling"],
    )


async def test_head_begins_no_stream(program: Client) -> None:
    begun = await program.start("waiting")
    path = f"/operations/{begun['id']}/events"

    answers = [await program.ask("HEAD", path) for _ in range(5)]

    assert {said.status for said in answers} == {200}
