"""What the types promise is what the bridge gives."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import TypeVar, cast, get_args, get_origin, get_type_hints

import pytest

from duologue import Runtime
from duologue.actors import Worker, Workers, WorkerSnapshot
from duologue.dialogs import (
    BgManager,
    DialogManager,
    DialogUpdate,
    Foreground,
    Receipt,
    ScheduledCalls,
    Timer,
)
from duologue.threads import (
    BlockingBgManager,
    BlockingDialogManager,
    BlockingReceipt,
    BlockingScheduledCalls,
    BlockingSnapshots,
    BlockingTimer,
    BlockingWorker,
    BlockingWorkers,
    ThreadedRuntime,
    Waitable,
)
from duologue.threads._blocking import is_asynchronous

PAIRS: list[tuple[type, type]] = [
    (BlockingBgManager, BgManager),
    (BlockingDialogManager, DialogManager),
    (BlockingReceipt, Receipt),
    (BlockingScheduledCalls, ScheduledCalls),
    (BlockingTimer, Timer),
    (BlockingWorker, Worker),
    (BlockingWorkers, Workers),
    (ThreadedRuntime, Runtime),
]
# What is part of the runtime's own work, and not for threads.
INTERNAL = {
    BgManager: {"post"},
    DialogManager: {
        "render",
        "redraw_open",
        "focus",
        "fg",
        "listening",
        "on_listener",
    },
    Receipt: set(),
    ScheduledCalls: {"post"},
    Timer: {"form", "restore"},
    Runtime: {"in_thread", "operations", "refs", "stream_refs", "webhook"},
    Worker: set(),
    Workers: {"arrival", "kind_of", "letter", "show_again", "show_by", "stop"},
}


def _public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def _methods(kind: type) -> dict[str, Callable[..., object]]:  # type: ignore[explicit-any]  # any method
    return {
        name: member
        for name in _public(kind)
        if inspect.isfunction(member := inspect.getattr_static(kind, name))
    }


def _cases() -> list[tuple[type, type, str]]:
    return [
        (promised, real, name)
        for promised, real in PAIRS
        for name in sorted(_methods(promised))
        if not (name == "wait" and real is Receipt)
    ]


@pytest.mark.parametrize(("promised", "real", "name"), _cases())
def test_a_method_has_the_parameters_of_the_one_that_it_stands_for(
    promised: type, real: type, name: str
) -> None:
    here = dict(inspect.signature(getattr(promised, name)).parameters)
    there = dict(inspect.signature(getattr(real, name)).parameters)

    if "timeout" not in there:
        timeout = here.pop("timeout")
        assert timeout.kind is inspect.Parameter.KEYWORD_ONLY
        assert timeout.default is None
    assert [
        (part.name, part.kind, part.default, part.annotation) for part in here.values()
    ] == [
        (part.name, part.kind, part.default, part.annotation) for part in there.values()
    ]


@pytest.mark.parametrize(("promised", "real"), PAIRS)
def test_no_public_method_is_missing(promised: type, real: type) -> None:
    wanted = set(_methods(real)) - INTERNAL[real]

    assert wanted <= _public(promised)


def _filled(kind: type, hint: object) -> object:
    """What a class has put in the place of the type variable of its ancestor."""
    for ancestor in kind.__mro__ if isinstance(hint, TypeVar) else ():
        for base in vars(ancestor).get("__orig_bases__", ()):
            if hint in getattr(get_origin(base), "__parameters__", ()):
                [found] = get_args(base)
                return cast("object", found)
    return hint


@pytest.mark.parametrize(("promised", "real", "name"), _cases())
def test_what_a_method_gives_is_what_the_bridge_makes_of_it(
    promised: type, real: type, name: str
) -> None:
    makes: dict[object, object] = {
        BgManager: BlockingBgManager,
        Receipt: BlockingReceipt,
        ScheduledCalls: BlockingScheduledCalls,
        Timer: BlockingTimer,
        Worker: BlockingWorker,
        Worker | None: BlockingWorker | None,
        list[Worker]: list[BlockingWorker],
        AsyncIterator[WorkerSnapshot]: BlockingSnapshots,
        asyncio.Future[None] | None: Waitable[None] | None,
    }
    here = _filled(promised, get_type_hints(getattr(promised, name))["return"])
    there = _filled(real, get_type_hints(getattr(real, name))["return"])

    if getattr(there, "__origin__", None) is Foreground:
        assert get_args(here)[0] is BlockingDialogManager
    else:
        assert here == makes.get(there, there)


@pytest.mark.parametrize("kind", [real for _, real in PAIRS])
def test_what_is_promised_as_blocking_is_bridged(kind: type) -> None:
    assert is_asynchronous(object.__new__(kind))


def test_events_of_background_turns_need_no_bridge() -> None:
    assert not is_asynchronous(object.__new__(DialogUpdate))
