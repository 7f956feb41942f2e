"""Several processes of one bot: here several runtimes of one program on one server."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import ClassVar

import pytest

from duologue import Dispatcher
from duologue.actors import Letter, Opened, Owed, TimedLetter
from duologue.actors._engine._local import Mailbox
from duologue.dialogs import BgManager, DialogManager, Message, Sent, StartMode
from duologue.dialogs.routing import Command
from duologue.errors import NoContextError, OutcomeUnknownError
from duologue.state import AsyncState
from duologue.testing import Method, Playground, RecordingBot
from duologue.transport.polling._markers import (
    EngineMarkers,
    MarkerFile,
    Position,
)
from tests.promises.conftest import Counter, make_dispatcher
from tests.servers import RedisServer, TestedEngine, server, valkey_program

pytestmark = pytest.mark.in_memory  # each names its engine itself


class Total(AsyncState, scope="bot"):
    count: int = 0


@pytest.fixture
def address() -> RedisServer:
    return server(valkey_program())


class Programs:
    """Runs programs of one bot on one namespace."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.bot = RecordingBot()
        self._url = url
        self._stack = stack
        self._namespace = token_hex(8)

    def engine(self) -> TestedEngine:
        return TestedEngine(self._url, namespace=self._namespace, shards=2)

    async def run(
        self, dispatcher: Dispatcher, kind: type[TestedEngine] = TestedEngine
    ) -> Playground:
        engine = kind(self._url, namespace=self._namespace, shards=2)
        chat = Playground(dispatcher, engine=engine, bot=self.bot)
        return await self._stack.enter_async_context(chat)


@asynccontextmanager
async def programs_of(address: RedisServer) -> AsyncIterator[Programs]:
    async with AsyncExitStack() as stack:
        yield Programs(address.url, stack)


@pytest.fixture
async def programs(address: RedisServer) -> AsyncIterator[Programs]:
    async with programs_of(address) as running:
        yield running


@pytest.fixture
async def one(programs: Programs) -> Playground:
    """The program that has the chat of user 1, in which the counter is open."""
    chat = await programs.run(make_dispatcher())
    await chat.say(1, "/start")
    await chat.settled()
    return chat


@pytest.fixture
async def two(one: Playground, programs: Programs) -> Playground:
    """Another program of the same bot."""
    del one  # it comes first
    return await programs.run(make_dispatcher())


async def test_a_receipt_tells_of_a_turn_that_another_process_has_run(
    one: Playground, two: Playground
) -> None:
    receipt = await two.dialog(1).update({"by": "two"})

    await receipt
    await receipt.drawn()

    assert one.screen(1).text == "0 by=two"


async def test_a_receipt_raises_what_a_turn_of_another_process_has_raised(
    one: Playground, two: Playground
) -> None:
    _receipt = await one.dialog(1).done()
    await one.settled()

    receipt = await two.dialog(1).update({"by": "two"})

    with pytest.raises(NoContextError):
        await receipt


async def test_fg_works_in_a_chat_that_another_process_has(
    one: Playground, two: Playground
) -> None:
    async with two.dialog(1).fg() as manager:
        manager.dialog_data["n"] = manager.dialog_data.get("n", 0) + 5
        await manager.update({})

    await two.settled()
    assert two.screen(1).text == "5 "
    await one.click(1, "more")
    await one.settled()
    assert one.screen(1).text == "6 "


async def test_a_press_is_answered_whichever_process_has_its_chat(
    one: Playground, two: Playground, programs: Programs
) -> None:
    del one
    await two.click(1, "more")
    await two.settled()

    assert two.screen(1).text == "1 "
    await asyncio.sleep(30)  # nor is it answered once more at a deadline
    answers = [call for call in programs.bot.calls if call.callback_id is not None]
    assert len(answers) == 1


async def test_what_another_process_has_handled_is_waited_for_until_it_says_so(
    one: Playground, two: Playground
) -> None:
    began = asyncio.get_running_loop().time()

    await two.click(1, "more")
    await two.settled()

    assert asyncio.get_running_loop().time() - began < 5
    assert one.screen(1).text == "1 "


