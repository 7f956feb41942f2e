"""Errors of State that is shared between tasks."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class SharedStateError(DuologueError):
    """A State was described or used in a way that cannot work.

    Attributes:
        state: The name of its class.
    """

    state: str


class StateClassError(SharedStateError, TypeError):
    """A class of a State cannot be what it says.

    Attributes:
        problem: What is wrong with it.
    """

    problem: str
    template = "{state} cannot be a State: {problem}"


class StateKeyError(SharedStateError, TypeError):
    """A value of a State was named by something else than a text.

    Attributes:
        key: What it was named by.
    """

    key: str
    template = "the values of {state} have texts for names, not {key}; write a string"


class StateNameError(SharedStateError, ValueError):
    """A value of a State was called `self`, as what its methods belong to is.

    `update(**values)` of a subclass could not take it.

    Attributes:
        key: What it was called.
    """

    key: str
    template = (
        "no value of {state} can be called {key!r}, which is what a method calls the "
        "State; give it another name"
    )


class StateFieldError(SharedStateError, ValueError):
    """A State that declares its fields has no such field.

    Attributes:
        field: What was asked for.
        fields: Those that it declares.
    """

    field: str
    fields: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.fields)
        return (
            f"{self.state} declares no field {self.field!r}, only {known}; declare it "
            "in the class, with its type"
        )


class StateValueError(SharedStateError, ValueError):
    """A value does not fit into a State.

    Attributes:
        field: Where it was to go.
        problem: What is wrong with it.
    """

    field: str
    problem: str
    template = "{state}.{field} {problem}"


class StateParameterError(DuologueError, TypeError):
    """A function asks for a State that it cannot be given.

    Attributes:
        function: Its name.
        parameter: The parameter.
        problem: What is wrong with it.
    """

    function: str
    parameter: str
    problem: str
    template = "{function} cannot be given its parameter {parameter!r}: {problem}"


class StateScopeError(SharedStateError, ValueError):
    """The place that a State was asked for in does not say whose it is.

    Attributes:
        scope: What the State belongs to.
        missing: What is not known there.
        instead: What could be written.
    """

    scope: str
    missing: str
    instead: str
    template = "{state} has one copy for each {scope}, and {missing}; {instead}"


class StateAtOnceError(SharedStateError):
    """Inside a turn something was asked for that cannot wait for the commit.

    Attributes:
        call: What was called.
    """

    call: str
    template = (
        "{state}.{call}() needs an answer, and what a turn writes leaves with its "
        "commit; write state.now.{call}(...), which acts at once and stays when the "
        "turn fails, or state.incr(...)"
    )


class StateChangedError(SharedStateError):
    """Somebody else has written to a State in the meantime; nothing was changed.

    Attributes:
        tries: How often it was tried.
    """

    tries: int

    def __str__(self) -> str:
        times = "once" if self.tries == 1 else f"{self.tries} times"
        return (
            f"{self.state} was changed by others in the meantime, {times}; nothing of "
            "this was written: try again, or give modify() a function that is not async"
        )


class StateEndedError(SharedStateError):
    """A State was used while no runtime keeps it."""

    template = (
        "nobody keeps {state} here: use it while a runtime runs, inside its "
        "`async with` block, and on its own loop or through SyncState"
    )


class StatesRunningError(SharedStateError):
    """Several runtimes run, so a State does not tell by itself whose it is.

    Attributes:
        running: How many there are.
    """

    running: int
    template = (
        "{running} runtimes run in this process; say which one keeps {state}: "
        "of(..., states=runtime.states)"
    )
