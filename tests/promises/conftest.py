"""A bot with a counter, as most promises need one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import Engine, MemoryEngine
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.kbd import Button, Cancel, Start, SwitchTo
from duologue.dialogs.widgets.text import Const, Format
from duologue.testing import Playground, RecordingBot
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, LogEntry, LogKind, Sandbox
from duologue.transport.sqlite import SqliteEngine
from tests.servers import TestedEngine, server, valkey_program

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # for files of this run alone


class Counter(StatesGroup):
    showing = State()
    other = State()


class Note(StatesGroup):
    writing = State()


async def count_slowly(_: Callback, __: object, manager: DialogManager) -> None:
    seen = manager.dialog_data.get("n", 0)
    await asyncio.sleep(0.01)
    manager.dialog_data["n"] = seen + 1


async def wait_at_the_gate(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] = manager.dialog_data.get("n", 0) + 1
    manager.middleware_data["held"].set()
    await manager.middleware_data["gate"].wait()


async def fail(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] = 1000
    _receipt = await manager.bg().update({"failed": True})
    raise ArithmeticError("no such number")


async def show(dialog_manager: DialogManager) -> dict[str, object]:
    data = dialog_manager.dialog_data
    rest = {key: value for key, value in data.items() if key != "n"}
    return {
        "n": data.get("n", 0),
        "rest": " ".join(f"{k}={v}" for k, v in rest.items()),
    }


async def start_counter(_: object, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(Counter.showing)


def make_dispatcher() -> Dispatcher:
    counter = Dialog(
        Window(
            Format("{n} {rest}"),
            Button(Const("more"), id="more", on_click=count_slowly),
            Button(Const("hold"), id="hold", on_click=wait_at_the_gate),
            Button(Const("fail"), id="fail", on_click=fail),
            Start(Const("note"), id="note", state=Note.writing),
            SwitchTo(Const("other"), id="other", state=Counter.other),
            Cancel(Const("close")),
            state=Counter.showing,
            getter=show,
        ),
        Window(Const("the other window"), state=Counter.other),
    )
    note = Dialog(
        Window(Const("write a note"), Cancel(Const("back")), state=Note.writing)
    )
    dispatcher = Dispatcher()
    dispatcher.message.register(start_counter, CommandStart())
    dispatcher.include_routers(counter, note)
    return dispatcher


class Kept(MemoryEngine):
    """Memory that stays where it is when a runtime ends."""

    @property
    def durable(self) -> bool:
        return True


MakeEngine = Callable[[Path], Engine]
DURABLE = pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda _: Kept(), id="memory"),
        pytest.param(lambda path: SqliteEngine(path / "state.db"), id="sqlite"),
    ],
)


class Life:
    """A bot and its engine, which outlive the programs that run them."""

    def __init__(self, dispatcher: Dispatcher, engine: Engine) -> None:
        self.dispatcher = dispatcher
        self.engine = engine
        self.bot = RecordingBot()

    def run(self, drain: float = 10.0) -> Playground:
        return Playground(
            self.dispatcher, engine=self.engine, bot=self.bot, drain=drain
        )


@pytest.fixture
def dispatcher() -> Dispatcher:
    return make_dispatcher()


@pytest.fixture
async def gate(dispatcher: Dispatcher) -> asyncio.Event:
    """Lets the handlers of "hold" go on when it is set."""
    gate = dispatcher["gate"] = asyncio.Event()
    return gate


@pytest.fixture
async def held(dispatcher: Dispatcher) -> asyncio.Event:
    """Is set when a handler of "hold" has begun."""
    held = dispatcher["held"] = asyncio.Event()
    return held


@pytest.fixture
async def chat(dispatcher: Dispatcher) -> AsyncIterator[Playground]:
    """A chat of user 1 in which the counter is open."""
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        yield chat


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def control(sandbox: Sandbox) -> Control:
    return sandbox.control()


@pytest.fixture
async def runtime(
    sandbox: Sandbox, dispatcher: Dispatcher, tmp_path: Path
) -> AsyncIterator[Runtime]:
    """A runtime that polls the sandbox as it would poll MAX."""
    bot = Bot(sandbox.token, base_url=sandbox.url)
    async with Runtime(dispatcher, [bot], state_dir=tmp_path) as running:
        yield running


@pytest.fixture
async def window(control: Control, runtime: Runtime) -> LogEntry:
    """The counter of Ann as she sees it, in the messenger's words."""
    ann = await control.add_user("Ann")
    await control.say(ann, "/start")
    shown = await control.wait_for(lambda entry: entry.kind == LogKind.MESSAGE)
    await runtime.settled()
    return shown


@pytest.fixture
async def ann(control: Control, window: LogEntry) -> int:
    entries = await control.log()
    assert window in entries
    return next(entry.user_id for entry in entries if entry.user_id is not None)


@pytest.fixture
def new_file(tmp_path: Path) -> Iterator[Callable[[], SqliteEngine]]:
    """Makes engines, each with a file of its own."""
    # In memory where there is such a disk: thousands of syncs take minutes.
    disk = SHARED_MEMORY if SHARED_MEMORY.is_dir() else tmp_path
    with TemporaryDirectory(dir=disk) as folder:
        numbers = count()
        yield lambda: SqliteEngine(Path(folder, f"state-{next(numbers)}.db"))


@pytest.fixture(scope="session")
def new_namespace() -> Callable[[], TestedEngine]:
    """Makes engines on one server, each with a namespace of its own."""
    url = server(valkey_program()).url
    return lambda: TestedEngine(url, namespace=token_hex(8), shards=2)


@pytest.fixture(
    params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.server)],
    autouse=True,
)
def kept_in(
    request: pytest.FixtureRequest,
    new_file: Callable[[], SqliteEngine],
    new_namespace: Callable[[], TestedEngine],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """What keeps the state of this test, unless it names an engine itself."""
    name: str = request.param
    if name != "memory":
        new = new_file if name == "sqlite" else new_namespace
        if request.node.get_closest_marker("in_memory") is not None:
            pytest.skip("it is about the engine in memory")
        if name == "redis" and request.node.get_closest_marker("long_time"):
            pytest.skip("months of looking at a server take minutes")
        monkeypatch.setattr("duologue.testing._playground.MemoryEngine", new)
        monkeypatch.setattr("duologue.runtime._engines.MemoryEngine", new)
    return name
