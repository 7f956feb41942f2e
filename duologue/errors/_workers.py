"""Errors of background workers."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class UnknownWorkerError(DuologueError):
    """There is no background worker with this id, or not for this owner.

    Attributes:
        worker_id: The id.
    """

    def __init__(self, worker_id: str) -> None:
        super().__init__(worker_id)
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"no worker {self.worker_id!r} is known here; workers that have ended are "
            "forgotten after a while: raise ttl= or keep= of Workers, or start a new one"
        )


class WorkerBodyError(DuologueError):
    """What was given to a background worker is nothing that can run.

    Attributes:
        body: The name of its class or function.
        problem: What is wrong with it.
    """

    def __init__(self, body: str, problem: str) -> None:
        super().__init__(body, problem)
        self.body = body
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"{self.body} cannot be the body of a worker: {self.problem}; give an "
            "object with run(), its class, or a function"
        )


class WorkerBodyTakenError(DuologueError):
    """An object that is to be the body of a worker is that of another already.

    Attributes:
        body: The name of its class.
        worker_id: The worker that runs it.
    """

    def __init__(self, body: str, worker_id: str) -> None:
        super().__init__(body, worker_id)
        self.body = body
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"worker {self.worker_id!r} still runs this {self.body}; give each worker "
            "an object of its own, or the class"
        )


class WorkerIdTakenError(DuologueError):
    """A background worker was to have the id of another one.

    Attributes:
        worker_id: The id.
    """

    def __init__(self, worker_id: str) -> None:
        super().__init__(worker_id)
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"there is a worker {self.worker_id!r} already; leave id= out to get a new "
            "id, or use key= to join the one that runs"
        )


class WorkerRunningError(DuologueError):
    """A worker with this key is running, and a second one is not wanted.

    Attributes:
        key: The key.
        worker_id: The worker that runs.
    """

    def __init__(self, key: str, worker_id: str) -> None:
        super().__init__(key, worker_id)
        self.key = key
        self.worker_id = worker_id

    def __str__(self) -> str:
        return (
            f"worker {self.worker_id!r} is running under the key {self.key!r}; wait "
            "for its end, or start with StartPolicy.JOIN or StartPolicy.REPLACE"
        )
