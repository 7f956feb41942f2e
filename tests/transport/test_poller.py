from __future__ import annotations

import asyncio
import gc
import logging
import math
import random
import weakref
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
from pykka import ActorRegistry

from duologue.actors import ActorSystem, AsyncActorRef
from duologue.actors._time._observe import Counts
from duologue.dialogs import Batch, Bot as BotPort, MessageCreated
from duologue.errors import (
    EngineUnavailableError,
    MarkerFileError,
    UnauthorizedError,
)
from duologue.transport.http._health import is_polling, poller_problem
from duologue.transport.max import Bot
from duologue.transport.polling._handover import Handover
from duologue.transport.polling._markers import (
    MarkerFile,
    MarkersInMemory,
    MarkerStore,
    Position,
)
from duologue.transport.polling._poller import Poller, PollerState
from duologue.transport.polling._steps import PollerSettings
from duologue.transport.sandbox import (
    Control,
    FaultKind,
    LogKind,
    NoMarker,
    Sandbox,
    Say,
)
from tests.transport.conftest import Inbox, one_by_one


async def say(control: Control, *texts: str) -> None:
    user = await control.add_user("Ann")
    await control.act(*(Say(user, text) for text in texts))


async def queued(control: Control) -> list[str | None]:
    return [update.text for update in (await control.position()).queued]


