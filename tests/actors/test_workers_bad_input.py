"""What authors can get wrong has a defined answer."""

from __future__ import annotations

import asyncio
import decimal
import functools
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from duologue.actors import (
    ActorSystem,
    AsyncOperationResult,
    IBackgroundWorker,
    Operation,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.errors import WorkerBodyError


class Unshowable:
    """Fails whenever it is converted."""

    def __float__(self) -> float:
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise RecursionError


class Translation:
    """Knows its text only when it is shown."""

    def __str__(self) -> str:
        return "Готово"


async def after_reports(*reports: tuple[object, object]) -> WorkerSnapshot:
    """What is seen of a body that makes these reports, a second apart."""

    async def say(operation: Operation) -> None:
        for value, text in reports:
            operation.report(value, text)
            await asyncio.sleep(1)
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(say)
        await asyncio.sleep(len(reports) + 1)
        return await worker.ping()


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (float("-inf"), None),
        (-0.5, 0.0),
        (7.5, 1.0),
        (0, 0.0),
        (1, 1.0),
        (None, None),
        ("0.5", None),
        (True, None),
        (1 + 2j, None),
        ([0.5], None),
        (10**400, None),
        (Unshowable(), None),
        (decimal.Decimal("0.25"), 0.25),
    ],
)
async def test_progress_is_a_number_from_0_to_1_or_unknown(
    value: object, seen: float | None
) -> None:
    snapshot = await after_reports((value, "still working"))

    assert snapshot.value == seen
    assert snapshot.text == "still working"
    assert snapshot.state is WorkerState.RUNNING


async def test_progress_never_goes_back_but_the_text_is_the_newest() -> None:
    snapshot = await after_reports((0.6, "six"), (0.2, "two"), (None, "none"))

    assert (snapshot.value, snapshot.text) == (0.6, "none")


async def test_a_report_without_text_keeps_the_text() -> None:
    snapshot = await after_reports((0.1, "begun"), (0.2, None))

    assert (snapshot.value, snapshot.text) == (0.2, "begun")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("x" * 5_000_000, "x" * 999 + "…"),
        ("я" * 1001, "я" * 999 + "…"),
        ("я" * 1000, "я" * 1000),
        ("half \ud83d", "half \ufffd"),
        ("\ude80 half", "\ufffd half"),
        ("a pair \ud83d\ude80", "a pair 🚀"),
        (Translation(), "Готово"),
        (42, "42"),
        ("", ""),
        (Unshowable(), "before"),
    ],
)
async def test_text_is_cut_and_can_always_be_sent(text: object, seen: str) -> None:
    snapshot = await after_reports((None, "before"), (None, text))

    assert snapshot.text == seen
    assert json.dumps(snapshot.text, ensure_ascii=False).encode()


async def test_what_cannot_be_shown_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await after_reports(("one", None), ("two", None), (float("nan"), None))

    logged = [r for r in caplog.records if "cannot be shown" in r.getMessage()]
    assert len(logged) == 1
    assert "a str that" in logged[0].getMessage()


