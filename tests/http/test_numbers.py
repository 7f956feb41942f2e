"""Known traffic changes the numbers by just as much as there was of it."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from pykka import ActorDeadError

from duologue import Dispatcher, Runtime, __version__
from duologue.actors import ActorSystem, AsyncActor
from duologue.dialogs import (
    BgManager,
    BgManagerFactory,
    Bot as BotPort,
    MessageCreated,
    Settings,
    View,
)
from duologue.errors import (
    EngineClosedError,
    ForbiddenError,
    MarkerFileError,
    MessageGoneError,
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    UnauthorizedError,
)
from duologue.messages import Event, Ref, dump, write_event
from duologue.testing import Method, RecordingBot
from duologue.transport import (
    Intake,
    MarkersInMemory,
    MarkerStore,
    Poller,
    PollerSettings,
    Position,
)
from duologue.transport._server import serve
from duologue.transport.http import CATALOGUE, Kind, PrometheusObserver
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, FaultKind, Sandbox
from tests.messages.shop import OrderPaid
from tests.transport.conftest import one_by_one

Numbers: TypeAlias = dict[str, float]


class Place:
    """A runtime in memory or at the sandbox, and what its numbers were before."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        registry: CollectorRegistry,
        *,
        sandbox: Sandbox,
        control: Control,
        folder: Path,
    ) -> None:
        self.dispatcher = dispatcher
        self.registry = registry
        self.sandbox = sandbox
        self.control = control
        self.bot = RecordingBot()
        self.before: Numbers = {}
        self._folder = folder

    @asynccontextmanager
    async def runtime(
        self,
        settings: Settings = Settings(),  # noqa: B008  # it is frozen
    ) -> AsyncIterator[Runtime]:
        """A runtime with the bot in memory."""
        async with Runtime(
            self.dispatcher,
            [self.bot],
            polling=None,
            settings=settings,
            registry=self.registry,
        ) as runtime:
            yield runtime

    @asynccontextmanager
    async def open_shop(self) -> AsyncIterator[Runtime]:
        """A runtime in which user 1 sees the shop; numbers count from then on."""
        async with self.runtime() as runtime:
            await self.say(runtime, "/start")
            await runtime.settled()
            self.mark()
            yield runtime

    @asynccontextmanager
    async def polling(
        self,
        polling: PollerSettings | None = None,
        settings: Settings = Settings(),  # noqa: B008  # it is frozen
    ) -> AsyncIterator[Bot]:
        """A runtime that polls the sandbox; None does not poll."""
        bot = Bot(self.sandbox.token, base_url=self.sandbox.url)
        async with Runtime(
            self.dispatcher,
            [bot],
            polling=polling,
            settings=settings,
            registry=self.registry,
            state_dir=self._folder,
        ):
            yield bot

    async def say(self, runtime: Runtime, text: str) -> Mapping[str, object]:
        raw = self.bot.wrote(1, 1, text)
        await runtime.accept(self.bot, raw)
        return raw

    async def press(self, runtime: Runtime, label: str) -> None:
        """Press a button of what is shown, and wait for all that follows."""
        await self.tap(runtime, label)
        await runtime.settled()

    async def tap(self, runtime: Runtime, label: str) -> None:
        """Press a button of what is shown, and wait for nothing."""
        payload = self.bot.messages(1)[-1].payload_of(label)
        assert payload is not None
        await self.tap_payload(runtime, payload)

    async def tap_payload(self, runtime: Runtime, payload: str) -> None:
        shown = self.bot.messages(1)[-1]
        pressed = self.bot.pressed(1, 1, payload, message_id=shown.id)
        await runtime.accept(self.bot, pressed)

    def dialog(self, runtime: Runtime) -> BgManager:
        return runtime.dialog(self.bot, chat_id=1, user_id=1)

    def mark(self) -> None:
        """Count from here on."""
        self.before = self.numbers()

    def numbers(self) -> Numbers:
        """Every number but the buckets, named `turns_total{outcome="failed"}`."""
        return {
            _name(sample.name, sample.labels): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if not sample.name.endswith("_bucket")
        }

    def changes(self) -> Numbers:
        """What was added to each number since."""
        after = self.numbers()
        added = {
            name: value - self.before.get(name, 0) for name, value in after.items()
        }
        return {name: change for name, change in added.items() if change}


