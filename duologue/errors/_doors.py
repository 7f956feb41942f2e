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


class AccessTokenFileError(DuologueError):
    """The file of the access tokens cannot be read or written.

    Attributes:
        path: The file.
        reason: What is in the way.
    """

    path: str
    reason: str
    template = (
        "the access tokens in {path} cannot be used: {reason}; `duologue token list "
        "--file {path}` tries it again"
    )


class AccessTokenInUseError(DuologueError):
    """Another process changes the file of the access tokens at this moment.

    Attributes:
        path: The file.
        process: Which process.
    """

    path: str
    process: str
    template = "{process} is changing {path}; try again when it has ended"


class AccessTokenNameError(DuologueError, ValueError):
    """An access token cannot have this name.

    Attributes:
        name: The name.
    """

    name: str
    template = (
        "an access token cannot be named {name!r}; take 1 to 64 letters, digits, dots, "
        "`_` and `-`, such as `shop`"
    )


class AccessTokenScopeError(DuologueError, ValueError):
    """A scope of an access token says nothing.

    Attributes:
        scope: The scope.
    """

    scope: str
    template = (
        "{scope!r} is no scope; write verb:pattern, where the pattern is a text or the "
        "beginning of one and `*`, such as tell:dialog/max.42:*"
    )


class UnknownAccessTokenError(DuologueError, LookupError):
    """There is no access token of a name.

    Attributes:
        name: The name.
        path: The file.
    """

    name: str
    path: str
    template = (
        "there is no token of {name!r} in {path}; `duologue token list` shows those "
        "that there are, and `duologue token new {name} --scope ...` makes one"
    )


class AccessTokenTakenError(DuologueError):
    """There is an access token of this name already.

    Attributes:
        name: The name.
    """

    name: str
    template = (
        "{name!r} has a token; `duologue token rotate {name}` replaces it, and "
        "`duologue token revoke {name}` ends it"
    )


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


class UnknownActionError(DuologueError, LookupError):
    """The path of an action was asked for that no door of this process offers.

    Attributes:
        action: Its name.
        known: Those that are offered.
    """

    action: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"no action {self.action!r} is offered here, only {known}; make its door "
            "with actions_application first, and keep it"
        )
