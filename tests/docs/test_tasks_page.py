"""The code of docs/tasks.md, run as it stands there."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path
from types import FunctionType

import pytest

from duologue import Dispatcher
from duologue.actors import Operation
from duologue.state import AsyncState, chain
from duologue.testing import Playground
from duologue.transport.sqlite import SqliteEngine

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tasks.md").read_text("utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = [text for kind, text in FENCED if kind == "python"]
OUTPUTS = [text for kind, text in FENCED if not kind]


class Totals(AsyncState, scope="bot"):
    pass


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_the_chain_prints_what_the_page_says(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatcher = Dispatcher()
    names: dict[str, object] = {
        "dispatcher": dispatcher,
        "asyncio": asyncio,
        "chain": chain,
        "Operation": Operation,
        "Totals": Totals,
        "__name__": __name__,
    }
    exec(BLOCKS[0], names)  # noqa: S102  # it is the page's own
    code = compile(BLOCKS[1], "tasks.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    kept = SqliteEngine(tmp_path / "state.db") if engine == "sqlite" else None

    async with Playground(dispatcher, engine=kept) as chat:
        await FunctionType(code, names | {"runtime": chat.runtime})()

    assert capsys.readouterr().out == OUTPUTS[0]


def test_the_tests_that_the_page_names_exist() -> None:
    files = (ROOT / "tests/state").glob("test_*.py")
    code = "\n".join(path.read_text("utf-8") for path in files)

    named = set(re.findall(r"`(test_\w+)`", PAGE))

    assert len(named) > 8
    assert named <= set(re.findall(r"def (test_\w+)\(", code))
