"""Promises 1 to 3 and 7 for any order of events: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from hypothesis import given, settings, strategies as st

from duologue import Dispatcher
from duologue.actors import MemoryEngine
from duologue.actors.testing import VirtualClock
from duologue.dialogs import (
    Dialog,
    DialogManager,
    MessageCreated,
    Settings,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.input import MessageInput
from duologue.dialogs.widgets.text import Format
from duologue.errors import TurnTimeoutError
from duologue.testing import Playground

USERS = (1, 2, 3)
TURN_TIMEOUT = 30


class Diary(StatesGroup):
    open = State()


@dataclass(slots=True)
class Model:
    """What serial execution would leave behind.

    Attributes:
        log: The entries of messages and foreground blocks, in order.
        keys: The keys of background updates, in order.
        echoes: The entries that turns have sent to their own dialog.
    """

    log: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    echoes: set[str] = field(default_factory=set)


async def write(message: MessageCreated, _: object, manager: DialogManager) -> None:
    """Add the text to the log; what it begins with says how this ends."""
    seen = manager.dialog_data.get("log", [])
    if message.text.startswith("echo"):
        _receipt = await manager.bg().update({message.text: True})
    if message.text.startswith("slow"):
        await asyncio.sleep(TURN_TIMEOUT + 1)
    await asyncio.sleep(len(message.text) / 100)
    manager.dialog_data["log"] = [*seen, message.text]
    if message.text.startswith("fail"):
        _receipt = await manager.bg().update({"echo of a failure": True})
        raise ArithmeticError


async def write_in_a_block(chat: Playground, user: int, text: str) -> None:
    try:
        async with chat.dialog(user).fg() as manager:
            seen = manager.dialog_data.get("log", [])
            await asyncio.sleep(len(text) / 100)
            await manager.update({"log": [*seen, text]})
            if text.startswith("fail"):
                raise ArithmeticError  # noqa: TRY301 - the block is what is tested
    except ArithmeticError:
        assert text.startswith("fail")


class Schedule:
    """Random events for some users, and what they should come to."""

    def __init__(self, chat: Playground, dice: random.Random) -> None:
        self.models = {user: Model() for user in USERS}
        self._chat = chat
        self._dice = dice

    async def play(self, events: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(events):
                await self._event(group, self._dice.choice(USERS), number)
                await asyncio.sleep(self._dice.choice((0, 0, 0, 0.01, 0.1)))

    async def _event(self, group: asyncio.TaskGroup, user: int, number: int) -> None:
        model = self.models[user]
        match self._dice.randrange(6):
            case 0:
                await self._message(user, f"note {number}")
                model.log.append(f"note {number}")
            case 1:
                await self._message(user, f"echo {number}")
                model.log.append(f"echo {number}")
                model.echoes.add(f"echo {number}")
            case 2:
                kind = self._dice.choice(("fail", "fail", "slow"))
                await self._message(user, f"{kind} {number}")
            case 3:
                group.create_task(write_in_a_block(self._chat, user, f"block {number}"))
                model.log.append(f"block {number}")
                await asyncio.sleep(0)
            case 4:
                text = f"fail in a block {number}"
                group.create_task(write_in_a_block(self._chat, user, text))
                await asyncio.sleep(0)
            case _:
                _receipt = await self._chat.dialog(user).update(
                    {f"key {number}": number}
                )
                model.keys.append(f"key {number}")

    async def _message(self, user: int, text: str) -> None:
        await self._chat.say(user, text)
        if self._dice.random() < 0.3:
            await self._chat.deliver(self._chat.updates[-1])


def make_dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    window = Window(Format("{dialog_data}"), MessageInput(write), state=Diary.open)
    dispatcher.include_router(Dialog(window))
    return dispatcher


async def play(seed: int, events: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a reproducible schedule, no secret
    rules = Settings(turn_timeout=TURN_TIMEOUT, foreground_timeout=10_000)
    engine = MemoryEngine(capacity=dice.choice((3, 1000)))
    async with Playground(make_dispatcher(), settings=rules, engine=engine) as chat:
        for user in USERS:
            await (await chat.dialog(user).start(Diary.open))
        schedule = Schedule(chat, dice)
        await schedule.play(events)
        await chat.settled()
        for user, model in schedule.models.items():
            await check(chat, user, model)
        kinds = {type(error) for error in chat.take_errors()}
        assert kinds <= {ArithmeticError, TurnTimeoutError}


async def check(chat: Playground, user: int, model: Model) -> None:
    shown = chat.screen(user).text
    async with chat.dialog(user).fg() as manager:
        data = dict(manager.dialog_data)
    assert shown == str(data)
    assert data.pop("log", []) == model.log
    assert [key for key in data if key.startswith("key")] == model.keys
    assert {key for key in data if not key.startswith("key")} == model.echoes


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), events=st.integers(0, 60))
def test_any_schedule_has_the_effect_of_its_events_one_after_another(
    seed: int, events: int
) -> None:
    VirtualClock().run(play(seed, events))