Play: TypeAlias = Callable[[Place], Awaitable[Numbers]]
PLAYS: list[tuple[Play, Numbers]] = []


def changes(expected: Numbers) -> Callable[[Play], Play]:
    """Say which numbers some traffic changes, and by how much.

    Sums, gauges and the lag of the loop are compared only where they are named.
    """

    def note(play: Play) -> Play:
        PLAYS.append((play, expected))
        return play

    return note


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 1,
        'updates_total{bot="test.1",outcome="handled"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'turns_total{dialog="Shop",outcome="committed"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 1,
        'draws_total{bot="test.1",outcome="drawn"}': 1,
        'callbacks_total{bot="test.1",outcome="answered"}': 1,
    }
)
async def one_press(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        await place.press(runtime, "add")
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'updates_total{bot="test.1",outcome="failed"}': 1,
        'turns_total{dialog="Shop",outcome="failed"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 1,
        'handler_errors_total{error="ArithmeticError"}': 1,
        'errors_total{error="ArithmeticError"}': 1,
        'dead_letters_total{reason="failed"}': 1,
        "dead_letter_entries": 1,
        'callbacks_total{bot="test.1",outcome="answered"}': 1,
    }
)
async def a_handler_that_fails(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        await place.press(runtime, "fail")
        return place.changes()


class Clerk(AsyncActor):
    """An actor that the application keeps beside its dialogs."""


@changes({'actor_dead_letters_total{actor="Clerk",reason="stopped"}': 1})
async def a_message_to_an_actor_that_has_stopped(place: Place) -> Numbers:
    async with place.open_shop():
        ref = Clerk.start()
        await ref.stop(block=False)
        with pytest.raises(ActorDeadError):
            ref.tell("late")
        await asyncio.sleep(1)
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'updates_total{bot="test.1",outcome="refused"}': 1,
        'turns_total{dialog="none",outcome="refused"}': 1,
        'turn_duration_seconds_count{dialog="none"}': 1,
        'dead_letters_total{reason="refused"}': 1,
        'callbacks_total{bot="test.1",outcome="answered"}': 1,
    }
)
async def a_press_that_is_forged(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        await place.tap_payload(runtime, f"u{'A' * 22}:add")
        await runtime.settled()
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 2,
        'updates_total{bot="test.1",outcome="unhandled"}': 1,
        'updates_total{bot="test.1",outcome="duplicate"}': 1,
        'enqueue_total{outcome="accepted"}': 2,
        "mailbox_wait_seconds_count": 2,
        'turns_total{dialog="none",outcome="committed"}': 2,
        'turn_duration_seconds_count{dialog="none"}': 2,
        'activations_total{actor="DialogActor"}': 1,
        'passivations_total{actor="DialogActor"}': 1,
    }
)
async def an_update_that_comes_twice(place: Place) -> Numbers:
    async with place.runtime(Settings(idle_after=5)) as runtime:
        place.mark()
        raw = await place.say(runtime, "hello")
        await runtime.accept(place.bot, raw)
        await asyncio.sleep(20)
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 2,
        'updates_total{bot="test.1",outcome="handled"}': 1,
        'enqueue_total{outcome="accepted"}': 2,
        "mailbox_wait_seconds_count": 2,
        "mailbox_wait_seconds_sum": 2,
        'updates_total{bot="test.1",outcome="timeout"}': 1,
        'turns_total{dialog="Shop",outcome="timeout"}': 1,
        'turns_total{dialog="Shop",outcome="committed"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 2,
        'turn_duration_seconds_sum{dialog="Shop"}': 2,
        'handler_errors_total{error="TurnTimeoutError"}': 1,
        'errors_total{error="TurnTimeoutError"}': 1,
        'dead_letters_total{reason="timeout"}': 1,
        'draws_total{bot="test.1",outcome="drawn"}': 1,
        'callbacks_total{bot="test.1",outcome="answered"}': 2,
    }
)
async def a_press_that_waits_behind_one_that_takes_too_long(place: Place) -> Numbers:
    async with place.runtime(Settings(turn_timeout=2)) as runtime:
        await place.say(runtime, "/start")
        await runtime.settled()
        place.mark()
        await place.tap(runtime, "wait")
        await place.press(runtime, "add")
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 1,
        'updates_total{bot="test.1",outcome="failed"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'turns_total{dialog="Shop",outcome="failed"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 1,
        'handler_errors_total{error="UnserialisableDataError"}': 1,
        'errors_total{error="UnserialisableDataError"}': 1,
        'dead_letters_total{reason="failed"}': 1,
        'callbacks_total{bot="test.1",outcome="answered"}': 1,
    }
)
async def a_press_whose_state_cannot_be_kept(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        await place.press(runtime, "spoil")
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 1,
        'updates_total{bot="test.1",outcome="handled"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'turns_total{dialog="Shop",outcome="committed"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 1,
        'callbacks_total{bot="test.1",outcome="deadline"}': 1,
    }
)
async def a_press_that_nobody_answers_in_time(place: Place) -> Numbers:
    able = place.bot.capabilities
    place.bot = RecordingBot(capabilities=replace(able, answer_deadline=1))
    async with place.open_shop() as runtime:
        await place.press(runtime, "wait")
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 1,
        'updates_total{bot="test.1",outcome="handled"}': 1,
        'enqueue_total{outcome="accepted"}': 3,
        "mailbox_wait_seconds_count": 3,
        'turns_total{dialog="Shop",outcome="committed"}': 1,
        'turns_total{dialog="none",outcome="committed"}': 1,
        'turns_total{dialog="none",outcome="refused"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 1,
        'turn_duration_seconds_count{dialog="none"}': 2,
        'draws_total{bot="test.1",outcome="refused"}': 1,
        'callbacks_total{bot="test.1",outcome="failed"}': 1,
        'callbacks_total{bot="test.1",outcome="answered"}': 1,
    }
)
async def a_press_whose_answer_is_forbidden(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        place.bot.fail(ForbiddenError("answer", "no"), method=Method.ANSWER)
        await place.press(runtime, "add")
        return place.changes()


@changes(
    {
        'enqueue_total{outcome="accepted"}': 2,
        "mailbox_wait_seconds_count": 2,
        'turns_total{dialog="Shop",outcome="committed"}': 1,
        'turns_total{dialog="Shop",outcome="discarded"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 2,
        'draws_total{bot="test.1",outcome="drawn"}': 1,
    }
)
async def a_block_in_the_foreground_that_raises(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        dialog = place.dialog(runtime)
        with pytest.raises(LookupError):
            async with dialog.fg():
                raise LookupError
        await (await dialog.update({"k": 1}))
        await runtime.settled()
        return place.changes()


@changes(
    {
        'enqueue_total{outcome="accepted"}': 10,
        "mailbox_wait_seconds_count": 10,
        'turns_total{dialog="Shop",outcome="committed"}': 10,
        'turn_duration_seconds_count{dialog="Shop"}': 10,
        'draws_total{bot="test.1",outcome="drawn"}': 2,
        'draws_total{bot="test.1",outcome="replaced"}': 8,
    }
)
async def ten_views_while_the_messenger_is_slow(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        with place.bot.hold(Method.EDIT) as held:
            for number in range(10):
                await (await place.dialog(runtime).update({"k": number}))
                await held.reached()
        await runtime.settled()
        return place.changes()


@changes(
    {
        'enqueue_total{outcome="accepted"}': 6,
        "mailbox_wait_seconds_count": 6,
        'turns_total{dialog="Shop",outcome="committed"}': 3,
        'turns_total{dialog="none",outcome="committed"}': 2,
        'turns_total{dialog="none",outcome="refused"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 3,
        'turn_duration_seconds_count{dialog="none"}': 3,
        'draws_total{bot="test.1",outcome="limited"}': 1,
        'draws_total{bot="test.1",outcome="unavailable"}': 2,
        'draws_total{bot="test.1",outcome="refused"}': 1,
        'draws_total{bot="test.1",outcome="gone"}': 1,
        'draws_total{bot="test.1",outcome="drawn"}': 2,
    }
)
async def views_that_fail_in_every_way(place: Place) -> Numbers:
    failures: list[list[MessengerError]] = [
        [
            RateLimitedError("edit", "slow down", 1.0),
            MessengerUnavailableError("edit", "HTTP 503"),
            MessengerUnavailableError("edit", "HTTP 503"),
        ],
        [ForbiddenError("edit", "no")],
        [MessageGoneError("edit", "gone")],
    ]
    async with place.open_shop() as runtime:
        for number, errors in enumerate(failures):
            place.bot.fail(*errors, method=Method.EDIT)
            await (await place.dialog(runtime).update({"k": number}))
            await runtime.settled()
        return place.changes()


@changes({'enqueue_total{outcome="refused"}': 1})
async def an_update_after_the_engine_has_closed(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        runtime.engine.close()
        with pytest.raises(EngineClosedError):
            await place.say(runtime, "too late")
        return place.changes()


@changes(
    {
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'turns_total{dialog="none",outcome="committed"}': 1,
        'turn_duration_seconds_count{dialog="none"}': 1,
        "timers_waiting": 1,
    }
)
async def a_call_that_waits_for_its_time(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        later = place.dialog(runtime).schedule(timedelta(days=1))
        await (await later.update()).committed()
        return place.changes()


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        "messages_waiting": 1,
        "messages_unfinished": 1,
        "callbacks_open": 1,
        'actors{actor="DialogActor"}': 1,
    }
)
async def a_press_whose_turn_goes_on(place: Place) -> Numbers:
    async with place.runtime(Settings(idle_after=5)) as runtime:
        await place.say(runtime, "/start")
        await asyncio.sleep(20)
        place.mark()
        await place.tap(runtime, "wait")
        await asyncio.sleep(1)
        return _without(place.changes(), "activations_total")


@changes(
    {
        'updates_received_total{bot="test.1",source="application"}': 2,
        'updates_total{bot="test.1",outcome="handled"}': 2,
        'enqueue_total{outcome="accepted"}': 3,
        "mailbox_wait_seconds_count": 3,
        "mailbox_wait_seconds_sum": 2,  # of the second update; the letter waits for 0
        'turns_total{dialog="none",outcome="committed"}': 2,
        'turn_duration_seconds_count{dialog="none"}': 2,
        'turns_total{dialog="Shop",outcome="committed"}': 1,
        'turn_duration_seconds_count{dialog="Shop"}': 1,
        'draws_total{bot="test.1",outcome="drawn"}': 1,
    }
)
async def a_message_that_a_slow_turn_sends_to_another(place: Place) -> Numbers:
    async def send(message: MessageCreated, bg_factory: BgManagerFactory) -> None:
        if message.text == "first":
            other = bg_factory.bg(user_id=1, chat_id=1)
            _receipt = await other.update({"k": 1})
            await asyncio.sleep(3)

    place.dispatcher.message.register(send)
    async with place.open_shop() as runtime:
        for text in ("first", "second"):
            await runtime.accept(place.bot, place.bot.wrote(2, 2, text))
            await asyncio.sleep(1)
        await runtime.settled()
        return _without(place.changes(), "activations_total")


@changes({"screens_busy": 1, 'enqueue_total{outcome="accepted"}': 1})
async def a_view_on_its_way(place: Place) -> Numbers:
    async with place.open_shop() as runtime:
        with place.bot.hold(Method.EDIT) as held:
            _receipt = await place.dialog(runtime).update({"k": 1})
            await held.reached()
            found = place.changes()
    return _only(found, "screens_busy", "enqueue_total")


@changes({"event_loop_lag_seconds_count": 10})
async def ten_seconds_of_an_idle_loop(place: Place) -> Numbers:
    async with place.open_shop():
        await asyncio.sleep(10)
        return place.changes()


@changes({'problems{reason="messenger_unreachable"}': 1})
async def a_bot_that_is_late(place: Place) -> Numbers:
    await place.control.fault(FaultKind.STATUS, path="/me", status=503)
    late = Bot(place.sandbox.token, base_url=place.sandbox.url)
    async with Runtime(
        place.dispatcher, [place.bot, late], polling=None, registry=place.registry
    ):
        return place.changes()


_INFO = f'engine="MemoryEngine",python="{platform.python_version()}"'


@changes({f'build_info{{{_INFO},version="{__version__}"}}': 1})
async def a_start(place: Place) -> Numbers:
    async with place.runtime():
        return place.changes()


@changes(
    {
        'effects_total{bot="max.777001",method="POST /messages",outcome="ok"}': 1,
        'effects_total{bot="max.777001",method="POST /messages",outcome="429"}': 1,
        'effects_total{bot="max.777001",method="POST /messages",outcome="4xx"}': 1,
        'effects_total{bot="max.777001",method="POST /messages",outcome="5xx"}': 1,
        'effects_total{bot="max.777001",method="POST /messages",outcome="network"}': 1,
        'effects_total{bot="max.777001",method="POST /messages",outcome="invalid"}': 1,
        'effect_duration_seconds_count{bot="max.777001",method="POST /messages"}': 6,
        'effect_retry_after_seconds_count{bot="max.777001"}': 1,
        'effect_retry_after_seconds_sum{bot="max.777001"}': 17,
    }
)
async def calls_that_fail_in_every_way(place: Place) -> Numbers:
    ann = await place.control.add_user("Ann")
    chat = (await place.control.say(ann, "hello")).chat_id
    assert chat is not None
    fault = place.control.fault
    async with place.polling() as bot:
        place.mark()
        await bot.send_now(chat, View("fine"))
        for kind, status in (
            (FaultKind.STATUS, 429),
            (FaultKind.STATUS, 403),
            (FaultKind.STATUS, 503),
            (FaultKind.DROP, 0),
            (FaultKind.GARBAGE, 0),
        ):
            retry = 17 if status == 429 else None
            await fault(kind, status=status or 503, retry_after=retry, count=1)
            with pytest.raises(MessengerError):
                await bot.send_now(chat, View("refused"))
        return place.changes()


@changes(
    {
        'poll_errors_total{bot="max.777001",reason="unavailable"}': 2,
        'poller_pause_seconds_count{bot="max.777001"}': 2,
        'polls_total{bot="max.777001"}': 1,
        'updates_received_total{bot="max.777001",source="poll"}': 3,
        'updates_set_aside_total{bot="max.777001",reason="malformed"}': 1,
        'updates_set_aside_total{bot="max.777001",reason="unknown"}': 1,
        'updates_total{bot="max.777001",outcome="unhandled"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'turns_total{dialog="none",outcome="committed"}': 1,
        'turn_duration_seconds_count{dialog="none"}': 1,
        'activations_total{actor="DialogActor"}': 1,
        'effects_total{bot="max.777001",method="GET /subscriptions",outcome="ok"}': 1,
        'effect_duration_seconds_count{bot="max.777001",method="GET /subscriptions"}': 1,
        # Nothing is open, and Ann is told so.
        'effects_total{bot="max.777001",method="POST /messages",outcome="ok"}': 1,
        'effect_duration_seconds_count{bot="max.777001",method="POST /messages"}': 1,
        'poller_leader{bot="max.777001"}': 1,
        'poller_state{bot="max.777001",state="polling"}': 1,
    }
)
async def polls_of_which_two_fail(place: Place) -> Numbers:
    ann = await place.control.add_user("Ann")
    await place.control.say(ann, "hello")
    await place.control.inject({"update_type": "message_created", "timestamp": "x"})
    await place.control.inject({"update_type": "brand_new"})
    await place.control.fault(FaultKind.STATUS, path="/updates", status=503, count=2)
    async with place.polling(PollerSettings(types=("message_created", "brand_new"))):
        await asyncio.sleep(15)
        return place.changes()


@changes(
    {
        'poll_errors_total{bot="max.777001",reason="rate_limited"}': 1,
        'poller_pausing_seconds{bot="max.777001"}': 17,
        'poller_silence_seconds{bot="max.777001"}': 7,
        'poller_state{bot="max.777001",state="waiting"}': 1,
    }
)
async def a_poller_that_was_told_to_wait(place: Place) -> Numbers:
    await place.control.fault(
        FaultKind.STATUS, path="/updates", status=429, retry_after=17
    )
    async with place.polling(PollerSettings()):
        await asyncio.sleep(7)
        found = place.changes()
    return _without(found, "effects_total", "effect_duration_seconds_count")


@changes(
    {
        'updates_received_total{bot="max.777001",source="poll"}': 1,
        'polls_total{bot="max.777001"}': 1,
        'slow_batches_total{bot="max.777001"}': 1,
        'poller_unfinished_updates{bot="max.777001"}': 1,
        'poller_state{bot="max.777001",state="handling"}': 1,
        'enqueue_total{outcome="accepted"}': 1,
        "mailbox_wait_seconds_count": 1,
        'activations_total{actor="DialogActor"}': 1,
    }
)
async def a_batch_that_takes_long(place: Place) -> Numbers:
    async def hold(_: MessageCreated) -> None:
        await asyncio.sleep(100)

    place.dispatcher.message.register(hold)
    await place.control.say(await place.control.add_user("Ann"), "hello")
    async with place.polling(PollerSettings(), Settings(turn_timeout=200)):
        await asyncio.sleep(40)
        found = place.changes()
    return _without(found, "effects_total", "effect_duration_seconds_count")


@changes(
    {
        'updates_received_total{bot="max.777001",source="poll"}': 1,
        'polls_total{bot="max.777001"}': 1,
        'intake_errors_total{bot="max.777001",reason="other"}': 1,
        'marker_errors_total{bot="max.777001",reason="marker_file"}': 1,
        'poller_pause_seconds_count{bot="max.777001"}': 1,
    }
)
async def an_intake_and_a_disk_that_refuse(place: Place) -> Numbers:
    class FullDisk(MarkersInMemory):
        async def save(self, position: Position) -> None:
            if not position.kept:
                raise MarkerFileError("marker.json", "no space left", "free some")

    refusals = [RuntimeError("full")]

    async def refuse(
        _: BotPort, __: Mapping[str, object], _batch: int | None, /
    ) -> None:
        if refusals:
            raise refusals.pop()

    async with _poller(place, one_by_one(refuse), FullDisk()):
        await asyncio.sleep(10)
        return place.changes()


@changes({'poller_failures_total{bot="max.777001"}': 1})
async def a_token_that_is_taken_away(place: Place) -> Numbers:
    async def take(
        _: BotPort, __: Mapping[str, object], _batch: int | None, /
    ) -> None: ...

    await place.control.fault(FaultKind.STATUS, path="/updates", status=401)
    async with _poller(place, one_by_one(take), MarkersInMemory()) as poller:
        with pytest.raises(UnauthorizedError):
            await poller.wait()
        return place.changes()


@changes(
    {
        'webhook_deliveries_total{bot="max.777001",outcome="safe"}': 2,
        'webhook_deliveries_total{bot="max.777001",outcome="set_aside"}': 1,
        'webhook_deliveries_total{bot="max.777001",outcome="forbidden"}': 1,
        'webhook_answer_seconds_count{bot="max.777001"}': 4,
        'webhook_renewals_total{bot="max.777001"}': 1,
        'webhook_errors_total{bot="max.777001",reason="unavailable"}': 1,
        'updates_received_total{bot="max.777001",source="webhook"}': 2,
        'updates_set_aside_total{bot="max.777001",reason="unknown"}': 1,
    }
)
async def deliveries_and_a_webhook_that_is_dropped(place: Place) -> Numbers:
    bot = Bot(place.sandbox.token, base_url=place.sandbox.url)
    runtime = Runtime(place.dispatcher, [bot], registry=place.registry)
    app, url = web.Application(), ""
    app.add_subapp("/max", runtime.webhook(bot))
    looked_after = Runtime(place.dispatcher, [bot], registry=place.registry)
    looked_after.webhook(bot, url="https://bot.example/max")
    async with serve(app) as door, runtime:
        url = f"{door.url}/max"
        await bot.subscribe(url, secret=bot.own_secret())
        ann = await place.control.add_user("Ann")
        for _ in range(2):
            await place.control.say(ann, "hello")
        await place.control.inject({"update_type": "brand_new"})
        await asyncio.sleep(1)
        await bot.subscribe(url, secret="another")  # noqa: S106  # that is the point
        await place.control.say(ann, "who is there?")
        await asyncio.sleep(1)
        await place.control.drop_webhooks()
        found = place.changes()
    await place.control.fault(FaultKind.STATUS, path="/subscriptions", count=1)
    async with looked_after:
        await asyncio.sleep(60)
        await place.control.drop_webhooks()
        await asyncio.sleep(300)
        found |= place.changes()
    return _only(found, "webhook", "updates_received", "updates_set_aside")


@changes(
    {
        'workers_total{reason="succeeded"}': 1,
        'workers_total{reason="failed"}': 2,
        'worker_states{state="succeeded"}': 1,
        'worker_states{state="failed"}': 2,
    }
)
async def workers_of_which_two_fail(place: Place) -> Numbers:
    async def good() -> None: ...

    async def bad() -> None:
        raise LookupError

    async with place.runtime() as runtime:
        place.mark()
        for body in (good, bad, bad):
            await (await runtime.workers.start(body)).finished()
        await asyncio.sleep(2)
        return place.changes()


@changes(
    {
        'messages_offered_total{outcome="accepted",source="http"}': 1,
        'messages_told_total{outcome="untaken"}': 1,
    }
)
async def a_message_of_another_program_that_no_handler_takes(place: Place) -> Numbers:
    @place.dispatcher.told(OrderPaid, needs_dialog=True)
    async def paid(_: OrderPaid) -> None: ...

    async with place.runtime() as runtime:
        place.mark()
        tag, data = dump(OrderPaid(1))
        to = Ref("dialog", "test.1:1:1")
        event = Event(id="1", source="//shop", type=tag, subject=to, data=data)
        door = runtime.refs(loopback=True, strangers=True)
        async with serve(door) as place_of_it, aiohttp.ClientSession() as http:
            url = f"{place_of_it.url}/v1/actors/{to}/messages"
            kind = {"Content-Type": "application/cloudevents+json"}
            await http.post(url, data=write_event(event), headers=kind)
        await runtime.settled()
        return _only(place.changes(), "messages_told", "messages_offered")


@asynccontextmanager
async def _poller(
    place: Place, intake: Intake, store: MarkerStore
) -> AsyncIterator[Poller]:
    """A poller of the sandbox, in which somebody has said something."""
    await place.control.say(await place.control.add_user("Ann"), "hello")
    observer = PrometheusObserver(place.registry)
    async with AsyncExitStack() as stack:
        bot = Bot(place.sandbox.token, base_url=place.sandbox.url)
        stack.push_async_callback(bot.close)
        await bot.start()
        system = await stack.enter_async_context(ActorSystem())
        stack.enter_context(observer.registered())
        poller = Poller(bot, intake, system=system, store=store, observer=observer)
        stack.push_async_callback(poller.stop, 0)
        poller.start()
        yield poller


def _name(name: str, labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    short = name.removeprefix("duologue_")
    return f"{short}{{{shown}}}" if shown else short


def _metric(name: str) -> str:
    """The name of a metric in the catalogue, from that of one of its numbers."""
    name = name.partition("{")[0]
    for ending in ("_total", "_count", "_sum"):
        name = name.removesuffix(ending)
    return name


def _is_exact(name: str) -> bool:
    metric = CATALOGUE[_metric(name)]
    is_noise = metric.name == "event_loop_lag_seconds" or "_sum" in name
    return metric.kind is not Kind.GAUGE and not is_noise


def _only(found: Numbers, *metrics: str) -> Numbers:
    return {name: found[name] for name in found if name.startswith(metrics)}


def _without(found: Numbers, *metrics: str) -> Numbers:
    return {name: found[name] for name in found if not name.startswith(metrics)}


@pytest.fixture
def place(
    dispatcher: Dispatcher,
    registry: CollectorRegistry,
    sandbox: Sandbox,
    control: Control,
    tmp_path: Path,
) -> Place:
    return Place(
        dispatcher, registry, sandbox=sandbox, control=control, folder=tmp_path
    )


@pytest.mark.parametrize(
    ("play", "expected"), [pytest.param(*play, id=play[0].__name__) for play in PLAYS]
)
async def test_known_traffic_changes_these_numbers_and_no_others(
    place: Place, play: Play, expected: Numbers
) -> None:
    found = await play(place)

    compared = {n: v for n, v in found.items() if n in expected or _is_exact(n)}
    assert compared == pytest.approx(expected)


# The engine in memory has none of these: see tests/engines/test_metrics.py.
OF_ENGINES = {
    "engine_call_seconds",
    "engine_errors",
    "leases",
    "leases_held",
    "oldest_ready_seconds",
    "replicas_short",
    "units_ready",
}


def test_every_metric_of_the_catalogue_changes_with_some_traffic() -> None:
    changed = {_metric(name) for _, expected in PLAYS for name in expected}

    assert changed | OF_ENGINES == set(CATALOGUE)


async def test_what_alerts_watch_is_0_before_it_happens(
    place: Place, registry: CollectorRegistry
) -> None:
    watched = {
        "duologue_dead_letters_total": [{"reason": "failed"}, {"reason": "timeout"}],
        "duologue_slow_batches_total": [{"bot": "max.777001"}],
        "duologue_problems": [{"reason": "poller_silent"}],
    }

    async with place.polling(PollerSettings()):
        found = [
            registry.get_sample_value(name, labels)
            for name, every in watched.items()
            for labels in every
        ]

    # Prometheus sees no increase in a number that begins with 1.
    assert found == [0, 0, 0, 0]
