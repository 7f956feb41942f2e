"""The page about workers: its examples run, and the tests it names exist."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import Operation, StartPolicy, Workers, WorkerSnapshot
from duologue.dialogs import DialogWorkers
from duologue.dialogs._chat._data import Json
from duologue.testing import Playground

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "workers.md"


BODY_CALLS_NONE_OF_THESE = {
    "answer",
    "asked",
    "question",
    "resets",
    "adopt",
    "begin_again",
    "last_heard",
    "restore",
    "keep_by",
    "close",
    "has_news",
    "is_closed",
    "request_stop",
    "take",
}
Nightly = Callable[[Runtime], Awaitable[WorkerSnapshot]]


def _blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def _run(blocks: list[str]) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "workers_page"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


def test_the_examples_of_the_page_about_workers_run() -> None:
    names = _run(_blocks())

    assert "final" in names


async def test_the_program_of_the_page_finds_workers_at_the_runtime() -> None:
    nightly = cast("Nightly", _run(_blocks()[:3])["nightly"])

    async with Playground(Dispatcher()) as chat:
        final = await nightly(chat.runtime)

    assert (final.state, final.result, final.owner) == (
        "succeeded",
        "export.zip",
        "nightly",
    )


def test_the_page_names_every_member_of_an_operation_with_its_arguments() -> None:
    rows = re.findall(
        r"^\| `(\w+)(?:\((.*?)\))?` \| ", _part("## The body"), re.MULTILINE
    )
    public = {name for name in dir(Operation) if not name.startswith("_")}

    told = {name: given for name, given in rows if name in public}

    assert told.keys() == public - BODY_CALLS_NONE_OF_THESE
    for name, given in told.items():
        assert given == _arguments(getattr(Operation, name)), name


@pytest.mark.parametrize(
    ("function", "table", "missing"),
    [
        (Workers.__init__, 0, {"self", "system"}),
        (Workers.start, 1, {"self", "body", "id"}),
        (DialogWorkers.start, 1, {"self", "body", "show", "name", "interval", "owner"}),
    ],
    ids=["workers", "start", "start in a dialog"],
)
def test_the_page_names_every_setting_with_its_default(
    function: Json, table: int, missing: set[str]
) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", _part("## Settings"), re.MULTILINE)
    told = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", tables[table], re.MULTILINE))

    parameters = inspect.signature(function).parameters
    defaults = {
        name: _written(each.default)
        for name, each in parameters.items()
        if name not in missing
    }

    told = {name: default for name, default in told.items() if name not in missing}
    assert told == defaults


def _part(heading: str) -> str:
    page = PAGE.read_text("utf-8")
    return page.partition(f"{heading}\n")[2].partition("\n## ")[0]


def _written(default: object) -> str:
    """A default as it stands in code."""
    if isinstance(default, StartPolicy):
        return f"StartPolicy.{default.name}"
    return repr(default).replace("'", '"')


def _arguments(member: Json) -> str:
    """The parameters of a method as a caller writes them; none for a property."""
    if isinstance(member, property):
        return ""
    parameters = inspect.signature(member).parameters
    return ", ".join(
        name if each.default is each.empty else f"{name}={each.default!r}"
        for name, each in parameters.items()
        if name != "self"
    )


def test_the_tests_that_the_page_about_workers_names_exist() -> None:
    named = re.findall(r"`(tests/\S+)::(\w+)`", PAGE.read_text("utf-8"))

    missing = [
        name
        for path, name in named
        if f"def {name}(" not in (ROOT / path).read_text("utf-8")
    ]

    assert len(named) > 20
    assert missing == []
