"""Operations that another process runs, or that an earlier one has run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import (
    ActorSystem,
    Engine,
    MemoryEngine,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.testing import RecordingBot
from duologue.transport._server import serve
from duologue.transport.http import actions_application
from tests.http.operations.conftest import TOKEN, Client, events
from tests.state.test_shared_tasks import Process, Through, program

BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Shared(Workers):
    """Knows of one operation that another process runs.

    Attributes:
        kept: What the other one has kept of it; None when it has forgotten it.
    """

    kept: WorkerSnapshot | None = None

    async def find(
        self,
        id: str,  # noqa: A002 - as of workers
        *,
        owner: str | None = None,
    ) -> WorkerSnapshot:
        if self.kept is not None and id == self.kept.id:
            return self.kept
        return await super().find(id, owner=owner)


async def test_an_operation_of_another_process_is_seen_to_its_end(
    http: aiohttp.ClientSession,
) -> None:
    now = asyncio.get_running_loop().time()
    kept = WorkerSnapshot("a", "count", "", None, now, now, state=WorkerState.RUNNING)
    async with ActorSystem() as system, Shared(system) as workers:
        workers.kept = kept
        async with serve(actions_application(workers, [], token=TOKEN)) as place:
            client = Client(http, place.url, BEARER)
            async with client.stream("/operations/a/events") as answer:
                told = events(answer)
                await anext(told)
                first = await anext(told)
                workers.kept = replace(
                    kept, state=WorkerState.SUCCEEDED, revision=1, result="all"
                )
                rest = [event async for event in told]
            workers.kept = None
            gone = await client.get("/operations/a")

    assert first["state"] == "running"
    assert [one["result"] for one in rest] == ["all"]
    assert gone.status == 410


async def test_a_stream_of_what_another_process_forgets_ends(
    http: aiohttp.ClientSession,
) -> None:
    now = asyncio.get_running_loop().time()
    async with ActorSystem() as system, Shared(system) as workers:
        workers.kept = WorkerSnapshot("a", "count", "", None, now, now)
        async with serve(actions_application(workers, [], token=TOKEN)) as place:
            client = Client(http, place.url, BEARER)
            async with client.stream("/operations/a/events") as answer:
                told = events(answer)
                await anext(told)
                await anext(told)
                workers.kept = None
                rest = [event async for event in told]

    assert rest == []


@pytest.fixture
async def memory() -> AsyncIterator[MemoryEngine]:
    async with MemoryEngine() as engine:
        yield engine


async def test_an_operation_that_another_process_runs_is_stopped_from_here(
    memory: MemoryEngine, http: aiohttp.ClientSession
) -> None:
    there: list[object] = []
    shared = cast("Engine", Through(memory))
    async with (
        Process(shared, program([])).running() as starter,
        Process(shared, program(there)).running() as other,
    ):
        worker = await other.workers.start(other.tasks["count"].given(100))
        await asyncio.sleep(3)
        assert starter.workers.of("") == []
        door = actions_application(starter.workers, [], token=TOKEN)
        async with serve(door) as place:
            client = Client(http, place.url, BEARER)
            path = f"/operations/{worker.id}"
            asked = await client.ask("DELETE", path, {"reason": "enough"})
            ended = await client.until_done(path)

    assert asked.status == 202
    assert (ended["state"], ended["reason"]) == ("cancelled", "enough")
    assert len(there) < 20


@asynccontextmanager
async def started(
    folder: Path, http: aiohttp.ClientSession
) -> AsyncIterator[tuple[Runtime, Client]]:
    """A program with a durable engine, from its start to its end."""
    dispatcher = Dispatcher()

    @dispatcher.task
    async def add(first: int, second: int) -> int:
        return first + second

    runtime = Runtime(
        dispatcher, [RecordingBot()], engine="sqlite", state_dir=folder, polling=None
    )
    async with (
        runtime,
        serve(actions_application(runtime, [add], token=TOKEN)) as place,
    ):
        yield runtime, Client(http, place.url, BEARER)


async def test_one_key_starts_once_also_across_a_restart(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    body = {"name": "add", "parameters": {"first": 1, "second": 2}}
    key = {"Idempotency_Key": "order 7"}
    async with started(tmp_path, http) as (_, program):
        first = await program.ask("POST", "/operations", body, **key)
        await program.get(f"/operations/{first['id']}", Prefer="wait=20")
    async with started(tmp_path, http) as (runtime, program):
        again = await program.ask("POST", "/operations", body, **key)
        async with program.stream(f"/operations/{first['id']}/events") as answer:
            told = [event async for event in events(answer)]
        begun_here = runtime.workers.of("")

    assert (again.status, again["id"], again["result"]) == (200, first["id"], 3)
    assert [one.get("result") for one in told] == [None, 3]
    assert begun_here == []
