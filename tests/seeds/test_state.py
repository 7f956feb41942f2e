"""The page about State: its listing runs, with another import."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.state import AsyncState, Task
from duologue.testing import Playground

LISTING = Path(__file__).with_name("listings") / "state.txt"


@pytest.mark.parametrize("is_future", [False, True])
async def test_the_listing_prints_what_its_page_says(
    capsys: pytest.CaptureFixture[str],
    is_future: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    dispatcher = Dispatcher()
    names: dict[str, object] = {"app": dispatcher, "__name__": __name__}
    future = "from __future__ import annotations\n" if is_future else ""
    code = compile(
        future + LISTING.read_text("utf-8"), "state", "exec", dont_inherit=True
    )
    exec(code, names)  # noqa: S102  # the listing of the page
    step1, step2, state = names["step1"], names["step2"], names["MyState"]
    assert isinstance(step1, Task)
    assert isinstance(step2, Task)
    assert isinstance(state, type)
    assert issubclass(state, AsyncState)

    async with Playground(dispatcher) as chat:
        first = await (await chat.runtime.workers.start(step1)).finished()
        second = await (await chat.runtime.workers.start(step2)).finished()

        assert (first.result, second.result) == ("ok", "ok")
        assert await state.of().get_all() == {}
    assert capsys.readouterr().out == (
        "{'state': 'await_phone', 'step': 1, 'prompt': 'Введите телефон'}\n"
    )
