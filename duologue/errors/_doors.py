"""Errors of the servers that operators and pages talk to."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class AddressInUseError(DuologueError):
    """A server found its address taken.

    Attributes:
        host: The host it wanted to listen on.
        port: The port it wanted to listen on.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.host = host
        self.port = port

    def __str__(self) -> str:
        return (
            f"{self.host}:{self.port} is already in use; stop the program that holds "
            f"it, perhaps an earlier start of this one (`ss -ltnp` names it), or choose "
            "another port (0 picks a free one)"
        )


class AddressNotAvailableError(DuologueError):
    """A server cannot listen at its address.

    Attributes:
        host: The host.
        port: The port.
        reason: What the system says.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason)
        self.host = host
        self.port = port
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"nothing can listen at {self.host}, port {self.port} ({self.reason}); take "
            "an address of this machine, such as 127.0.0.1, and a port that you may use"
        )


class ActionSettingError(DuologueError):
    """Actions cannot be offered over HTTP as they were declared.

    Attributes:
        subject: The action or the argument at fault.
        problem: What is wrong with it and what to do instead.
    """

    def __init__(self, subject: str, problem: str) -> None:
        super().__init__(subject, problem)
        self.subject = subject
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.subject} cannot be offered: {self.problem}"


class MetricsOffError(DuologueError):
    """A runtime that does not count for Prometheus was asked for its numbers."""

    def __str__(self) -> str:
        return (
            "the runtime runs without metrics; give it metrics_port= or registry=, or "
            "call operations() before it starts"
        )


class RegistryTakenError(DuologueError):
    """Two runtimes were to show their metrics in one registry at the same time."""

    def __str__(self) -> str:
        return (
            "another runtime shows its metrics in this registry; give each runtime a "
            "CollectorRegistry() of its own, or run all bots in one runtime"
        )


class UnknownMetricError(DuologueError):
    """A gauge was named that the catalogue does not have.

    Attributes:
        name: The name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"there is no gauge {self.name!r}; add it to the catalogue of metrics, or "
            "use a name from it"
        )
