"""Errors of background workers."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class UnknownWorkerError(DuologueError):
    """There is no background worker with this id, or not for this owner.

    Attributes:
        worker_id: The id.
    """

    worker_id: str
    template = (
        "no worker {worker_id!r} is known here; workers that have ended are forgotten "
        "after a while: raise ttl= or keep= of Workers, or start a new one"
    )


class WorkerActiveError(DuologueError):
    """What is known of a worker was to be given up before its end.

    Attributes:
        worker_id: The worker.
    """

    worker_id: str
    template = "worker {worker_id!r} has not ended; wait for its end, or stop it first"


class UnknownTaskError(DuologueError, LookupError):
    """A task that was started is none of this program.

    Attributes:
        task: Its name.
        known: Those that are registered.
    """

    task: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"no task {self.task!r} is registered here, only {known}; write "
            f"@dispatcher.task(name={self.task!r}) over the function that does it now"
        )


class TaskArgumentError(DuologueError, TypeError):
    """A task was given arguments that it does not take.

    Attributes:
        task: Its name.
        problem: What is wrong with them.
    """

    task: str
    problem: str
    template = "{task} cannot be given these arguments: {problem}"


class WorkerBodyError(DuologueError, TypeError):
    """What was given to a background worker is nothing that can run.

    Attributes:
        body: The name of its class or function.
        problem: What is wrong with it.
    """

    body: str
    problem: str
    template = (
        "{body} cannot be the body of a worker: {problem}; give an object with run(), "
        "its class, or a function"
    )


class WorkerBodyTakenError(DuologueError):
    """An object that is to be the body of a worker is that of another already.

    Attributes:
        body: The name of its class.
        worker_id: The worker that runs it.
    """

    body: str
    worker_id: str
    template = (
        "worker {worker_id!r} still runs this {body}; give each worker an object of "
        "its own, or the class"
    )


class WorkerDiedError(DuologueError):
    """The process of a body ended before its work did.

    Attributes:
        body: The name of its class or function.
        returncode: What it ended with; a negative number is a signal that killed it.
    """

    body: str
    returncode: int
    template = (
        "the process of {body} has ended with {returncode} before its work did; a "
        "negative number is a signal, and -9 often that the system had no memory left"
    )


class WorkerIdTakenError(DuologueError):
    """A background worker was to have the id of another one.

    Attributes:
        worker_id: The id.
    """

    worker_id: str
    template = (
        "there is a worker {worker_id!r} already; leave id= out to get a new id, or "
        "use key= to join the one that runs"
    )


class WorkerRunningError(DuologueError):
    """A worker with this key is running, and a second one is not wanted.

    Attributes:
        key: The key.
        worker_id: The worker that runs.
    """

    key: str
    worker_id: str
    template = (
        "worker {worker_id!r} is running under the key {key!r}; wait for its end, or "
        "start with StartPolicy.JOIN or StartPolicy.REPLACE"
    )
