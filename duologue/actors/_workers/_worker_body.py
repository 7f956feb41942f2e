"""The body of a worker: the author's object or function, and what it can do."""

from __future__ import annotations

import abc
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from duologue.actors._pykka._functions import is_async
from duologue.actors._workers._durable import DurableWork
from duologue.actors._workers._operation_report import AsyncOperationResult
from duologue.errors import WorkerBodyError

RunFunction: TypeAlias = Callable[..., object]  # type: ignore[explicit-any] # the author's function


class IBackgroundWorker(abc.ABC):
    """The base class of m3 for what runs in the background.

    Only `run` must be written. No body needs this base: any object with `run` and
    any function will do.
    """

    _asked_to_stop = False

    def start(self) -> AsyncOperationResult | None:
        """Called before `run`; what it returns is shown as the first report."""
        return AsyncOperationResult()

    @abc.abstractmethod
    def run(self) -> object:
        """Do the work, in a thread of its own or, if `async def`, on the loop.

        It may take one argument, which is then the `Operation`.
        """

    def stop(self) -> AsyncOperationResult | None:
        """Called when the worker is to stop; what it returns is shown.

        This one lets `is_active()` be false.
        """
        self._asked_to_stop = True
        return None

    def ping(self) -> AsyncOperationResult | None:
        """Called when somebody asks how far the work is; what it returns is shown.

        This one has nothing to add to what has been reported.
        """
        return None

    def is_active(self) -> bool:
        """Whether the work should go on: for the loop in `run`."""
        return not self._asked_to_stop


@dataclass(frozen=True, slots=True)
class BodyMethod:
    """A function of a body.

    Attributes:
        function: What to call, without arguments.
        is_async: Whether it gives a coroutine.
    """

    function: Callable[[], object]
    is_async: bool


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Body:
    """What a worker runs.

    Attributes:
        kind: The name of the class or function.
        author: The object or function itself.
        run: The function that does the work.
        takes_operation: Whether `run` takes the operation.
        start: Called before `run`, if there is such a method.
        stop: Called when the worker is to stop, if there is one.
        ping: Called when somebody asks, if there is one.
        is_deaf: Whether it does not hear of stops although it takes the operation.
    """

    kind: str
    author: object
    run: RunFunction
    takes_operation: bool
    start: BodyMethod | None
    stop: BodyMethod | None
    ping: BodyMethod | None
    is_deaf: bool = False

    @property
    def is_async(self) -> bool:
        """Whether `run` is a coroutine function, which runs on the loop."""
        return is_async(self.run)

    @property
    def is_shared(self) -> bool:
        """Whether the author's thing has no state, so that it may run twice."""
        return not hasattr(self.author, "run")

    @property
    def hears_of_stops(self) -> bool:
        """Whether it can end by itself when asked to."""
        return (self.takes_operation and not self.is_deaf) or self.stop is not None

    @property
    def can_be_stopped(self) -> bool:
        """Whether a request to stop can end it: it hears of it, or can be cancelled."""
        of_base = isinstance(self.author, IBackgroundWorker)
        return self.is_async or self.hears_of_stops or of_base


def check_body(body: object) -> None:
    """Raise unless a body can run, without making or calling anything.

    Raises:
        WorkerBodyError: If it has no `run` or cannot be called, or is a generator.
    """
    work = _work_of(body)
    if not callable(work):
        raise WorkerBodyError(name_of(body), "it has no run(), and is no function")
    for what in (work, getattr(work, "__call__", None)):  # noqa: B004 - its own code
        if inspect.isgeneratorfunction(what) or inspect.isasyncgenfunction(what):
            raise WorkerBodyError(
                name_of(body), "its run() is a generator: report, and do not yield"
            )


def kind_of(body: object) -> str:
    """Name what does the work, without making or calling anything.

    Raises:
        WorkerBodyError: If it cannot run.
    """
    check_body(body)
    return name_of(body)


def body_of(given: object) -> Body:
    """Look at a body that `check_body` let pass; a class is made into an object first.

    Raises:
        WorkerBodyError: If it cannot run.
    """
    author = _made(given) if inspect.isclass(given) else given
    check_body(author)
    run = cast("RunFunction", _work_of(author))
    return Body(
        kind=name_of(given),
        author=author,
        run=run,
        takes_operation=takes_operation(name_of(given), run),
        start=_own(author, "start"),
        stop=_own(author, "stop"),
        ping=_own(author, "ping"),
    )


def durable_body(body: Body, work: DurableWork) -> Body:
    """The body of a worker that outlives its process."""
    made = body_of(work.body)
    return replace(made, kind=body.kind, start=BodyMethod(work.begin, is_async=True))


def _work_of(body: object) -> object:
    if inspect.isclass(body) or hasattr(body, "run"):
        return getattr(body, "run", None)
    return body


def _made(body: type) -> object:
    try:
        made: object = body()
    except Exception as error:
        problem = (
            f"it cannot be made without arguments ({type(error).__name__}: {error})"
        )
        raise WorkerBodyError(body.__name__, problem) from error
    return made


def takes_operation(kind: str, run: RunFunction, *, is_method: bool = False) -> bool:
    """Whether a function takes the operation; `is_method` if its object is missing yet.

    Raises:
        WorkerBodyError: It takes something else.
    """
    try:
        signature = inspect.signature(run)
    except ValueError:
        return False  # of a function in C nothing is known
    if is_method:
        _, *parts = signature.parameters.values()
        signature = signature.replace(parameters=parts)
    wanted = [
        part
        for part in signature.parameters.values()
        if part.kind in {part.POSITIONAL_ONLY, part.POSITIONAL_OR_KEYWORD}
        and (part.default is part.empty or part.name == "operation")
    ]
    try:
        signature.bind(*([None] if wanted else []))
    except TypeError:
        problem = "its run() must take no argument, or one: the operation"
        raise WorkerBodyError(kind, problem) from None
    return bool(wanted)


def _own(author: object, verb: str) -> BodyMethod | None:
    """A method of the author's own: those of the base class add nothing."""
    if not hasattr(author, "run"):
        return None
    method: object = getattr(author, verb, None)
    inherited: object = vars(IBackgroundWorker)[verb]
    if not callable(method) or getattr(method, "__func__", None) is inherited:
        return None
    return BodyMethod(cast("Callable[[], object]", method), is_async(method))


def name_of(body: object) -> str:
    """What the function or the class of a body is called."""
    while isinstance(body, functools.partial):
        body = cast("object", body.func)
    name: object = getattr(body, "__name__", None)
    return name if isinstance(name, str) else type(body).__name__
