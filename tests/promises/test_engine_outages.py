"""An engine that does not answer: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from duologue import Dispatcher
from duologue.actors import Letter, Mail, MemoryEngine, Opened, Owed, TimedLetter
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    ErrorEvent,
    Settings,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import Command
from duologue.dialogs.widgets.text import Const
from duologue.errors import (
    EngineUnavailableError,
    FencedError,
    NoContextError,
    OutcomeUnknownError,
    SchemaNewerError,
)
from duologue.testing import Method, Playground

AWAY = "it is restarted"
KEY = "dialog/test.1:1:1"


@pytest.fixture(autouse=True)
def kept_in() -> None:
    """Each test names its engine itself."""


class Broken(StatesGroup):
    open = State()


class Unsteady(MemoryEngine):
    """An engine of another process, which is away at times.

    Attributes:
        refusing: The calls whose next time fails before it has an effect.
        forgetting: The calls whose answer is lost the next time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refusing: list[str] = []
        self.forgetting: list[str] = []

    @property
    def durable(self) -> bool:
        return True

    async def enqueue(self, letters: Sequence[Letter]) -> None:
        self._maybe_refuse("enqueue")
        await super().enqueue(letters)
        self._maybe_forget("enqueue")

    async def open(self, key: str) -> Opened | None:
        self._maybe_refuse("open")
        opened = await super().open(key)
        self._maybe_forget("open")
        return opened

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
        self._maybe_refuse("commit")
        following = await super().commit(
            opened,
            snapshot=snapshot,
            outbox=outbox,
            owed=owed,
            timed=timed,
            keep=keep,
        )
        self._maybe_forget("commit")
        return following

    async def fail(
        self,
        opened: Opened,
        *,
        error: str,
        retry: bool,
        snapshot: bytes | None = None,
        owed: Sequence[Owed] = (),
    ) -> None:
        self._maybe_refuse("fail")
        await super().fail(
            opened, error=error, retry=retry, snapshot=snapshot, owed=owed
        )
        self._maybe_forget("fail")

    async def drawn(
        self,
        screen: str,
        done: Sequence[str],
        *,
        letters: Sequence[Letter] = (),
        row: bytes | None = None,
    ) -> None:
        self._maybe_refuse("drawn")
        await super().drawn(screen, done, letters=letters, row=row)

    async def park(self, opened: Opened, schema: int) -> None:
        self._maybe_refuse("park")
        await super().park(opened, schema)

    async def owed(
        self,
        screen: str,
        *,
        new: bool = False,  # noqa: ARG002  # it is asked once
    ) -> tuple[Sequence[Owed], bytes | None]:
        self._maybe_refuse("owed")
        return await super().owed(screen)

    async def read(self, key: str) -> bytes | None:
        self._maybe_refuse("read")
        return await super().read(key)

    def _maybe_refuse(self, call: str) -> None:
        if call in self.refusing:
            self.refusing.remove(call)
            raise EngineUnavailableError(call, AWAY)

    def _maybe_forget(self, call: str) -> None:
        if call in self.forgetting:
            self.forgetting.remove(call)
            raise EngineUnavailableError(call, AWAY)


@pytest.fixture
def engine() -> Unsteady:
    return Unsteady()