async def refusals(control: Control) -> list[str | None]:
    entries = await control.log()
    return [entry.code for entry in entries if entry.kind is LogKind.REFUSED]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_updates_arrive_in_order_and_are_acknowledged(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await say(control, "one", "two")
    poller = Poller(bot, inbox, system=system)

    poller.start()
    await inbox.has(2)
    await say(control, "three")
    await inbox.has(3)
    await poller.stop()

    assert inbox.taken == ["one", "two", "three"]
    assert await queued(control) == []
    assert await refusals(control) == []


async def test_what_is_not_safe_is_not_acknowledged_and_nothing_else_is_fetched(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    inbox.holds = True
    await say(control, "one", "two")
    poller = Poller(bot, inbox, system=system)

    poller.start()
    await inbox.has(2)
    inbox.held[0].set_result(None)
    await say(control, "three")
    await asyncio.sleep(100)
    before = (list(inbox.taken), await queued(control), poller.state, poller.unfinished)
    inbox.release()
    await inbox.has(3)

    assert before == (
        ["one", "two"],
        ["one", "two", "three"],
        PollerState.HANDLING,
        2,
    )
    assert await queued(control) == ["three"]


async def test_the_marker_covers_only_what_is_safe(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await say(control, "one")
    poller = Poller(bot, inbox, system=system)
    poller.start()
    await inbox.has(1)
    await asyncio.sleep(1)
    before = poller.marker
    inbox.holds = True

    await say(control, "two")
    await inbox.has(2)
    during = poller.marker
    inbox.release()
    await asyncio.sleep(1)

    assert during == before
    assert poller.marker == (await control.position()).next


async def test_a_window_smaller_than_the_limit_bounds_what_is_unfinished(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    inbox.holds = True
    await say(control, *"abcdef")

    Poller(bot, inbox, system=system, settings=PollerSettings(window=2)).start()
    await inbox.has(2)
    await asyncio.sleep(100)

    assert inbox.taken == ["a", "b"]


async def test_a_stop_ends_a_held_poll_at_once(
    bot: Bot, system: ActorSystem, inbox: Inbox
) -> None:
    poller = Poller(bot, inbox, system=system)
    poller.start()
    await asyncio.sleep(1.5)
    state, before = poller.state, now()

    await poller.stop()

    assert state is PollerState.POLLING
    assert now() - before < 1
    assert poller.state is PollerState.STOPPED


async def holding(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    store: MarkerStore | None = None,
) -> Poller:
    """A poller that has handed on one update, which is not finished."""
    inbox.holds = True
    await say(control, "one")
    poller = Poller(bot, inbox, system=system, store=store)
    poller.start()
    await inbox.has(1)
    return poller


@pytest.mark.parametrize("drain", [10, math.inf])
async def test_a_stop_waits_for_what_is_unfinished_and_acknowledges_it(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox, drain: float
) -> None:
    poller = await holding(bot, control, system, inbox)

    async with asyncio.TaskGroup() as group:
        group.create_task(poller.stop(drain=drain))
        await asyncio.sleep(min(drain - 2, 3600))
        state = poller.state
        inbox.release()

    assert state is PollerState.STOPPING
    assert await queued(control) == []


async def test_what_is_unfinished_at_the_deadline_is_delivered_to_the_next_run(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    store = MarkersInMemory()
    poller = await holding(bot, control, system, inbox, store)
    before = now()

    await poller.stop(drain=3)

    assert now() - before == pytest.approx(3)
    assert await queued(control) == ["one"]
    inbox.holds = False
    Poller(bot, inbox, system=system, store=store).start()
    await inbox.has(2)
    assert inbox.taken == ["one", "one"]


async def test_after_a_stop_only_what_was_unfinished_comes_again(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox, tmp_path: Path
) -> None:
    store = MarkerFile(tmp_path / "bot.json")
    first = Poller(bot, inbox, system=system, store=store)
    first.start()
    await say(control, "known")
    await inbox.has(1)
    await asyncio.sleep(2)
    inbox.holds = True
    await say(control, "one", "two", "three")
    await inbox.has(4)
    inbox.held[0].set_result(None)
    inbox.held[2].set_result(None)

    await first.stop(drain=3)
    waiting = await queued(control)
    inbox.holds = False
    second = Poller(bot, inbox, system=system, store=MarkerFile(store.path))
    second.start()
    await say(control, "four")
    await inbox.has(6)
    await second.stop()

    assert waiting == ["one", "two", "three"]
    assert inbox.taken[4:] == ["two", "four"]
    assert await store.load() == Position(second.marker)


async def test_of_a_first_batch_too_only_what_was_unfinished_comes_again(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    store = MarkersInMemory()
    inbox.holds = True
    await say(control, "one", "two")
    poller = Poller(bot, inbox, system=system, store=store)
    poller.start()
    await inbox.has(2)
    inbox.held[0].set_result(None)

    await poller.stop(drain=3)

    kept = [bot.parse(raw) for raw in store.position.kept]
    assert [update.text for update in kept if isinstance(update, MessageCreated)] == [
        "two"
    ]


async def test_what_was_given_up_before_a_stop_comes_again_alone(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    store = MarkersInMemory()
    inbox.holds = True
    await say(control, "one", "two")
    first = Poller(bot, inbox, system=system, store=store)
    first.start()
    await inbox.has(2)
    inbox.held[0].set_result(None)
    inbox.held[1].cancel()

    await first.stop()
    inbox.holds = False
    Poller(bot, inbox, system=system, store=store).start()
    await say(control, "three")
    await inbox.has(4)

    assert inbox.taken == ["one", "two", "two", "three"]


async def test_of_two_stops_the_second_says_how_long_to_wait(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    poller = await holding(bot, control, system, inbox)
    before = now()

    await asyncio.gather(poller.stop(drain=3), poller.stop(drain=10))

    assert now() - before == pytest.approx(10)


async def test_nothing_comes_twice_after_a_clean_stop(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox, tmp_path: Path
) -> None:
    store = MarkerFile(tmp_path / "bot.json")
    await say(control, "one")
    first = Poller(bot, inbox, system=system, store=store)
    first.start()
    await inbox.has(1)
    await first.stop()
    await say(control, "two")

    second = Poller(bot, inbox, system=system, store=store)
    second.start()
    await inbox.has(2)
    await second.stop()

    assert inbox.taken == ["one", "two"]
    assert await store.load() == Position(second.marker)


async def test_a_stop_while_the_messenger_is_down_returns_all_the_same(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await say(control, "one")
    poller = Poller(bot, inbox, system=system)
    poller.start()
    await inbox.has(1)
    await asyncio.sleep(2)
    await control.fault(FaultKind.SLOW, path="/updates", delay=1000)
    before = now()

    await poller.stop()

    assert now() - before < 7
    assert poller.state is PollerState.STOPPED


@pytest.mark.parametrize("reading", NoMarker)
async def test_a_first_batch_survives_a_kill_under_both_readings_of_a_missing_marker(
    reading: NoMarker, inbox: Inbox, tmp_path: Path
) -> None:
    path = tmp_path / "bot.json"
    inbox.holds = True
    async with Sandbox(no_marker=reading) as sandbox:
        bot = Bot(sandbox.token, base_url=sandbox.url)
        await bot.start()
        await say(sandbox.control(), "one")
        async with ActorSystem() as doomed:
            Poller(bot, inbox, system=doomed, store=MarkerFile(path)).start()
            await inbox.has(1)
        await say(sandbox.control(), "two")
        inbox.holds = False

        async with ActorSystem() as system:
            store = MarkerFile(path)
            poller = Poller(bot, inbox, system=system, store=store)
            poller.start()
            await inbox.has(3)
            await poller.stop()

        await bot.close()
    assert inbox.taken == ["one", "one", "two"]
    assert await store.load() == Position(poller.marker)


async def test_an_empty_first_answer_already_brings_a_marker_to_keep(
    bot: Bot, system: ActorSystem, inbox: Inbox
) -> None:
    store = MarkersInMemory()
    poller = Poller(
        bot, inbox, system=system, store=store, settings=PollerSettings(timeout=1)
    )

    poller.start()
    await asyncio.sleep(3)

    assert poller.marker is not None
    assert store.position == Position(poller.marker)


async def test_pending_updates_can_be_skipped(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await say(control, *(f"old {number}" for number in range(250)))
    poller = Poller(
        bot, inbox, system=system, settings=PollerSettings(drop_pending_updates=True)
    )

    poller.start()
    await asyncio.sleep(10)
    await say(control, "new")
    await inbox.has(1)
    await poller.stop()

    assert inbox.taken == ["new"]
    assert await queued(control) == []
    assert await refusals(control) == []


async def test_a_batch_kept_by_a_killed_run_is_skipped_with_the_rest(
    bot: Bot, system: ActorSystem, inbox: Inbox
) -> None:
    store = MarkersInMemory()
    kept: dict[str, object] = {
        "update_type": "message_created",
        "timestamp": 1,
        "message": {
            "recipient": {"chat_id": 1, "chat_type": "dialog"},
            "body": {"mid": "mid.1", "text": "old"},
        },
    }
    store.position = Position(None, (kept,), 5)
    poller = Poller(
        bot,
        inbox,
        system=system,
        store=store,
        settings=PollerSettings(drop_pending_updates=True),
    )

    poller.start()
    await asyncio.sleep(3)

    assert inbox.taken == []
    assert store.position.kept == ()


async def test_a_token_that_is_not_known_ends_the_polling(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await control.fault(FaultKind.STATUS, path="/updates", status=401)
    poller = Poller(bot, inbox, system=system)

    poller.start()
    with pytest.raises(UnauthorizedError):
        await poller.wait()
    await poller.stop()

    assert poller.state is PollerState.FAILED
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_tries_are_spaced_out_by_growing_random_pauses(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await control.fault(FaultKind.STATUS, path="/updates", status=503, count=9)
    await say(control, "at last")
    dice = random.Random(5)  # noqa: S311 - the same on every run
    ceilings = [2, 4, 8, 16, 32, 60, 60, 60, 60]
    expected = sum(dice.uniform(1, ceiling) for ceiling in ceilings)
    observer = Counts()
    poller = Poller(
        bot,
        inbox,
        system=system,
        dice=random.Random(5),  # noqa: S311 - the same on every run
        observer=observer,
    )
    started = now()

    poller.start()
    await inbox.has(1)

    assert now() - started == pytest.approx(expected)
    assert observer.of("poll_errors", "unavailable") == 9


async def test_an_outage_is_told_once_and_its_end_too(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await control.fault(FaultKind.GARBAGE, path="/updates", count=5)
    await say(control, "at last")

    Poller(bot, inbox, system=system).start()
    await inbox.has(1)

    first, last = (record.getMessage() for record in caplog.records)
    assert "GET /updates failed: not a JSON object" in first
    assert "works again after" in last


async def test_a_refused_poll_waits_as_long_as_the_messenger_says(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await control.fault(
        FaultKind.STATUS, path="/updates", status=429, retry_after=17, count=1
    )
    await say(control, "at last")
    poller = Poller(bot, inbox, system=system)
    started = now()

    poller.start()
    await asyncio.sleep(5)
    state = poller.state
    await inbox.has(1)

    assert state is PollerState.WAITING
    assert now() - started == pytest.approx(17)


async def test_a_stop_does_not_wait_for_the_end_of_a_pause(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await control.fault(FaultKind.STATUS, path="/updates", status=503)
    poller = Poller(bot, inbox, system=system)
    poller.start()
    await asyncio.sleep(100)
    before = now()

    await poller.stop()

    assert now() == before


async def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(3):
        await control.inject({"update_type": "message_created", "timestamp": "secret"})
    await control.inject({"update_type": "brand_new", "text": "secret"})
    await say(control, "fine")
    observer = Counts()
    poller = Poller(bot, inbox, system=system, observer=observer)

    poller.start()
    await inbox.has(1)
    await poller.stop()

    assert inbox.taken == ["fine"]
    assert await queued(control) == []
    assert observer.of("updates_set_aside", "malformed") == 3
    assert observer.of("updates_set_aside", "unknown") == 1
    assert len(caplog.records) == 2
    assert "secret" not in caplog.text


async def test_an_intake_that_refuses_is_asked_again_in_the_same_order(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox.refusals = [RuntimeError("full")] * 3
    await say(control, "one", "two")
    observer = Counts()

    Poller(bot, inbox, system=system, observer=observer).start()
    await inbox.has(2)
    await asyncio.sleep(1)

    assert inbox.taken == ["one", "two"]
    assert observer.of("intake_errors") == 3
    assert ["full" in record.getMessage() for record in caplog.records] == [True, False]


async def test_updates_that_were_given_up_are_offered_again(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    inbox.holds = True
    await say(control, "one", "two", "three")
    Poller(bot, inbox, system=system).start()
    await inbox.has(3)

    inbox.held[0].cancel()
    inbox.held[1].set_result(None)
    inbox.held[2].set_exception(RuntimeError("lost"))
    await inbox.has(5)

    assert inbox.taken == ["one", "two", "three", "one", "three"]
    assert await queued(control) == ["one", "two", "three"]


async def test_a_stop_while_updates_are_not_taken_leaves_them_to_the_next_run(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    inbox.refusals = [RuntimeError("full")] * 1000
    await say(control, "one")
    poller = Poller(bot, inbox, system=system)
    poller.start()
    await asyncio.sleep(50)

    await poller.stop()

    assert await queued(control) == ["one"]


async def test_a_stop_does_not_wait_for_updates_that_were_given_up(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    inbox.holds = True
    await say(control, "one")
    poller = Poller(bot, inbox, system=system)
    poller.start()
    await inbox.has(1)

    async with asyncio.TaskGroup() as group:
        group.create_task(poller.stop(drain=100))
        await asyncio.sleep(1)
        inbox.held[0].cancel()
        before = now()

    assert now() == before
    assert await queued(control) == ["one"]


class HandFedBot(Bot):
    """A bot whose polls are answered by hand."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.token, base_url=sandbox.url)
        self.answers: asyncio.Queue[Batch] = asyncio.Queue()
        self.markers: list[int | None] = []

    async def get_updates(
        self,
        *,
        marker: int | None,
        limit: int,  # noqa: ARG002 - as in the port
        timeout: float,  # noqa: ARG002, ASYNC109 - as in the port
        types: Sequence[str] | None,  # noqa: ARG002 - as in the port
    ) -> Batch:
        self.markers.append(marker)
        return await self.answers.get()


@pytest.fixture
async def fed(sandbox: Sandbox) -> AsyncGenerator[HandFedBot, None]:
    bot = HandFedBot(sandbox)
    await bot.start()
    yield bot
    await bot.close()


async def test_the_marker_is_kept_when_an_answer_has_none(
    fed: HandFedBot, system: ActorSystem, inbox: Inbox
) -> None:
    poller = Poller(fed, inbox, system=system)
    poller.start()

    fed.answers.put_nowait(Batch((), 5))
    fed.answers.put_nowait(Batch((), None))
    fed.answers.put_nowait(Batch(({"update_type": "new"},), None))
    fed.answers.put_nowait(Batch((), None))
    await asyncio.sleep(1)

    assert fed.markers == [None, 5, 5, 5, 5]
    assert poller.marker == 5


async def test_without_any_marker_polling_goes_on(
    fed: HandFedBot, system: ActorSystem, inbox: Inbox
) -> None:
    store = MarkersInMemory()
    poller = Poller(fed, inbox, system=system, store=store)
    poller.start()

    fed.answers.put_nowait(Batch(({"update_type": "new"},), None))
    fed.answers.put_nowait(Batch((), None))
    await asyncio.sleep(1)
    await poller.stop()

    assert fed.markers == [None, None, None]
    assert store.position == Position()


async def test_skipping_ends_in_a_chat_that_is_never_quiet(
    fed: HandFedBot, system: ActorSystem, inbox: Inbox
) -> None:
    observer = Counts()
    settings = PollerSettings(drop_pending_updates=True)
    Poller(fed, inbox, system=system, settings=settings, observer=observer).start()
    raw = {"update_type": "new"}

    for marker, count in [(10, 3), (20, 4), (30, 4), (40, 2), (50, 2), (60, 1)]:
        fed.answers.put_nowait(Batch((raw,) * count, marker))
    await asyncio.sleep(1)

    assert fed.markers == [None, 10, 20, 30, 40, 50, 60]
    assert observer.of("updates_received", source="poll") == 3


async def test_an_element_that_is_no_object_is_set_aside(
    fed: HandFedBot, system: ActorSystem, inbox: Inbox
) -> None:
    observer = Counts()
    Poller(fed, inbox, system=system, observer=observer).start()
    odd = cast("Mapping[str, object]", "text")

    fed.answers.put_nowait(Batch((odd, odd), 5))
    await asyncio.sleep(1)

    assert observer.of("updates_set_aside", "malformed") == 2
    assert fed.markers == [None, 5]


async def test_an_answer_that_crosses_a_stop_is_left_to_the_next_run(
    fed: HandFedBot, system: ActorSystem, inbox: Inbox
) -> None:
    poller = Poller(fed, inbox, system=system)
    poller.start()
    fed.answers.put_nowait(Batch((), 5))
    await asyncio.sleep(1)

    stopping = asyncio.gather(poller.stop())
    fed.answers.put_nowait(Batch(({"update_type": "message_created"},), 6))
    await asyncio.sleep(1)
    fed.answers.put_nowait(Batch((), 6))
    await stopping

    assert poller.unfinished == 0
    assert poller.marker == 5
    assert fed.markers == [None, 5, 5]


async def test_a_durable_intake_acknowledges_by_taking(
    bot: Bot, control: Control, system: ActorSystem
) -> None:
    taken: asyncio.Queue[object] = asyncio.Queue()

    async def keep(
        _: BotPort, raw: Mapping[str, object], _batch: int | None, /
    ) -> None:
        await taken.put(raw)

    await say(control, "one")
    poller = Poller(bot, one_by_one(keep), system=system)

    poller.start()
    await taken.get()
    await poller.stop()

    assert await queued(control) == []


async def test_an_intake_that_is_cancelled_from_within_does_not_end_the_polling(
    bot: Bot, control: Control, system: ActorSystem
) -> None:
    calls: asyncio.Queue[None] = asyncio.Queue()

    async def dying(
        _: BotPort, __: Mapping[str, object], _batch: int | None, /
    ) -> None:
        await calls.put(None)
        if calls.qsize() == 1:
            raise asyncio.CancelledError

    await say(control, "one")
    poller = Poller(bot, one_by_one(dying), system=system)

    poller.start()
    await asyncio.sleep(5)

    assert calls.qsize() == 2
    assert poller.state is PollerState.POLLING


async def test_a_batch_that_takes_long_is_reported_once(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox.holds = True
    await say(control, "one")

    Poller(bot, inbox, system=system).start()
    await asyncio.sleep(300)

    assert ["slow handler" in record.getMessage() for record in caplog.records] == [
        True
    ]


async def test_a_batch_is_not_slow_because_the_one_before_it_was(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox.holds = True
    await say(control, "one")
    Poller(bot, inbox, system=system).start()
    await asyncio.sleep(20)
    inbox.held[0].set_result(None)
    await say(control, "two")
    await inbox.has(2)

    await asyncio.sleep(20)

    assert caplog.records == []


async def test_polls_never_exceed_the_rate_under_traffic(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    Poller(bot, inbox, system=system).start()

    for number in range(100):
        await say(control, str(number))
        await asyncio.sleep(0.1)
    await inbox.has(100)

    assert inbox.taken == [str(number) for number in range(100)]
    assert await refusals(control) == []


class BrokenDisk:
    """Loads nothing and takes nothing, as often as it is told to."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.saved: list[Position] = []

    async def load(self) -> Position:
        return Position(marker=1)

    async def save(self, position: Position) -> None:
        if self.failures:
            self.failures -= 1
            raise MarkerFileError("bot.json", "no space left", "make room")
        self.saved.append(position)


async def test_a_marker_that_cannot_be_saved_does_not_stop_the_bot(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = BrokenDisk(failures=2)
    poller = Poller(bot, inbox, system=system, store=disk)
    poller.start()

    for number, text in enumerate(["one", "two", "three"]):
        await say(control, text)
        await inbox.has(number + 1)
    await poller.stop()

    assert disk.saved == [Position(poller.marker)]
    assert await queued(control) == []
    assert len(caplog.records) == 2


async def test_a_marker_that_stays_the_same_is_written_once(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    disk = BrokenDisk(failures=0)
    await say(control, "one")
    settings = PollerSettings(timeout=1)

    Poller(bot, inbox, system=system, store=disk, settings=settings).start()
    await asyncio.sleep(30)

    assert len(disk.saved) == 1


class FullDisk(BrokenDisk):
    """Has never seen a marker."""

    async def load(self) -> Position:
        return Position()


async def test_a_first_batch_is_not_handed_on_before_it_is_on_the_disk(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    disk = FullDisk(failures=3)
    await say(control, "one")

    Poller(bot, inbox, system=system, store=disk).start()
    await asyncio.sleep(1)
    early = list(inbox.taken)
    await inbox.has(1)

    assert early == []
    assert len(disk.saved[0].kept) == 1


class UnsteadyEngine(MarkersInMemory):
    """Is away at the first two calls of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.away = {"load": 2, "save": 2}

    async def load(self) -> Position:
        self._answer("load")
        return await super().load()

    async def save(self, position: Position) -> None:
        self._answer("save")
        await super().save(position)

    def _answer(self, call: str) -> None:
        if self.away[call]:
            self.away[call] -= 1
            raise EngineUnavailableError("poller", "it is restarted")


async def test_an_engine_that_does_not_answer_does_not_end_the_polling(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    store = UnsteadyEngine()
    await say(control, "one")

    poller = Poller(bot, inbox, system=system, store=store)
    poller.start()
    await inbox.has(1)
    await say(control, "two")
    await inbox.has(2)

    assert poller.state is not PollerState.FAILED
    assert store.away == {"load": 0, "save": 0}
    assert inbox.taken == ["one", "two"]


class SlowDisk(FullDisk):
    """Takes its time."""

    async def save(self, position: Position) -> None:
        await asyncio.sleep(5)
        await super().save(position)


async def test_a_batch_that_a_stop_finds_on_its_way_to_the_disk_waits_there(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    disk = SlowDisk(failures=0)
    await say(control, "one")
    poller = Poller(bot, inbox, system=system, store=disk)
    poller.start()
    await asyncio.sleep(2)

    await poller.stop()

    assert inbox.taken == []
    assert [len(position.kept) for position in disk.saved] == [1]
    assert await queued(control) == ["one"]


async def test_a_disk_that_does_not_take_what_is_unfinished_holds_no_stop_up(
    bot: Bot,
    control: Control,
    system: ActorSystem,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox.holds = True
    poller = Poller(bot, inbox, system=system, store=BrokenDisk(failures=1))
    poller.start()
    await say(control, "one")
    await inbox.has(1)
    before = now()

    await poller.stop(drain=3)

    assert now() - before == pytest.approx(3)
    assert await queued(control) == ["one"]
    assert "saving the marker" in caplog.text


async def test_a_damaged_marker_file_ends_the_polling_before_it_begins(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox, tmp_path: Path
) -> None:
    path = tmp_path / "bot.json"
    path.write_bytes(b"{")
    poller = Poller(bot, inbox, system=system, store=MarkerFile(path))

    poller.start()
    with pytest.raises(MarkerFileError):
        await poller.wait()

    assert "/updates" not in [count.path for count in await control.requests()]


async def test_the_end_of_the_system_ends_a_poller_and_its_tasks(
    bot: Bot, inbox: Inbox
) -> None:
    before = asyncio.all_tasks()
    async with ActorSystem() as system:
        poller = Poller(bot, inbox, system=system)
        poller.start()
        await asyncio.sleep(2)

    await poller.wait()
    await poller.stop()

    left = {task for task in asyncio.all_tasks() - before if "Poller" in repr(task)}
    assert left == set()
    assert poller.state is PollerState.STOPPED


async def test_a_poller_whose_actor_is_killed_leaves_nobody_waiting(
    bot: Bot, inbox: Inbox
) -> None:
    before = asyncio.all_tasks()
    async with ActorSystem() as system:
        poller = Poller(bot, inbox, system=system)
        poller.start()
        await asyncio.sleep(2)
        [ref] = ActorRegistry.get_by_class_name("_PollerActor")
        assert isinstance(ref, AsyncActorRef)

        await ref.kill(block=False)
        await poller.wait()
        await poller.stop()

    assert poller.state is PollerState.STOPPED
    left = {task for task in asyncio.all_tasks() - before if "Poller" in repr(task)}
    assert left == set()


async def test_a_system_without_time_to_drain_leaves_nobody_waiting(
    bot: Bot, control: Control
) -> None:
    async def stubborn(
        _: BotPort, __: Mapping[str, object], _batch: int | None, /
    ) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            await asyncio.sleep(50)

    await say(control, "one")
    async with ActorSystem(drain=1) as system:
        poller = Poller(bot, one_by_one(stubborn), system=system)
        poller.start()
        await asyncio.sleep(2)

    await poller.wait()

    assert poller.state is PollerState.STOPPED


async def test_a_stop_does_not_wait_beyond_its_time_for_an_intake_that_goes_on(
    bot: Bot, control: Control, system: ActorSystem
) -> None:
    async def stubborn(
        _: BotPort, __: Mapping[str, object], _batch: int | None, /
    ) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            await asyncio.sleep(50)

    await say(control, "one")
    poller = Poller(bot, one_by_one(stubborn), system=system)
    poller.start()
    await asyncio.sleep(2)
    before = now()

    await poller.stop(drain=3)

    assert now() - before == pytest.approx(3)


class BrokenObserver:
    """Breaks the promise never to raise."""

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:  # noqa: ARG002 - as in the port
        if name == "polls":
            raise RuntimeError("observer")

    def record(self, name: str, value: float, /, **labels: str) -> None:
        """Forget it."""


async def test_a_poller_that_breaks_says_so_to_whoever_waits(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    await say(control, "one")
    poller = Poller(bot, inbox, system=system, observer=BrokenObserver())

    poller.start()
    with pytest.raises(RuntimeError, match="observer"):
        await poller.wait()

    assert poller.state is PollerState.FAILED


async def test_a_poller_that_waits_for_its_place_does_not_poll(
    bot: Bot, system: ActorSystem, inbox: Inbox
) -> None:
    free = asyncio.Event()

    class Held(MarkersInMemory):
        """Another process polls until it is free."""

        async def load(self) -> Position:
            await free.wait()
            return await super().load()

    poller = Poller(bot, inbox, system=system, store=Held())
    since = [poller.polls_since]
    poller.start()
    await asyncio.sleep(200)
    since.append(poller.polls_since)
    waits = poller_problem("max.1", poller, now=now(), since=0.0)
    free.set()
    await asyncio.sleep(1)
    assert is_polling(poller)
    begun, polls = poller.polls_since, poller_problem("b", poller, now=now(), since=0.0)
    await poller.stop()

    assert not is_polling(poller)
    assert since == [None, None]
    assert begun is not None
    assert begun >= 200
    assert waits is polls is None


async def test_a_poller_tells_how_it_is_doing(
    bot: Bot, control: Control, system: ActorSystem, inbox: Inbox
) -> None:
    poller = Poller(bot, inbox, system=system)
    fresh = (poller.state, poller.marker, poller.unfinished, poller.last_success)
    await poller.stop()
    await poller.wait()

    poller.start()
    poller.start()
    starting = poller.state
    await say(control, "one")
    await inbox.has(1)
    answered = poller.last_success
    await poller.stop()

    assert fresh == (PollerState.NEW, None, 0, None)
    assert starting is PollerState.STARTING
    assert answered is not None
    assert inbox.taken == ["one"]


async def test_updates_that_are_safe_are_not_kept_until_the_next_ones_come(
    bot: Bot, inbox: Inbox
) -> None:
    class Raw(dict[str, object]):
        """One that can be watched."""

    update = Raw(update_type="bot_started", timestamp=1, chat_id=1, user={"user_id": 1})
    watch = weakref.ref(update)
    handover = Handover(bot, inbox, Counts())

    await handover.hand_over((update,), 1)
    del update
    gc.collect()

    assert watch() is None
