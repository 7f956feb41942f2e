"""Programs that start a bot with something else, or from somewhere else."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from duologue import Dispatcher, LongPolling, Router, Runtime
from duologue.dialogs._data import Json
from duologue.errors import RuntimeSettingError
from duologue.testing import RecordingBot
from duologue.transport.max import Bot


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