async def test_an_update_of_whose_end_no_process_tells_is_not_waited_for_for_ever(
    one: Playground, two: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one.engine, "tell", lambda *_: None)
    began = asyncio.get_running_loop().time()

    await two.click(1, "more")
    async with asyncio.timeout(100):
        await two.settled()

    waited = asyncio.get_running_loop().time() - began
    assert 60 < waited < 80
    assert one.screen(1).text == "1 "


async def test_presses_that_come_by_two_processes_count_all(
    one: Playground, two: Playground
) -> None:
    for number in range(10):
        await (one, two)[number % 2].click(1, "more")
    await one.settled()
    await two.settled()

    assert one.screen(1).text == "10 "


async def test_a_state_is_the_same_in_all_processes(programs: Programs) -> None:
    async def add(_: object, manager: DialogManager, total: Total) -> None:
        del manager
        await total.incr("count")

    seen: list[int] = []

    async def tell(_: object, manager: DialogManager, total: Total) -> None:
        del manager
        seen.append(await total.get("count"))

    def dispatcher() -> Dispatcher:
        made = make_dispatcher()
        made.message.register(add, Command("add"))
        made.message.register(tell, Command("total"))
        return made

    dispatchers = [dispatcher(), dispatcher()]
    first, second = [await programs.run(each) for each in dispatchers]
    for number in range(10):
        await (first, second)[number % 2].say(number % 3 + 1, "/add")
    await first.settled()
    await second.settled()

    await first.say(1, "/total")
    await first.settled()
    assert seen == [10]

    totals = [
        Total.of(bot=programs.bot, states=each.states)
        for each in dispatchers
        if each.states is not None
    ]
    async with asyncio.TaskGroup() as group:
        for total in totals * 10:
            group.create_task(total.incr("count"))
    assert [await total.get("count") for total in totals] == [30, 30]


async def test_one_process_polls_and_another_takes_its_place(
    programs: Programs, tmp_path: Path
) -> None:
    file = MarkerFile(tmp_path / "marker.json")
    async with programs.engine() as first, programs.engine() as second:
        leader, other = (
            EngineMarkers(engine, "poller/max-1", file) for engine in (first, second)
        )
        await leader.load()
        await leader.save(Position(7))
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(other.load())
            await asyncio.sleep(60)
            was_waiting = not waiting.done()
            await leader.release()

        assert was_waiting
        assert waiting.result() == Position(7)
        await other.release()


async def test_another_process_polls_nine_seconds_after_one_was_killed(
    programs: Programs, tmp_path: Path
) -> None:
    file = MarkerFile(tmp_path / "marker.json")
    async with programs.engine() as first, programs.engine() as second:
        leader, other = (
            EngineMarkers(engine, "poller/max-1", file) for engine in (first, second)
        )
        await leader.load()
        await leader.save(Position(7))
        leader._let_renewal_end()  # as a kill does

        async with asyncio.timeout(9):
            position = await other.load()

        assert position == Position(7)
        await other.release()


async def test_a_window_that_a_process_sends_too_late_is_taken_back(
    one: Playground, programs: Programs
) -> None:
    engine = one.engine
    assert isinstance(engine, TestedEngine)
    with programs.bot.hold(Method.SEND):
        await one.say(1, "/start")  # a new window is on its way
        await asyncio.sleep(1)
        (unit,) = engine._units.values()
        engine._lose(unit)  # as if another process had the chat by now
    await asyncio.sleep(120)
    await one.settled()

    deleted = [
        call.message_id
        for call in programs.bot.calls
        if call.method is Method.DELETE and call.error is None
    ]
    sent = [
        call.message_id for call in programs.bot.calls if call.method is Method.SEND
    ]
    assert deleted == [sent[-2]]  # the last one is of whoever has the chat
    assert one.screen(1).text == "0 "
    assert one.runtime._parts().conversations.load()["screens_busy"] == 0


async def test_a_window_that_comes_when_its_process_has_the_chat_again_is_taken_back(
    one: Playground, programs: Programs
) -> None:
    engine = one.engine
    assert isinstance(engine, TestedEngine)
    with programs.bot.hold(Method.SEND):
        await one.say(1, "/start")  # a new window is on its way
        await asyncio.sleep(1)
        (unit,) = engine._units.values()
        engine._lose(unit)
        await asyncio.sleep(120)  # nobody else wants it
        assert list(engine._units) == [unit.place.member]
    await asyncio.sleep(120)
    await one.settled()

    deleted = [
        call.message_id
        for call in programs.bot.calls
        if call.method is Method.DELETE and call.error is None
    ]
    sent = [
        call.message_id for call in programs.bot.calls if call.method is Method.SEND
    ]
    assert deleted == [sent[-2]]
    assert one.screen(1).text == "0 "


