"""Virtual time covers whatever waits on a loop, and waits for whatever is real."""

from __future__ import annotations

import asyncio
import threading
import time

import aiohttp
import anyio
import pytest
from aiohttp import web

from duologue.actors import ActorSystem, AsyncActor, Clock, LoopClock
from duologue.actors.testing import VirtualClock, VirtualLoop
from duologue.errors import VirtualDeadlockError

YEAR = 365 * 24 * 3600.0


def test_a_year_passes_in_no_time() -> None:
    clock = VirtualClock()

    async def main() -> float:
        await clock.sleep(YEAR)
        return clock.time()

    began = time.monotonic()

    assert clock.run(main) == pytest.approx(YEAR)
    assert time.monotonic() - began < YEAR


def test_a_coroutine_can_be_run_as_well_as_a_function() -> None:
    async def main() -> str:
        await asyncio.sleep(1)
        return "done"

    assert VirtualClock().run(main()) == "done"


async def test_tests_run_in_virtual_time_by_default() -> None:
    await asyncio.sleep(1_000)

    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    assert LoopClock().time() == pytest.approx(1_000)


@pytest.mark.real_time
async def test_a_marked_test_runs_in_real_time() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)


async def test_timers_fire_in_their_order_and_at_their_time() -> None:
    clock: Clock = LoopClock()
    fired: list[tuple[str, float]] = []

    def fire(name: str) -> None:
        fired.append((name, round(clock.time(), 6)))

    clock.call_later(3, fire, "third")
    clock.call_later(1, fire, "first")
    clock.call_later(2, fire, "never").cancel()
    await clock.sleep(5)

    assert fired == [("first", 1), ("third", 3)]


def test_the_order_of_turns_does_not_depend_on_the_speed_of_the_machine() -> None:
    class Working(AsyncActor):
        def __init__(self, work: int) -> None:
            super().__init__()
            self.work = work

        def on_receive(self, message: object) -> object:
            sum(range(self.work))
            return message

    async def main(work: int) -> list[int]:
        async with ActorSystem() as system:
            ref = system.start(Working, work)
            answers = [ref.ask(number, block=False) for number in range(300)]
            trips = []
            while not answers[-1].is_ready():
                trips.append(sum(answer.is_ready() for answer in answers))
                await asyncio.sleep(0)
            return trips

    fast, slow = VirtualClock().run(main(0)), VirtualClock().run(main(20_000))

    assert fast == slow
    assert len(fast) > 1


async def test_timeouts_and_anyio_follow_the_same_time() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await asyncio.Event().wait()
    with anyio.move_on_after(60) as scope:
        await anyio.sleep(61)
    await anyio.sleep(5)

    assert scope.cancelled_caught
    assert asyncio.get_running_loop().time() == pytest.approx(125)


async def test_time_stands_still_while_a_job_runs() -> None:
    go = threading.Event()
    loop = asyncio.get_running_loop()

    def job() -> float:
        go.wait()
        return loop.time()

    async with asyncio.timeout(5):
        waiting = asyncio.to_thread(job)
        loop.call_soon(go.set)
        during = await waiting

    assert during == 0
    assert loop.time() == 0


async def test_a_far_future_still_has_its_small_steps() -> None:
    await asyncio.sleep(1e9)
    before = asyncio.get_running_loop().time()

    await asyncio.sleep(1e-6)

    assert asyncio.get_running_loop().time() > before


async def test_a_server_and_its_client_talk_in_virtual_time() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response(text="at last")

    application = web.Application()
    application.router.add_get("/", slow)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]

    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{host}:{port}/") as response:
                text = await response.text()
            with pytest.raises(TimeoutError):
                await session.get(
                    f"http://{host}:{port}/", timeout=aiohttp.ClientTimeout(total=30)
                )
    finally:
        await runner.cleanup()

    assert text == "at last"
    assert asyncio.get_running_loop().time() >= 90


def test_a_deadlock_says_who_waits() -> None:
    async def hopeless() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualDeadlockError, match="hopeless"):
        VirtualClock().run(hopeless)


def test_another_thread_may_still_save_a_loop_from_its_deadlock() -> None:
    async def main() -> str:
        saved = asyncio.Event()
        loop = asyncio.get_running_loop()
        rescuer = threading.Thread(target=lambda: loop.call_soon_threadsafe(saved.set))
        loop.call_soon(rescuer.start)
        await saved.wait()
        rescuer.join()
        return "saved"

    assert VirtualClock().run(main) == "saved"
