"""Programs that start a bot with something else, or from somewhere else."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import prometheus_client  # noqa: F401  # reads files, so not in the loop of a test
import pytest

from duologue import Dispatcher, LongPolling, Router, Runtime
from duologue.actors import Engine, MemoryEngine
from duologue.dialogs import MessageCreated, Notices, Settings
from duologue.dialogs._chat._data import Json
from duologue.errors import (
    AddressNotAvailableError,
    DuologueError,
    EngineNotAvailableError,
    RuntimeSettingError,
)
from duologue.testing import RecordingBot
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox


@pytest.mark.parametrize("make", [LongPolling, lambda wrong: Runtime(wrong, [])])
def test_a_router_in_the_place_of_the_dispatcher_is_refused(make: Json) -> None:
    with pytest.raises(RuntimeSettingError, match="<Router shop> is none; make a Dis"):
        make(Router("shop"))


@pytest.mark.parametrize(
    ("bots", "problem"),
    [
        (RecordingBot(), r"write Runtime\(dispatcher, \[bot\]\)"),
        ([[RecordingBot()]], r"a list is no bot; give each by itself"),
        ([Bot], r"the class Bot is no bot; give an instance: Bot\(\)"),
        ("s3cret", "a str is no bot"),
    ],
    ids=["alone", "nested", "class", "token"],
)
def test_what_is_no_list_of_bots_is_refused_and_not_shown(
    bots: Json, problem: str
) -> None:
    with pytest.raises(RuntimeSettingError, match=problem) as caught:
        Runtime(Dispatcher(), bots)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["drain", "start_timeout"])
@pytest.mark.parametrize("wrong", ["10", float("nan")])
def test_what_is_no_time_is_refused_before_the_end(name: str, wrong: Json) -> None:
    given: dict[str, Json] = {name: wrong}

    with pytest.raises(RuntimeSettingError, match=f"{name} cannot be used.*seconds"):
        Runtime(Dispatcher(), [], **given)


def test_long_polling_without_a_bot_does_not_end_in_silence() -> None:
    polling = LongPolling(Dispatcher())

    with pytest.raises(RuntimeSettingError, match=r"there is no bot; write run\(Bot"):
        polling.run()
    with pytest.raises(RuntimeSettingError, match="there is no bot"):
        asyncio.run(polling.start())


async def test_long_polling_inside_a_loop_says_what_to_await() -> None:
    with pytest.raises(RuntimeSettingError, match=r"await LongPolling\(.*\).start\("):
        LongPolling(Dispatcher()).run(Bot("token"))


def test_long_polling_in_another_thread_says_what_to_use_there() -> None:
    polling = LongPolling(Dispatcher())

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(polling.run, Bot("token"))

    with pytest.raises(RuntimeSettingError, match="only the main thread"):
        ended.result()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"metrics_port": 80000}, "80000 is no port; write a number from 0"),
        ({"metrics_port": "9090"}, "'9090' is no port"),
        ({"metrics_port": True}, "True is no port"),
        ({"metrics_host": "localhost"}, "give a port too"),
        ({"registry": "x"}, "must be a prometheus_client.CollectorRegistry"),
        ({"engine": 5}, "5 is no engine; write"),
        ({"engine": Path("state.db")}, r"Path\('state.db'\) is no engine; write"),
        ({"engine": MemoryEngine}, "is no engine; write"),
        ({"engine": "sqlite:///"}, "engine='sqlite:///' .* names no file; write"),
        ({"engine": "sqlite://state.db"}, "names no file; .* with three slashes"),
        ({"engine": "sqlite:///:memory:"}, 'in memory is called "memory"'),
        ({"on_error": "log"}, r"a plain function `\(error, where\)`"),
    ],
)
def test_settings_that_would_fail_later_or_do_nothing_are_refused(
    given: dict[str, Json], problem: str
) -> None:
    with pytest.raises(RuntimeSettingError, match=problem):
        Runtime(Dispatcher(), [], **given)


@pytest.mark.parametrize(
    ("make", "given", "problem"),
    [
        (Settings, {"turn_timeout": "30"}, "'30' is no number of seconds above 0"),
        (Settings, {"turn_timeout": 0}, "turn_timeout= .* above 0"),
        (Settings, {"foreground_timeout": True}, "foreground_timeout= .* True is no"),
        (Settings, {"idle_after": float("nan")}, "idle_after= .* nan is no"),
        (Settings, {"stale": "Menu:main"}, "'Menu:main' is neither a State nor"),
        (Settings, {"notices": "gone"}, "'gone' holds no Notices"),
        (Settings, {"notices": {"en": "gone"}}, "holds no Notices"),
        (Settings, {"notices": {}}, "holds no Notices"),
        (Settings, {"untaken_text": "auto"}, "'auto' is no ShowMode"),
        (Settings, {"schema": "2"}, "schema= .* '2' is no version"),
        (Notices, {"outdated": 5}, "outdated= .* 5 is no text"),
        (Notices, {"closed": " "}, "closed= .* ' ' is no text to show; None says"),
    ],
)
def test_settings_of_conversations_that_would_fail_later_are_refused_when_made(
    make: type[Settings | Notices], given: dict[str, Json], problem: str
) -> None:
    with pytest.raises(RuntimeSettingError, match=problem):
        make(**given)


async def _tell(_error: BaseException, _where: str) -> None: ...


class _Teller:
    async def __call__(self, _error: BaseException, _where: str) -> None: ...


@pytest.mark.parametrize("hook", [_tell, _Teller()], ids=["function", "object"])
def test_an_error_hook_that_would_never_run_is_refused(hook: Json) -> None:
    with pytest.raises(RuntimeSettingError, match="not `async def`"):
        Runtime(Dispatcher(), [], on_error=hook)


def test_a_runtime_in_a_plain_with_says_what_to_write() -> None:
    runtime: Json = Runtime(Dispatcher(), [])

    with pytest.raises(RuntimeSettingError, match=r"in_thread\(\) as runtime"), runtime:
        pytest.fail("the block was entered")


async def test_a_host_that_is_none_is_named_at_the_start() -> None:
    runtime = Runtime(Dispatcher(), [], metrics_port=0, metrics_host="no.such.invalid")

    with pytest.raises(AddressNotAvailableError, match=r"no\.such\.invalid"):
        await runtime.__aenter__()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"engine": "postgres://localhost"}, EngineNotAvailableError),
        ({"engine": "redis://localhost?shards=x"}, RuntimeSettingError),
        ({"on_error": "log"}, RuntimeSettingError),
        ({"metrics_port": 80000}, RuntimeSettingError),
        ({"drain": "10"}, RuntimeSettingError),
    ],
    ids=str,
)
def test_long_polling_refuses_what_a_runtime_refuses(
    given: dict[str, Json], error: type[Exception]
) -> None:
    with pytest.raises(error):
        LongPolling(Dispatcher(), **given)


@pytest.mark.parametrize("make", [LongPolling, partial(Runtime, bots=[])])
@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("typo", "no 'typo' engine, which DUOLOGUE_ENGINE names; write 'memory'"),
        ("sql://me:s3cret@host", "no 'sql' engine, which DUOLOGUE_ENGINE names"),
        ("redis://me:s3cret/@host", "DUOLOGUE_ENGINE cannot be used: the port"),
        ("sqlite://state.db", "DUOLOGUE_ENGINE=sqlite://state.db cannot be used"),
    ],
)
def test_a_wrong_engine_in_the_environment_is_told_by_the_name_of_its_variable(
    make: Json, named: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINE", named)

    with pytest.raises(DuologueError, match=told) as caught:
        make(Dispatcher())

    assert "s3cret" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - made here


class _OfOthers(MemoryEngine):
    """An engine that duologue does not know, and that outlives the process."""

    @property
    def durable(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("memory", "state is kept in memory and ends with this process"),
        ("sqlite:///state.db", "state is kept in state.db"),
        (_OfOthers(), "state is kept in _OfOthers"),
    ],
    ids=["memory", "sqlite", "another"],
)
async def test_the_log_says_where_the_state_is_kept(
    engine: Engine | str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)

    with caplog.at_level("INFO", "duologue"):
        async with Runtime(Dispatcher(), [], engine=engine):
            pass

    assert [line for line in caplog.messages if line.startswith(said)] != []


async def test_a_file_in_the_home_of_the_user_may_be_named_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async with Runtime(Dispatcher(), [], engine="sqlite:///~/state.db"):
        assert (tmp_path / "state.db").exists()


async def test_long_polling_hands_its_settings_on(tmp_path: Path) -> None:
    failed: asyncio.Queue[BaseException] = asyncio.Queue()
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def wait(_: MessageCreated) -> None:
        await asyncio.sleep(50)

    polling = LongPolling(
        dispatcher,
        engine="memory",
        settings=Settings(turn_timeout=2),
        on_error=lambda error, _: failed.put_nowait(error),
        state_dir=tmp_path,
    )
    async with Sandbox() as sandbox, asyncio.TaskGroup() as group:
        bot = Bot(sandbox.token, base_url=sandbox.url)
        running = group.create_task(polling.start(bot))
        await sandbox.control().say(await sandbox.control().add_user("Ann"), "hi")
        error = await failed.get()
        running.cancel()

    assert type(error).__name__ == "TurnTimeoutError"
