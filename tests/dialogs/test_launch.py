"""Launch modes and start modes: what happens to dialogs that are open."""

from __future__ import annotations

import pytest

from duologue.dialogs import (
    Dialog,
    Dispatcher,
    LaunchMode,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.errors import DialogStackOverflowError, LaunchModeError
from duologue.testing import Playground


class Plain(StatesGroup):
    one = State()


class Root(StatesGroup):
    one = State()


class Exclusive(StatesGroup):
    one = State()


class Single(StatesGroup):
    one = State()
    two = State()


def playground() -> Playground:
    dispatcher = Dispatcher()
    for launch_mode, *states in (
        (LaunchMode.STANDARD, Plain.one),
        (LaunchMode.ROOT, Root.one),
        (LaunchMode.EXCLUSIVE, Exclusive.one),
        (LaunchMode.SINGLE_TOP, Single.one, Single.two),
    ):
        windows = [Window(state.state, state=state) for state in states]
        dispatcher.include_router(Dialog(*windows, launch_mode=launch_mode))
    return Playground(dispatcher)


async def opened(
    chat: Playground, *states: State, mode: StartMode = StartMode.NORMAL
) -> list[str]:
    """Start dialogs one after another and tell what is open then, the top last."""
    for state in states:
        await (await chat.dialog(1).start(state, mode=mode))
    found: list[str] = []
    async with chat.dialog(1).fg() as manager:
        while manager.has_context():
            found.insert(0, manager.current_context().state.state)
            await manager.done()
    return found


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((Plain.one, Plain.one), ["Plain:one", "Plain:one"]),
        ((Plain.one, Plain.one, Root.one), ["Root:one"]),
        ((Root.one, Plain.one), ["Root:one", "Plain:one"]),
        ((Plain.one, Exclusive.one), ["Exclusive:one"]),
        ((Plain.one, Single.one), ["Plain:one", "Single:one"]),
        ((Plain.one, Single.one, Single.two), ["Plain:one", "Single:two"]),
        (
            (Single.one, Plain.one, Single.one),
            ["Single:one", "Plain:one", "Single:one"],
        ),
        ((Exclusive.one, Root.one), ["Root:one"]),
        ((Root.one, Root.one), ["Root:one"]),
    ],
    ids=str,
)
async def test_a_launch_mode_decides_what_stays_open(
    states: tuple[State, ...], expected: list[str]
) -> None:
    async with playground() as chat:
        assert await opened(chat, *states) == expected


@pytest.mark.parametrize("state", [Plain.one, Single.one, Exclusive.one])
async def test_nothing_opens_on_top_of_an_exclusive_dialog(state: State) -> None:
    async with playground() as chat:
        await (await chat.dialog(1).start(Exclusive.one))
        with pytest.raises(LaunchModeError) as caught:
            await (await chat.dialog(1).start(state))

        assert caught.value.state == state.state
        assert await opened(chat) == ["Exclusive:one"]


async def test_resetting_the_stack_ends_even_an_exclusive_dialog() -> None:
    async with playground() as chat:
        await (await chat.dialog(1).start(Exclusive.one))

        left = await opened(chat, Plain.one, mode=StartMode.RESET_STACK)

        assert left == ["Plain:one"]


async def test_a_new_stack_leaves_the_others_alone() -> None:
    async with playground() as chat:
        await (await chat.dialog(1).start(Exclusive.one))

        left = await opened(chat, Plain.one, Root.one, mode=StartMode.NEW_STACK)
        await chat.settled()

        assert left == ["Exclusive:one"]
        assert [message.text for message in chat.messages(1)] == [
            "Exclusive:one",
            "Plain:one",
            "Root:one",
        ]


async def test_the_number_of_dialogs_on_top_of_one_another_is_bounded() -> None:
    async with playground() as chat:
        await (await chat.dialog(1).start(Plain.one))
        async with chat.dialog(1).fg() as manager:
            for _ in range(99):
                await manager.start(Plain.one)
            with pytest.raises(DialogStackOverflowError) as caught:
                await manager.start(Plain.one)

        assert caught.value.limit == 100
        assert len(await opened(chat)) == 100


async def test_the_number_of_stacks_is_bounded() -> None:
    async with playground() as chat:
        await (await chat.dialog(1).start(Plain.one))
        async with chat.dialog(1).fg() as manager:
            for _ in range(99):
                await manager.start(Plain.one, mode=StartMode.NEW_STACK)
            with pytest.raises(DialogStackOverflowError):
                await manager.start(Plain.one, mode=StartMode.NEW_STACK)
