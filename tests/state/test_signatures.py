"""The signatures of functions that ask for a State, one by one, in every way of writing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, NamedTuple, Optional

import pytest

from duologue import Dispatcher
from duologue.dialogs import (
    Dialog,
    MessageCreated,
    State as WindowState,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const
from duologue.errors import StateParameterError
from duologue.state import AsyncState, SyncState, Task
from duologue.state._values import Value
from duologue.testing import Playground


class Steps(AsyncState, scope="bot"):
    pass


class Blocking(SyncState, scope="bot"):
    pass


class Main(StatesGroup):
    one = WindowState()


class Signature(NamedTuple):
    """How a function is written, and called."""

    written: str
    arguments: tuple[int, ...] = ()
    named: dict[str, int] = {}  # noqa: RUF012  # nobody changes it


# Those of the specification, `reference/operations-and-state.md` 1.3. `S` is the State.
SIGNATURES = {
    "bare": Signature("state: S"),
    "annotated": Signature('state: Annotated[S, "words"]'),
    "none by default": Signature("state: S = None"),
    "behind a positional": Signature("x: int, state: S", (5,)),
    "behind a named": Signature("x: int, state: S", (), {"x": 5}),
    "before a positional": Signature("state: S, x: int", (5,)),
    "before a named": Signature("state: S, x: int", (), {"x": 5}),
    "keyword-only": Signature("*, state: S"),
    "optional": Signature("state: Optional[S]"),
    "optional, none by default": Signature("state: Optional[S] = None"),
    "union": Signature("state: S | None = None"),
    "text": Signature('state: "S"'),
}

BODIES = {
    "async": 'async def work({}):\n    return await state.incr("n")\n',
    "sync": 'def work({}):\n    return state.incr("n")\n',
}

Work = Callable[..., Value]  # type: ignore[explicit-any]  # of any signature


def made(signature: Signature, kind: str, future: str, cls: type) -> Work:
    """A function as a module of an author's would have it."""
    source = future + BODIES[kind].format(signature.written)
    names: dict[str, Value] = {
        "S": cls,
        "Annotated": Annotated,
        "Optional": Optional,
        "__name__": "authors_module",
    }
    # Without these flags this module's own `annotations` would count for it.
    exec(compile(source, "authors_module.py", "exec", dont_inherit=True), names)  # noqa: S102
    work: Work = names["work"]
    return work


futures = pytest.mark.parametrize(
    "future", ["", "from __future__ import annotations\n"], ids=["now", "future"]
)
kinds = pytest.mark.parametrize("kind", BODIES)
signatures = pytest.mark.parametrize(
    "signature", SIGNATURES.values(), ids=list(SIGNATURES)
)


def test_there_are_twelve() -> None:
    assert len(SIGNATURES) == 12


@futures
@kinds
@signatures
@pytest.mark.real_time
async def test_a_task_is_given_its_state_by_each(
    signature: Signature, kind: str, future: str
) -> None:
    dispatcher = Dispatcher()
    cls = Steps if kind == "async" else Blocking
    task: Task = dispatcher.task(made(signature, kind, future, cls))
    ready = task.given(*signature.arguments, **signature.named)

    async with Playground(dispatcher) as chat:
        if kind == "async":
            assert await task(*signature.arguments, **signature.named) == 1
        else:
            called = asyncio.to_thread(task, *signature.arguments, **signature.named)
            assert await called == 1
        worker = await chat.runtime.workers.start(ready)
        assert (await worker.finished()).result == 2


HANDLERS = {
    "behind the event": "event: MessageCreated, state: S",
    "before the event": "state: S, event: MessageCreated",
    "keyword-only": "event: MessageCreated, *, state: S",
    "annotated": 'event: MessageCreated, state: Annotated[S, "words"]',
    "none by default": "event: MessageCreated, state: S = None",
    "optional": "event: MessageCreated, state: Optional[S]",
    "optional, none by default": "event: MessageCreated, state: Optional[S] = None",
    "union": "event: MessageCreated, state: S | None = None",
    "text": 'event: MessageCreated, state: "S"',
}