@pytest.mark.parametrize("said", ["text", 7, ("a", "tuple"), object()])
async def test_rubbish_that_start_returns_is_ignored_and_logged(
    said: object, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd:
        async def start(self) -> object:
            return said

        async def run(self) -> str:
            return "done"

    async with ActorSystem() as system, Workers(system) as workers:
        final = await (await workers.start(Odd)).finished()

    assert (final.state, final.result) == (WorkerState.SUCCEEDED, "done")
    assert f"returned a {type(said).__name__}, which is ignored" in caplog.text


async def test_rubbish_inside_a_result_is_ignored() -> None:
    class Odd:
        async def run(self) -> None:
            await asyncio.sleep(10)

        async def ping(self) -> AsyncOperationResult:
            return AsyncOperationResult(value=float("nan"), text="\ud83d")

    async with ActorSystem() as system, Workers(system) as workers:
        snapshot = await (await workers.start(Odd)).ping()

    assert (snapshot.value, snapshot.text) == (None, "\ufffd")


async def test_a_failure_whose_text_cannot_be_shown_is_a_failure_nevertheless() -> None:
    class UnshowableError(Exception):
        __str__ = Unshowable.__str__

    async def fail() -> None:
        raise UnshowableError

    async with ActorSystem() as system, Workers(system) as workers:
        final = await (await workers.start(fail)).finished()

    assert final.error is not None
    assert final.error.type == "UnshowableError"
    assert final.error.message == "(it cannot be shown)"


class NoRun:
    def start(self) -> None:
        pass


class RunIsData:
    run = 42


class Abstract(IBackgroundWorker):
    pass


class WantsArguments:
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def run(self) -> None:
        pass


class Generates:
    def run(self) -> Iterator[int]:
        yield 1


class GeneratesLater:
    async def run(self) -> AsyncIterator[int]:
        yield 1


def generate() -> Iterator[int]:
    yield 1


def takes_two(operation: Operation, folder: str) -> None:
    del operation, folder


class TakesTwo:
    async def run(self, operation: Operation, folder: str) -> None:
        pass


@pytest.mark.parametrize(
    ("body", "name", "problem"),
    [
        (NoRun(), "NoRun", "no run()"),
        (NoRun, "NoRun", "no run()"),
        (RunIsData(), "RunIsData", "no run()"),
        (None, "NoneType", "no run()"),
        ("a name", "str", "no run()"),
        (42, "int", "no run()"),
        (Abstract, "Abstract", "made without arguments"),
        (WantsArguments, "WantsArguments", "made without arguments"),
        (Generates, "Generates", "generator"),
        (Generates(), "Generates", "generator"),
        (GeneratesLater, "GeneratesLater", "generator"),
        (generate, "generate", "generator"),
        (functools.partial(generate), "generate", "generator"),
        (takes_two, "takes_two", "one: the operation"),
        (TakesTwo, "TakesTwo", "one: the operation"),
    ],
)
async def test_what_cannot_run_is_refused_with_what_is_wrong(
    body: object, name: str, problem: str
) -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        with pytest.raises(WorkerBodyError) as caught:
            await workers.start(body)

        assert caught.value.body == name
        assert problem in caught.value.problem
        assert sum(workers.by_state().values()) == 0


async def test_a_body_that_is_refused_stops_nobody() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless, key="k")

        with pytest.raises(WorkerBodyError):
            await workers.start(NoRun, key="k")

        assert (await worker.ping()).state is WorkerState.RUNNING


async def plain() -> str:
    return "plain"


async def with_operation(operation: Operation) -> str:
    operation.report(1.0)
    return "with the operation"


async def with_default(operation: Operation | None = None, folder: str = "") -> str:
    return f"{operation is not None} {folder!r}"


async def with_options(folder: str = "here", *, deep: bool = False) -> str:
    return f"{folder} {deep}"


class Callable1:
    async def __call__(self, operation: Operation) -> str:
        return f"called {operation.is_stop_requested}"


@pytest.mark.parametrize(
    ("body", "result", "kind"),
    [
        (plain, "plain", "plain"),
        (with_operation, "with the operation", "with_operation"),
        (with_default, "True ''", "with_default"),
        (with_options, "here False", "with_options"),
        (functools.partial(with_options, "there"), "there False", "with_options"),
        (Callable1(), "called False", "Callable1"),
        (functools.partial(Callable1()), "called False", "Callable1"),
    ],
)
async def test_every_shape_of_function_gets_what_it_asks_for(
    body: object,
    result: str,
    kind: str,
) -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        final = await (await workers.start(body)).finished()

    assert (final.result, final.kind) == (result, kind)
    assert final.state is WorkerState.SUCCEEDED


async def test_the_reason_of_a_stop_can_always_be_sent() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless)
        await worker.stop("\ud83d" * 5000)
        final = await worker.finished()

    assert final.reason == "\ufffd" * 999 + "…"


async def test_a_ping_that_always_fails_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Mute:
        async def run(self, operation: Operation) -> None:
            await operation.stopping()

        async def ping(self) -> None:
            raise AttributeError("_time_elapsed")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Mute)
        for _ in range(5):
            await worker.ping()

    logged = [r for r in caplog.records if "raised AttributeError" in r.getMessage()]
    assert len(logged) == 1
