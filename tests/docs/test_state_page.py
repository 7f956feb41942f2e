"""The code of docs/state.md, run as it stands there."""

from __future__ import annotations

import ast
import re
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from duologue import Dispatcher
from duologue.state import AsyncState, chain
from duologue.testing import Playground

PAGE = (Path(__file__).parents[2] / "docs/state.md").read_text("utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = [text for kind, text in FENCED if kind == "python"]
OUTPUTS = [text for kind, text in FENCED if not kind]


def compiled(listing: str) -> CodeType:
    code: CodeType = compile(
        listing, "state.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    )
    assert code.co_flags & CO_COROUTINE
    return code


async def test_the_first_listing_prints_what_the_page_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, object] = {"AsyncState": AsyncState, "__name__": __name__}

    async with Playground(Dispatcher()):
        await FunctionType(compiled(BLOCKS[0]), names)()

    assert capsys.readouterr().out == OUTPUTS[0]


class Steps(AsyncState):
    pass


async def test_the_tasks_run(capsys: pytest.CaptureFixture[str]) -> None:
    dispatcher = Dispatcher()
    names: dict[str, object] = {"dispatcher": dispatcher, "Steps": Steps}

    async with Playground(dispatcher) as chat:
        names |= {"runtime": chat.runtime, "chain": chain, "__name__": __name__}
        await FunctionType(compiled(BLOCKS[1]), names)()

    line = "1 {'step': 1, 'prompt': 'phone?'}\n"
    assert capsys.readouterr().out == 2 * line


def test_the_tests_that_the_page_names_exist() -> None:
    folder = Path(__file__).parents[1]
    files = [*(folder / "state").glob("test_*.py"), folder / "seeds/test_state.py"]
    code = "\n".join(path.read_text("utf-8") for path in files)

    named = set(re.findall(r"`(test_\w+)`", PAGE))

    assert len(named) > 15
    assert named <= set(re.findall(r"def (test_\w+)\(", code))