async def test_views_beside_the_first_stay_in_order_where_a_process_was_away(
    programs: Programs,
) -> None:
    dispatcher = make_dispatcher()
    opened: list[BgManager] = []

    async def open_aside(_: Message, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Counter.showing, mode=StartMode.NEW_STACK)
        opened.append(dialog_manager.bg())

    dispatcher.message.register(open_aside, Command("aside"))
    chat = await programs.run(dispatcher)
    engine = chat.engine
    assert isinstance(engine, TestedEngine)
    await chat.say(1, "/aside")
    await chat.settled()
    late = programs.bot.hold(Method.EDIT)
    _receipt = await opened[0].update({"n": 1})
    await late.reached()
    with programs.bot.hold(Method.EDIT) as again:
        (unit,) = engine._units.values()
        engine._read_anew(unit)  # the chat is lost, and here again
        await late.reached(2)  # what is owed is drawn once more
        late.release()
        await again.reached()
        _receipt = await opened[0].update({"n": 2})
        await asyncio.sleep(5)
        assert len(again.calls) == 1  # the newer view waits for the one before
    await chat.settled()

    assert chat.screen(1).text == "2 "
    assert chat.runtime._parts().conversations.load()["screens_busy"] == 0


async def test_what_is_owed_to_another_chat_is_sent_though_that_of_its_sender_is_lost(
    programs: Programs,
) -> None:
    dispatcher = make_dispatcher()

    async def cast(message: Message) -> None:
        assert message.bot is not None
        for text in ("first", "second"):
            await message.bot.send_message(9, text)

    dispatcher.message.register(cast, Command("cast"))
    one = await programs.run(dispatcher)
    engine = one.engine
    assert isinstance(engine, TestedEngine)
    with programs.bot.hold(Method.SEND):
        await one.say(1, "/cast")
        await asyncio.sleep(1)
        units = engine._units.values()
        unit = next(each for each in units if each.place.unit.endswith(":1"))
        engine._lose(unit)
        await asyncio.sleep(1)
    await asyncio.sleep(120)
    await one.settled()

    sent = [
        call.view.text
        for call in programs.bot.calls
        if call.method is Method.SEND and call.view is not None
    ]
    assert sent[-1] == "second"


async def test_a_message_to_a_chat_of_another_process_tells_its_id_to_a_later_turn_only(
    programs: Programs,
) -> None:
    handles: list[Sent] = []
    ids: list[str] = []

    def dispatcher() -> Dispatcher:
        made = make_dispatcher()

        async def cast(message: Message, dialog_manager: DialogManager) -> None:
            assert message.bot is not None
            handle = await message.bot.send_message(9, "news")
            handles.append(handle)
            dialog_manager.dialog_data["handle"] = handle

        async def recall(_: Message, dialog_manager: DialogManager) -> None:
            ids.append(dialog_manager.dialog_data["handle"].id)

        made.message.register(cast, Command("cast"))
        made.message.register(recall, Command("recall"))
        return made

    one, two = await programs.run(dispatcher()), await programs.run(dispatcher())
    await two.say(9, "/start")
    await one.say(1, "/start")
    await two.settled()
    await one.settled()
    await two.say(9, "hello")  # it keeps the chat
    await one.say(1, "/cast")
    await one.settled()

    with pytest.raises(OutcomeUnknownError):
        await handles[0].drawn()
    await asyncio.sleep(30)
    await one.say(1, "/recall")
    await one.settled()
    shown = [each for each in programs.bot.messages(9) if each.text == "news"]
    assert [each.id for each in shown] == ids


