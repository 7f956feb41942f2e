"""What the page about actors shows and says is so."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

import pytest
from pykka import ActorRegistry

import duologue.actors
from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    Backoff,
    Bounded,
    Directory,
    KeyedRef,
    Restart,
)
from duologue.actors.testing import Probe

PAGE = Path(__file__).parents[2] / "docs" / "actors.md"
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)

NAMED: dict[str, tuple[type, ...]] = {
    "ref": (AsyncActorRef, KeyedRef),
    "self": (AsyncActor,),
    "system": (ActorSystem,),
    "directory": (Directory,),
    "Probe": (Probe,),
}


class Program(NamedTuple):
    """A program of the page and what it prints."""

    code: str
    output: str


def _text() -> str:
    return PAGE.read_text("utf-8")


def _programs() -> list[Program]:
    return [Program(*found) for found in BLOCK.findall(_text())]


@pytest.fixture(autouse=True)
def _no_actors_left() -> Iterator[None]:
    yield
    ActorRegistry.stop_all()


def test_the_programs_of_the_tutorial_print_what_stands_under_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, object] = {"__name__": "actors_page"}
    printed: list[str] = []

    for program in _programs():
        code = compile(program.code, str(PAGE), "exec", dont_inherit=True)
        exec(code, names)  # noqa: S102 - our own page
        printed.append(capsys.readouterr().out)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    for test in tests:
        cast("Callable[[], None]", test)()

    assert printed == [program.output for program in _programs()]
    assert len([output for output in printed if output]) == 7
    assert len(tests) == 1


@pytest.mark.parametrize("subject", NAMED)
def test_what_the_page_names_is_there(subject: str) -> None:
    reference = BLOCK.sub("", _text())
    named = set(re.findall(rf"`[^`]*\b{subject}\.(\w+)[^`]*`", reference))

    missing = [
        name
        for name in named
        if not any(hasattr(owner, name) for owner in NAMED[subject])
    ]

    assert named
    assert missing == []


def test_the_classes_that_the_page_calls_are_public() -> None:
    reference = BLOCK.sub("", _text())
    called = set(re.findall(r"`([A-Z]\w+)\([^`]*`", reference)) - {
        "Class",
        "VirtualClock",
    }

    assert len(called) > 10
    assert [name for name in called if name not in duologue.actors.__all__] == []


def test_the_defaults_that_the_page_names_are_those() -> None:
    text = " ".join(_text().split())

    assert repr(Restart()).replace("initial=", "") == (
        "Restart(max_restarts=5, within=60.0,"
        " backoff=Backoff(0.1, factor=2.0, maximum=30.0))"
    )
    assert Restart() == Restart(backoff=Backoff(0.1, factor=2.0, maximum=30.0))
    assert "max_restarts=5, within=60.0, backoff=Backoff(0.1, factor=2.0" in text
    assert _default(inspect.signature(ActorSystem), "drain") in text
    assert _default(inspect.signature(Directory.register), "idle_after") in text
    assert _default(inspect.signature(Probe.next), "timeout") in text
    assert Bounded(1).overflow == "wait"


def _default(signature: inspect.Signature, name: str) -> str:
    return f"{name}={signature.parameters[name].default}"