@futures
@pytest.mark.parametrize("written", HANDLERS.values(), ids=list(HANDLERS))
async def test_a_handler_is_given_its_state_by_each(written: str, future: str) -> None:
    dispatcher = Dispatcher()
    code = f"from duologue.dialogs import MessageCreated\n{BODIES['async']}"
    names: dict[str, Value] = {
        "S": Steps,
        "Annotated": Annotated,
        "Optional": Optional,
        "__name__": "authors_module",
    }
    source = future + code.format(written)
    exec(compile(source, "authors_module.py", "exec", dont_inherit=True), names)  # noqa: S102
    dispatcher.message.register(names["work"])

    async with Playground(dispatcher) as chat:
        await chat.say(7, "go")
        await chat.settled()

        assert await Steps.of().get("n") == 1


@futures
@signatures
@pytest.mark.parametrize(
    ("kind", "cls", "advice"),
    [
        ("async", Blocking, "derive it from AsyncState, or leave out async"),
        ("sync", Steps, "derive it from SyncState, or write async"),
        ("async", AsyncState, "it is for subclasses"),
        ("sync", SyncState, "it is for subclasses"),
    ],
    ids=["blocking in async", "async in blocking", "AsyncState", "SyncState"],
)
def test_a_mistake_is_an_error_at_the_registration_by_each(
    signature: Signature, kind: str, cls: type, advice: str, future: str
) -> None:
    work = made(signature, kind, future, cls)

    with pytest.raises(StateParameterError, match=r"work .*'state'") as raised:
        Dispatcher().task(work)

    assert raised.value.parameter == "state"
    assert advice in str(raised.value)
    if kind == "async":
        with pytest.raises(StateParameterError, match="'state'"):
            Dispatcher().message.register(work)


async def handle(_: MessageCreated, state: Steps) -> None:
    """As a module with `from __future__ import annotations` writes it."""
    await state.incr("n")


async def test_a_function_of_a_module_is_given_its_state() -> None:
    dispatcher = Dispatcher()
    dispatcher.message.register(handle)

    async with Playground(dispatcher) as chat:
        await chat.say(7, "go")
        await chat.settled()

        assert await Steps.of().get("n") == 1


async def test_a_function_may_use_what_is_made_after_it() -> None:
    dispatcher, said = Dispatcher(), list[object]()

    @dispatcher.message()
    async def greet(_: MessageCreated, state: Steps) -> None:
        said.append((greeting, await state.incr("n")))

    greeting = "hello"
    async with Playground(dispatcher) as chat:
        await chat.say(1, "hello")
        await chat.settled()

    assert said == [("hello", 1)]


CALLBACKS = {
    "behind the manager": "event, button, manager, state: S, other: S",
    "behind a default": "event, button, manager, more=0, state: S = None, other: S = None",
    "keyword-only": "event, button, manager, *, state: S, other: S",
    "the second keyword-only": "event, button, manager, state: S, *, other: S",
    "apart": "event, state: S, button, manager, other: S",
    "first": "state: S, other: S, event, button, manager",
    "behind a star": "*all, state: S, other: S",
    "behind names of no matter": "event, button, manager, /, state: S, other: S",
}


@futures
@pytest.mark.parametrize("written", CALLBACKS.values(), ids=list(CALLBACKS))
async def test_a_callback_is_given_its_states_by_each(
    written: str, future: str
) -> None:
    body = 'async def work({}):\n    await state.incr("n")\n    await other.incr("n")\n'
    names: dict[str, Value] = {"S": Steps, "__name__": "authors_module"}
    source = future + body.format(written)
    exec(compile(source, "authors_module.py", "exec", dont_inherit=True), names)  # noqa: S102
    dispatcher = Dispatcher()
    button = Button(Const("go"), id="go", on_click=names["work"])
    dispatcher.include_router(Dialog(Window(Const("one"), button, state=Main.one)))

    async with Playground(dispatcher) as chat:
        await (await chat.runtime.dialog(chat_id=7, user_id=7).start(Main.one))
        await chat.settled()
        await chat.click(7, "go")
        await chat.settled()

        assert await Steps.of().get("n") == 2