class _Committing(TestedEngine):
    """Has something happen behind each commit, before the runtime hears of it."""

    async def commit(
        self,
        opened: Opened,
        *,
        snapshot: bytes | None,
        outbox: Sequence[Letter] = (),
        owed: Sequence[Owed] = (),
        timed: Sequence[TimedLetter] = (),
        keep: bool = False,
    ) -> Opened | None:
        following = await super().commit(
            opened,
            snapshot=snapshot,
            outbox=outbox,
            owed=owed,
            timed=timed,
            keep=keep,
        )
        await self.committed(opened.key, following)
        return following

    @abstractmethod
    async def committed(self, key: str, following: Opened | None) -> None:
        """A turn of this key is committed, and perhaps the next one has begun."""


class _Hasty(_Committing):
    """Loses a chat behind a commit that has begun the next turn, and has it again."""

    is_to_lose = False

    async def committed(self, key: str, following: Opened | None) -> None:
        if following is not None and self.is_to_lose:
            self.is_to_lose = False
            before = self._unit(key)
            assert before is not None
            self._read_anew(before)
            while self._unit(key) is None:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)


async def test_a_chat_goes_on_that_was_lost_when_its_next_turn_had_begun(
    address: RedisServer,
) -> None:
    engine = _Hasty(address.url, namespace=token_hex(8), shards=1)
    async with Playground(make_dispatcher(), engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        engine.is_to_lose = True
        for number in range(5):
            _receipt = await chat.dialog(1).update({f"k{number}": number})
        async with asyncio.timeout(10):
            while engine.is_to_lose or engine.waiting():  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)


class _Slow(TestedEngine):
    """Loses a chat while it tells what is owed there, and has it again."""

    is_to_lose = True

    async def owed(
        self, screen: str, *, new: bool = False
    ) -> tuple[Sequence[Owed], bytes | None]:
        found = await super().owed(screen, new=new)
        if self.is_to_lose:
            self.is_to_lose = False
            before = self._unit(screen)
            assert before is not None
            self._read_anew(before)
            while self._unit(screen) is None:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        return found


async def test_what_was_owed_before_a_chat_was_lost_is_not_drawn_when_it_is_here_again(
    address: RedisServer,
) -> None:
    namespace, dispatcher, bot = token_hex(8), make_dispatcher(), RecordingBot()
    engine = TestedEngine(address.url, namespace=namespace, shards=1)
    async with Playground(dispatcher, engine=engine, bot=bot, drain=0) as chat:
        with bot.hold(Method.SEND):
            await chat.say(1, "/start")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    engine = _Slow(address.url, namespace=namespace, shards=1)
    async with Playground(dispatcher, engine=engine, bot=bot) as chat:
        async with asyncio.timeout(300):
            while not bot.calls_of(Method.SEND)[1:]:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.1)
        await chat.settled()

        assert [message.text for message in chat.messages(1) if message.keyboard] == [
            "0 "
        ]


class _Leaving(TestedEngine):
    """Lets one chat go, as one that rests, while it tells what is owed to another."""

    is_to_leave = True
    of_others: ClassVar[list[str]] = []

    async def owed(
        self, screen: str, *, new: bool = False
    ) -> tuple[Sequence[Owed], bytes | None]:
        if self.is_to_leave:
            self.is_to_leave = False
            others = self._units.keys() - {self._place(screen).member}
            for other in others:
                await self._let_go(self._units[other], only_empty=False)
        elif not self.mine(screen):
            self.of_others.append(screen)
        return await super().owed(screen, new=new)


async def test_what_is_owed_to_a_chat_that_was_let_go_is_drawn_by_who_has_it_next(
    address: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duologue.dialogs._turns._recovery._AT_ONCE", 1)
    namespace, dispatcher, bot = token_hex(8), make_dispatcher(), RecordingBot()
    engine = TestedEngine(address.url, namespace=namespace, shards=1)
    async with Playground(dispatcher, engine=engine, bot=bot, drain=0) as chat:
        with bot.hold(Method.SEND):
            for user in (1, 2):
                await chat.say(user, "/start")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)
    before = len(bot.calls_of(Method.SEND))

    engine = _Leaving(address.url, namespace=namespace, shards=1)
    async with Playground(dispatcher, engine=engine, bot=bot) as chat:
        await asyncio.sleep(300)
        await chat.settled()

    assert engine.of_others == []
    assert len(bot.calls_of(Method.SEND)) == before + 2


