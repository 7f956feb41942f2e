from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from hypothesis import given, settings, strategies as st

from duologue.transport.sandbox import Control, Inject, NoMarker, Profile, Sandbox

DAY = 24 * 60 * 60


def _numbered(number: int) -> dict[str, object]:
    return {"update_type": "odd" if number % 2 else "even", "number": number}


async def _queue(control: Control, count: int) -> list[int]:
    outcomes = await control.act(*[Inject(_numbered(n)) for n in range(count)])
    return [outcome.positions[0] for outcome in outcomes]


async def test_the_marker_is_the_next_position_and_passing_it_commits(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    positions = await _queue(control, 3)

    async with bot.get("/updates", params={"limit": 2}) as response:
        first = await response.json()
    before = await control.position()
    async with bot.get("/updates", params={"marker": first["marker"]}) as response:
        second = await response.json()
    after = await control.position()

    assert first["updates"] == [_numbered(0), _numbered(1)]
    assert first["marker"] == positions[2]
    assert before.committed == positions[0]
    assert [queued.position for queued in before.queued] == positions
    assert second["updates"] == [_numbered(2)]
    assert after.committed == positions[2]
    assert [queued.position for queued in after.queued] == positions[2:]


async def test_without_a_marker_uncommitted_updates_come_again(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    await _queue(control, 2)

    async with bot.get("/updates") as response:
        first = await response.json()
    async with bot.get("/updates") as response:
        second = await response.json()

    assert first == second
    assert len(first["updates"]) == 2


async def test_an_empty_poll_repeats_its_marker(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    await _queue(control, 1)
    marker = (await control.position()).next

    async with bot.get("/updates", params={"marker": marker, "timeout": 0}) as response:
        empty = await response.json()

    assert empty == {"updates": [], "marker": marker}


async def test_a_marker_from_the_past_brings_nothing_back(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    positions = await _queue(control, 2)
    await bot.get("/updates", params={"marker": positions[1]})

    async with bot.get("/updates", params={"marker": positions[0]}) as response:
        again = await response.json()

    assert again["updates"] == [_numbered(1)]
    assert (await control.position()).committed == positions[1]


async def test_a_marker_from_the_future_loses_nothing(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    ahead = (await control.position()).next + 1000
    params = {"marker": ahead, "timeout": 0}

    async with bot.get("/updates", params=params) as response:
        empty = await response.json()
    await _queue(control, 1)
    async with bot.get("/updates", params={"marker": empty["marker"]}) as response:
        found = await response.json()

    assert found["updates"] == [_numbered(0)]


async def test_types_filter_what_is_given(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    await _queue(control, 5)

    async with bot.get("/updates", params={"types": "odd,other"}) as response:
        found = await response.json()

    assert [update["number"] for update in found["updates"]] == [1, 3]


async def test_last_only_gives_the_newest_update_when_there_is_no_marker() -> None:
    async with (
        Sandbox(limits=False, no_marker=NoMarker.LAST_ONLY) as sandbox,
        aiohttp.ClientSession(
            sandbox.url, headers={"Authorization": sandbox.token}
        ) as bot,
    ):
        positions = await _queue(sandbox.control(), 3)

        async with bot.get("/updates") as response:
            newest = await response.json()
        async with bot.get("/updates", params={"marker": positions[0]}) as response:
            everything = await response.json()

    assert newest["updates"] == [_numbered(2)]
    assert [update["number"] for update in everything["updates"]] == [0, 1, 2]


async def test_positions_of_a_later_run_are_ahead_of_those_of_an_earlier_one() -> None:
    async with Sandbox(limits=False) as first:
        await _queue(first.control(), 100)
        last = (await first.control().position()).next

    async with Sandbox(limits=False) as second:
        assert (await second.control().position()).next > last


async def test_a_poll_holds_until_an_update_comes(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    async def poll() -> int:
        async with bot.get("/updates") as response:
            return len((await response.json())["updates"])

    async with asyncio.TaskGroup() as tasks:
        polls = [tasks.create_task(poll()) for _ in range(2)]
        while (await control.position()).polls < 2:
            pass
        await control.start(ann)

    assert [task.result() for task in polls] == [1, 1]


async def test_a_poll_whose_client_left_is_no_open_poll(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(bot.get("/updates"))
        while not (await control.position()).polls:
            pass

        poll.cancel()
        while (await control.position()).polls:
            pass

    assert poll.cancelled()


@pytest.mark.parametrize("seconds", [1, 30])
async def test_a_poll_ends_after_its_timeout(
    seconds: int,
    control: Control,
    bot: aiohttp.ClientSession,
    pass_time: Callable[[float], None],
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def poll() -> float:
        async with bot.get("/updates", params={"timeout": seconds}) as response:
            assert (await response.json())["updates"] == []
        return loop.time() - began

    async with asyncio.TaskGroup() as tasks:
        held = tasks.create_task(poll())
        while not (await control.position()).polls:
            pass
        while not held.done():
            await control.position()
            pass_time(0.5)

    assert held.result() >= seconds


async def test_the_end_of_the_sandbox_answers_open_polls_at_once() -> None:
    loop = asyncio.get_running_loop()
    async with Sandbox() as sandbox:
        headers = {"Authorization": sandbox.token}
        async with (
            aiohttp.ClientSession(sandbox.url, headers=headers) as bot,
            asyncio.TaskGroup() as tasks,
        ):
            polls = [tasks.create_task(bot.get("/updates")) for _ in range(2)]
            follow = tasks.create_task(sandbox.control().log(wait=30))
            while (await sandbox.control().position()).polls < 2:
                pass
            began = loop.time()
            await sandbox.__aexit__(None, None, None)
            took = loop.time() - began
            answers = [await (await poll).json() for poll in polls]

    assert [answer["updates"] for answer in answers] == [[], []]
    assert follow.result() == []
    assert took < 5


async def test_updates_older_than_a_day_are_forgotten(
    control: Control, bot: aiohttp.ClientSession, pass_time: Callable[[float], None]
) -> None:
    await _queue(control, 2)
    pass_time(DAY - 60)
    await control.inject(_numbered(7))
    pass_time(120)

    async with bot.get("/updates") as response:
        found = await response.json()

    assert found["updates"] == [_numbered(7)]


async def test_the_schema_profile_keeps_updates_and_has_wider_bounds(
    pass_time: Callable[[float], None],
) -> None:
    async with (
        Sandbox(profile=Profile.SCHEMA) as sandbox,
        aiohttp.ClientSession(
            sandbox.url, headers={"Authorization": sandbox.token}
        ) as bot,
    ):
        await _queue(sandbox.control(), 1)
        pass_time(2 * DAY)
        statuses = []
        for _ in range(5):
            async with bot.get(
                "/updates", params={"limit": 1000, "timeout": 90}
            ) as response:
                statuses.append((response.status, (await response.json())["updates"]))

    assert statuses == [(200, [_numbered(0)])] * 5


@pytest.mark.parametrize(
    ("profile", "query"),
    [
        (Profile.LATEST, {"limit": 101}),
        (Profile.LATEST, {"timeout": 31}),
        (Profile.SCHEMA, {"limit": 1001}),
        (Profile.SCHEMA, {"timeout": 91}),
    ],
)
async def test_polls_out_of_bounds_are_refused(
    profile: Profile, query: dict[str, int]
) -> None:
    async with (
        Sandbox(profile=profile) as sandbox,
        aiohttp.ClientSession(
            sandbox.url, headers={"Authorization": sandbox.token}
        ) as bot,
        bot.get("/updates", params=query) as response,
    ):
        problem = await response.json()

    assert (response.status, problem["code"]) == (400, "proto.payload")


@dataclass
class Model:
    """The documented semantics: a list, and how many of it are committed."""

    queued: list[int] = field(default_factory=list)
    committed: int = 0

    def poll(self, marker: int | None, limit: int) -> tuple[list[int], int]:
        if marker is not None:
            self.committed = max(self.committed, marker)
        found = self.queued[self.committed :][:limit]
        return found, self.committed + len(found)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 4)),
        st.tuples(st.just("fresh"), st.integers(1, 4)),
        st.tuples(st.just("forget"), st.integers(1, 4)),
        st.tuples(st.just("repeat"), st.integers(1, 4)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
async def test_polls_follow_the_documented_marker_semantics(
    steps: list[tuple[str, int]],
) -> None:
    model, markers, put = Model(), [0], 0
    async with (
        Sandbox(limits=False) as sandbox,
        aiohttp.ClientSession(
            sandbox.url, headers={"Authorization": sandbox.token}
        ) as bot,
    ):
        control = sandbox.control()
        first = (await control.position()).next
        for step, number in steps:
            if step == "put":
                updates = [_numbered(n) for n in range(put, put + number)]
                await control.act(*map(Inject, updates))
                model.queued += range(put, put + number)
                put += number
                continue
            marker = {"fresh": markers[-1], "forget": None, "repeat": markers[0]}[step]
            params = {"limit": number, "timeout": 0}
            if marker is not None:
                params["marker"] = first + marker
            async with bot.get("/updates", params=params) as response:
                answer = await response.json()
            found, following = model.poll(marker, number)
            assert [update["number"] for update in answer["updates"]] == found
            assert answer["marker"] - first == following
            assert (await control.position()).committed - first == model.committed
            markers = [*markers[-1:], following]