@pytest.mark.parametrize("call", ["open", "commit", "drawn"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_call_that_fails_is_made_again(
    dispatcher: Dispatcher, engine: Unsteady, call: str, times: int
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        engine.refusing = [call] * times
        await chat.click(1, "more")
        await asyncio.sleep(10)

        assert engine.refusing == []
        assert chat.screen(1).text == "1 "
        assert engine.dead_letters() == ()


@pytest.mark.parametrize("call", ["open", "commit"])
async def test_a_lost_answer_is_found_out(
    dispatcher: Dispatcher, engine: Unsteady, call: str
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        engine.forgetting = [call]
        receipt = await chat.dialog(1).update({"k": 1})
        await receipt
        await chat.click(1, "more")
        await asyncio.sleep(10)

        assert chat.screen(1).text == "1 k=1"
        assert engine.dead_letters() == ()


async def test_whoever_awaits_a_turn_whose_failure_was_not_noted_is_told_so(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    async def break_down(_: object, __: DialogManager) -> None:
        raise ArithmeticError("no such number")

    window = Window(Const("never seen"), state=Broken.open)
    dispatcher.include_router(Dialog(window, on_start=break_down))
    async with Playground(dispatcher, engine=engine) as chat:
        engine.forgetting = ["fail"]
        receipt = await chat.dialog(1).start(Broken.open)

        with pytest.raises(OutcomeUnknownError):
            await receipt


async def test_a_press_whose_failure_was_not_noted_fails_once_more_and_is_answered(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        engine.refusing = ["fail"]
        await chat.click(1, "fail")
        await asyncio.sleep(10)
        errors = chat.take_errors()

        assert engine.refusing == []
        assert [type(error) for error in errors] == [ArithmeticError]
        assert len(engine.dead_letters()) == 1
        assert chat.screen(1).text == "0 "
        answers = [call for call in chat.bot.calls if call.callback_id is not None]
        assert len(answers) == 1


@pytest.mark.parametrize("lost", [False, True])
async def test_an_error_handler_whose_turn_is_not_noted_tells_the_user_once(
    dispatcher: Dispatcher, engine: Unsteady, *, lost: bool
) -> None:
    async def apologise(event: ErrorEvent) -> None:
        assert isinstance(event.update, Callback)
        await event.bot.send_message(1, "sorry")

    dispatcher.error.register(apologise)
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        (engine.forgetting if lost else engine.refusing).append("commit")
        await chat.click(1, "fail")
        await asyncio.sleep(10)

        sent = [each.text for each in chat.bot.messages(1) if each.user_id is None]
        assert sent.count("sorry") == 1
        assert chat.errors == ()


@pytest.mark.parametrize("lost", [False, True])
async def test_a_call_to_a_closed_dialog_is_refused_though_nobody_noted_it(
    dispatcher: Dispatcher, engine: Unsteady, *, lost: bool
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        (engine.forgetting if lost else engine.refusing).append("commit")
        receipt = await chat.dialog(1).update({"k": 1})

        with pytest.raises((NoContextError, OutcomeUnknownError)):
            await receipt
        await chat.settled()


async def test_a_stop_ends_though_the_engine_does_not_take_back_what_goes_on(
    dispatcher: Dispatcher, engine: Unsteady, gate: asyncio.Event, held: asyncio.Event
) -> None:
    del gate
    async with Playground(dispatcher, engine=engine, drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "hold")
        await held.wait()
        engine.refusing = ["fail"]

    assert engine.refusing == []
    assert engine.waiting() == 1  # for the next run
    assert engine.dead_letters() == ()


async def test_readiness_says_why_and_comes_back(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        conversations = chat.runtime._parts().conversations

        engine.refusing = ["commit"] * 3
        await chat.click(1, "more")
        await asyncio.sleep(1.5)
        during = conversations.problem
        await asyncio.sleep(10)

        assert during == AWAY
        assert conversations.problem is None


@pytest.mark.parametrize("call", ["owed", "read"])
async def test_what_is_owed_is_asked_for_again(
    dispatcher: Dispatcher, engine: Unsteady, call: str
) -> None:
    async with Playground(dispatcher, engine=engine, drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold():
            await chat.click(1, "more")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    engine.refusing = [call, call]
    async with Playground(dispatcher, engine=engine, bot=chat.bot) as after:
        await after.click(1, "more")
        await asyncio.sleep(10)

        assert engine.refusing == []
        assert after.screen(1).text == "2 "


async def test_an_update_that_the_engine_does_not_take_is_refused(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        engine.refusing = ["enqueue"]
        with pytest.raises(EngineUnavailableError, match="may have happened or not"):
            await chat.say(1, "/start")

        await chat.say(1, "/start")
        await chat.settled()

        assert chat.screen(1).text == "0 "


async def test_an_update_that_comes_again_after_a_lost_answer_counts_once(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        [shown] = [m for m in chat.bot.messages(1) if m.user_id is None]
        payload = shown.payload_of("more")
        assert payload is not None
        press = chat.bot.pressed(1, 1, payload, message_id=shown.id)

        engine.forgetting = ["enqueue"]
        with pytest.raises(EngineUnavailableError):
            await chat.deliver(press)
        await chat.deliver(press)
        await asyncio.sleep(10)

        assert chat.screen(1).text == "1 "
        assert len(chat.bot.calls_of(Method.ANSWER)) == 1


async def test_state_of_a_newer_program_waits_for_it(
    dispatcher: Dispatcher, engine: Unsteady, caplog: pytest.LogCaptureFixture
) -> None:
    newer, older = Settings(schema=2), Settings(schema=1)
    async with Playground(dispatcher, engine=engine, settings=newer) as chat:
        await chat.say(1, "/start")
        await chat.settled()

    async with Playground(
        dispatcher, engine=engine, settings=older, bot=chat.bot
    ) as old:
        await old.click(1, "more")
        await asyncio.sleep(10)
        parked, shown = engine.parked(), old.screen(1).text

    async with Playground(
        dispatcher, engine=engine, settings=newer, bot=chat.bot
    ) as new:
        await asyncio.sleep(10)

        assert (parked, shown) == (1, "0 ")
        assert new.screen(1).text == "1 "
        assert engine.parked() == 0
    assert "has schema 2, this program has 1" in caplog.text
    assert SchemaNewerError.__name__ not in caplog.text


async def test_a_command_of_a_newer_program_waits_for_it(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    unknown = Letter(KEY, Mail("odd", b'["tomorrow",1]'))
    async with Playground(dispatcher, engine=engine):
        engine.refusing = ["park"]
        await engine.enqueue([unknown])
        await asyncio.sleep(5)

        assert engine.refusing == []
        assert engine.parked() == 1
        assert engine.dead_letters() == ()
        assert engine.waiting() == 1


async def test_fields_that_this_version_does_not_know_survive(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        engine._snapshots[KEY] = with_field(engine._snapshots[KEY])

    async with Playground(dispatcher, engine=engine, bot=chat.bot) as again:
        await again.click(1, "more")
        await again.settled()

    written = engine._snapshots[KEY]
    assert b'"tomorrow":[1]' in written
    assert b'"n":' in written


def with_field(snapshot: bytes) -> bytes:
    """What a version would write that knows one thing more."""
    return b'{"tomorrow":[1],' + snapshot[1:]


async def test_a_chat_goes_on_whose_handler_met_that_another_key_is_elsewhere(
    dispatcher: Dispatcher, engine: Unsteady
) -> None:
    met: list[str] = []

    @dispatcher.message(Command("total"))
    async def count(_: object, dialog_manager: DialogManager) -> None:
        met.append("total")
        if len(met) == 1:
            raise FencedError("state/Total:test.1")
        await dialog_manager.update({"k": 1})

    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.say(1, "/total")
        await chat.click(1, "more")
        await asyncio.sleep(10)

        assert chat.screen(1).text == "1 k=1"
    assert met == ["total", "total"]
