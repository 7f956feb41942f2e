"""The tasks of a program by their names: what is started, and what is found again."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence

from duologue.actors import WorkerSnapshot, WorkerState
from duologue.actors._workers._start_policy import Terms
from duologue.errors import UnknownTaskError
from duologue.state._parameters import state_parameters
from duologue.state._states import States
from duologue.state._tasks._chains import Chain
from duologue.state._tasks._jobs import Job
from duologue.state._tasks._places import Place
from duologue.state._tasks._process_tasks import task_of
from duologue.state._tasks._tasks import Entry, Task

_logger = logging.getLogger("duologue.state")


class Registry:
    """The tasks that a dispatcher has registered.

    Args:
        tasks: They, by name; more may come.
        states: What they are given.
    """

    def __init__(self, tasks: Mapping[str, Task], states: States) -> None:
        self._tasks = tasks
        self._states = states
        self._said: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._tasks)

    def bound(self, given: object, worker_id: str) -> object:
        """A task with the States of its place and its worker; so a plain function.

        Raises:
            StateParameterError: It asks for a State that it cannot be given.
        """
        if isinstance(given, Task | Chain):
            place = _steps_of(given)[0].place
            return given.at(place.make(self._states, worker_id), place)
        if inspect.isroutine(given) and state_parameters(given).classes:
            return task_of(given, Place().make(self._states, worker_id))
        return given

    def job_for(
        self, given: object, snapshot: WorkerSnapshot, terms: Terms
    ) -> Job | None:
        """What is to be kept of a body; None if it is no registered task."""
        steps = _steps_of(given)
        calls = [
            (step.entry.name, dict(step.arguments))
            for step in steps
            if step.entry is not None and self._knows(step.entry)
        ]
        if not steps or len(calls) < len(steps):
            self._say(snapshot.kind)
            return None
        owner, key, place = snapshot.owner, snapshot.key, steps[0].place
        return Job(snapshot.id, calls, owner, key, terms, place)

    def body_of(self, job: Job) -> Task | Chain:
        """What does the work of a job, with the States of its place.

        Raises:
            TaskArgumentError: It does not take its arguments any more.
        """
        make = job.place.make(self._states, job.id)
        steps = [
            self._tasks[name].given(**arguments).at(make, job.place)
            for name, arguments in job.calls
        ]
        return steps[0] if len(steps) == 1 else Chain(steps)

    def entry_of(self, job: Job) -> Entry:
        """What is registered of the first task of a job.

        Raises:
            UnknownTaskError: Nothing is.
        """
        name = job.calls[0][0]
        task = self._tasks.get(name)
        if task is None or task.entry is None:
            raise UnknownTaskError(name, self.names)
        return task.entry

    def judge(self, job: Job) -> None:
        """End a job that is not to begin once more."""
        missing = [name for name, _ in job.calls if name not in self._tasks]
        if missing:
            job.fail(UnknownTaskError(missing[0], self.names))
        elif job.state is WorkerState.CANCELLING:
            job.give_up(WorkerState.CANCELLED, job.reason)
        elif job.attempt >= self.entry_of(job).attempts:
            reason = f"its process has died in each of {job.attempt} attempts"
            job.give_up(WorkerState.LOST, reason)

    def _knows(self, entry: Entry) -> bool:
        known = self._tasks.get(entry.name)
        return known is not None and known.entry is entry

    def _say(self, kind: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            _logger.info(
                "%s runs in memory only and ends with this process; one that is made "
                "by @dispatcher.task starts anew. Said once for each",
                kind,
            )


def _steps_of(given: object) -> Sequence[Task]:
    if isinstance(given, Chain):
        return given.steps
    return (given,) if isinstance(given, Task) else ()