class _Late(_Committing):
    """Loses a chat behind a commit, and hears of the commit only later."""

    late: asyncio.Event | None = None

    def _sweep(self, shard: int) -> bool:
        return self.late is not None or super()._sweep(shard)

    async def committed(self, key: str, following: Opened | None) -> None:
        del following
        if self.late is not None:
            unit = self._unit(key)
            assert unit is not None
            self._lose(unit)
            await self._let_go(unit, only_empty=False)  # another one has it at once
            await self.late.wait()


async def test_a_process_that_hears_of_its_commit_late_does_not_draw_over_who_has_the_chat(
    programs: Programs,
) -> None:
    one = await programs.run(make_dispatcher(), _Late)
    await one.say(1, "/start")
    await one.settled()
    two = await programs.run(make_dispatcher())

    engine = one.engine
    assert isinstance(engine, _Late)
    engine.late = late = asyncio.Event()
    first = await one.dialog(1).update({"a": 1})

    async def see() -> None:
        with pytest.raises(OutcomeUnknownError):
            await first.drawn()

    async with asyncio.TaskGroup() as group:
        group.create_task(see())
        await asyncio.sleep(30)
        second = await two.dialog(1).update({"b": 2})
        await second.drawn()
        late.set()
    await asyncio.sleep(30)

    edits = [
        call.view and call.view.text for call in programs.bot.calls_of(Method.EDIT)
    ]
    assert edits == ["0 a=1", "0 a=1 b=2"]


class _Crowded(TestedEngine):
    """Lets a chat go whose last drawing its state has not heard of yet, as for others."""

    is_crowded = False

    def _sweep(self, shard: int) -> bool:
        return self.is_crowded or super()._sweep(shard)

    def _release(self, key: str, box: Mailbox) -> None:
        self._left_over = self.is_crowded and bool(box.mail)
        super()._release(key, box)
        self._left_over = False


async def test_a_chat_that_is_let_go_for_others_is_drawn_on_its_newest_message_afterwards(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that it is let go soon.
    monkeypatch.setattr("duologue.dialogs._turns._runner._BATCH", 1)
    dispatcher, gate = make_dispatcher(), asyncio.Event()

    async def wait(_: Message) -> None:
        await gate.wait()

    dispatcher.message.register(wait, Command("wait"))
    one = await programs.run(dispatcher, _Crowded)
    engine = one.engine
    assert isinstance(engine, _Crowded)
    with programs.bot.hold(Method.SEND) as held:
        await one.say(1, "/start")
        await held.reached()
        _said = await one.dialog(1).update({"a": 1})
        await one.say(1, "/wait")
        await asyncio.sleep(1)
    two = await programs.run(make_dispatcher())
    await asyncio.sleep(1)
    engine.is_crowded = True
    gate.set()
    await asyncio.sleep(120)
    await two.say(1, "/start")
    await asyncio.sleep(120)
    engine.is_crowded = False
    third = await one.dialog(1).update({"c": 3})
    await third.drawn()

    newest = programs.bot.calls_of(Method.SEND)[-1].message_id
    assert programs.bot.calls_of(Method.EDIT)[-1].message_id == newest
    assert one.runtime._parts().conversations.load()["screens_busy"] == 0


async def test_a_chat_that_rested_while_buttons_were_taken_off_is_drawn_on_its_newest_message(
    programs: Programs,
) -> None:
    one = await programs.run(make_dispatcher(), _Crowded)
    engine = one.engine
    assert isinstance(engine, _Crowded)
    await one.say(1, "/start")
    await one.settled()
    two = await programs.run(make_dispatcher(), _Crowded)
    other = two.engine
    assert isinstance(other, _Crowded)
    with programs.bot.hold(Method.REMOVE_KEYBOARD):
        # The first window loses its buttons: that takes long.
        await one.say(1, "/start")
        await asyncio.sleep(30)  # the chat rests
        engine.is_crowded = True
        await two.say(1, "/start")
        await asyncio.sleep(120)
        engine.is_crowded, other.is_crowded = False, True
        receipt = await one.dialog(1).update({"a": 1})
        await asyncio.sleep(50)
    await receipt.drawn()

    newest = programs.bot.calls_of(Method.SEND)[-1].message_id
    assert programs.bot.calls_of(Method.EDIT)[-1].message_id == newest
