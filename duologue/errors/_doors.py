"""Errors of the servers that operators and pages talk to."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class AddressInUseError(DuologueError):
    """A server found its address taken.

    Attributes:
        host: The host it wanted to listen on.
        port: The port it wanted to listen on.
    """

    host: str
    port: int
    template = (
        "{host}:{port} is already in use; stop the program that holds it, perhaps an "
        "earlier start of this one (`ss -ltnp` names it), or choose another port (0 "
        "picks a free one)"
    )


class AddressNotAvailableError(DuologueError):
    """A server cannot listen at its address.

    Attributes:
        host: The host.
        port: The port.
        reason: What the system says.
    """

    host: str
    port: int
    reason: str
    template = (
        "nothing can listen at {host}, port {port} ({reason}); take an address of this "
        "machine, such as 127.0.0.1, and a port that you may use"
    )


class ActionSettingError(DuologueError, ValueError):
    """Actions cannot be offered over HTTP as they were declared.

    Attributes:
        subject: The action or the argument at fault.
        problem: What is wrong with it and what to do instead.
    """

    subject: str
    problem: str
    template = "{subject} cannot be offered: {problem}"


class MetricsOffError(DuologueError):
    """A runtime that does not count for Prometheus was asked for its numbers."""

    template = (
        "the runtime runs without metrics; give it metrics_port= or registry=, or call "
        "operations() before it starts"
    )


class RegistryTakenError(DuologueError):
    """Two runtimes were to show their metrics in one registry at the same time."""

    template = (
        "another runtime shows its metrics in this registry; give each runtime a "
        "CollectorRegistry() of its own, or run all bots in one runtime"
    )


class UnknownMetricError(DuologueError, ValueError):
    """A gauge was named that the catalogue does not have.

    Attributes:
        name: The name.
    """

    name: str
    template = (
        "there is no gauge {name!r}; add it to the catalogue of metrics, or use a name "
        "from it"
    )
