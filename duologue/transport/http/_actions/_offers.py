"""What a door offers to start: actions in the manner of m3, and registered tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from duologue.actors import StartPolicy
from duologue.actors._workers._start_policy import Executor
from duologue.actors._workers._worker_body import kind_of
from duologue.errors import ActionSettingError, TaskArgumentError, WorkerBodyError
from duologue.state import Task
from duologue.transport.http._actions._parameters import (
    Parameter,
    check_parameters,
    parameters_of,
)

Parameters: TypeAlias = Mapping[str, object]

RESERVED = ("/operations", "/openapi.json", "/operation-bar.js")
"""Paths that the door has for itself."""


class AsyncAction:
    """A background operation that a page starts, asks about and stops.

    Subclass it and say where it is and who does the work:

        class TheAsyncAction(AsyncAction):
            url = "/async"
            shortname = "async_action"
            worker_cls = MissileLaunch

    Attributes:
        url: Its path, such as `/async`.
        shortname: Its name, unlike that of any other action.
        worker_cls: What does the work: a body for `Workers.start`, or a task.
        policy: What a start does while the operation runs; it joins by default, so
            that pressing a button twice does no harm.
        executor: Where the work runs, as `Workers.start` has it; by default as what
            does it is written.
        timeout: Seconds after which it is stopped; None for never.
        heartbeat: Seconds for which nothing may be heard of it; None for any number.
        retries: How often it is tried again after it has raised.
    """

    url: ClassVar[str] = ""
    shortname: ClassVar[str] = ""
    worker_cls: ClassVar[object] = None
    policy: ClassVar[StartPolicy] = StartPolicy.JOIN
    executor: ClassVar[Executor | None] = None
    timeout: ClassVar[float | None] = None
    heartbeat: ClassVar[float | None] = None
    retries: ClassVar[int] = 0

    @classmethod
    def body(cls, parameters: Parameters) -> object:
        """Make what does the work of one operation; override it to use the parameters.

        Args:
            parameters: What the page or the program has sent, not checked: from JSON.

        Returns:
            A body for `Workers.start`: by default `worker_cls`, which as a task is
            given the parameters.

        Raises:
            ValueError: They are wrong; whoever has sent them is told the text.
            TaskArgumentError: The task, or what is no task, does not take them.
        """
        if isinstance(cls.worker_cls, Task):
            return bound(cls.worker_cls, parameters)
        if parameters:
            problem = "it takes no parameters"
            raise TaskArgumentError(cls.shortname, problem)
        return cls.worker_cls


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that can be started by its name.

    Attributes:
        name: The name.
        kind: What the snapshots of its workers call it.
        url: The path at which m3's requests are answered.
        policy: What a start under a key does while one runs under it.
        make: Makes a body from parameters.
        parameters: Those that are known; None if anything may be sent.
        text: What it does, for the document of the door.
        executor: Where it runs.
        timeout: Seconds after which it is stopped.
        heartbeat: Seconds for which nothing may be heard of it.
        retries: How often it is tried again.
    """

    name: str
    kind: str
    url: str
    policy: StartPolicy
    make: Callable[[Parameters], object]
    parameters: Sequence[Parameter] | None
    text: str = ""
    executor: Executor | None = None
    timeout: float | None = None
    heartbeat: float | None = None
    retries: int = 0


Offered: TypeAlias = type[AsyncAction] | Task


def bound(task: Task, parameters: Parameters) -> Task:
    """A task with parameters that came from outside.

    Raises:
        TaskArgumentError: It does not take them, or needs more.
    """
    check_parameters(task.__name__, parameters_of(task), parameters)
    return task.given(**parameters)


def offers_of(given: Sequence[Offered]) -> list[Offer]:
    """Make offers of what a program wants to offer.

    Raises:
        ActionSettingError: An action lacks something, a task is not registered, or two
            share a name or a path.
    """
    offers = [
        _task_offer(one) if isinstance(one, Task) else _action_offer(one)
        for one in given
    ]
    _refuse_twins("url", [offer.url for offer in offers])
    _refuse_twins("shortname", [offer.name for offer in offers])
    return offers


def _task_offer(task: Task) -> Offer:
    if task.entry is None:
        problem = "it is not registered; write @dispatcher.task over its function"
        raise ActionSettingError(task.__name__, problem)
    if task.entry.name in {"operations", "openapi.json", "operation-bar.js"}:
        problem = "the door has this path for itself; register it with another name="
        raise ActionSettingError(task.entry.name, problem)
    return Offer(
        name=task.entry.name,
        kind=kind_of(task),
        url=f"/{task.entry.name}",
        policy=StartPolicy.JOIN,
        make=lambda parameters: bound(task, parameters),
        parameters=parameters_of(task),
        text=task.__doc__ or "",
    )


def _action_offer(action: type[AsyncAction]) -> Offer:
    fault = _fault(action)
    if fault is not None:
        raise ActionSettingError(action.__name__, fault)
    work = action.worker_cls
    line = action.__mro__
    own_body = any("body" in vars(one) for one in line[: line.index(AsyncAction)])
    known = parameters_of(work) if isinstance(work, Task) else ()
    return Offer(
        name=action.shortname,
        kind=kind_of(work),
        url=action.url,
        policy=action.policy,
        make=action.body,
        parameters=None if own_body else known,
        text=action.__doc__ or "",
        executor=action.executor,
        timeout=action.timeout,
        heartbeat=action.heartbeat,
        retries=action.retries,
    )


def _refuse_twins(what: str, taken: Sequence[str]) -> None:
    twice = {value for value in taken if taken.count(value) > 1}
    if twice:
        raise ActionSettingError(min(twice), f"two actions have it as {what}")


def _fault(action: type[AsyncAction]) -> str | None:
    if not action.url.startswith("/"):
        return "its url must begin with a slash"
    if action.url in RESERVED or action.url.startswith("/operations/"):
        return f"the door has {action.url} for itself; choose another url"
    if not action.shortname:
        return "it has no shortname; give it a name of its own"
    if action.worker_cls is None:
        return "it has no worker_cls; name the class that does the work"
    try:
        kind_of(action.worker_cls)
    except WorkerBodyError as error:
        return str(error)
    return None
