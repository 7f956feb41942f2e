"""Errors in what an author describes: states, windows, widgets, handlers."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from duologue.errors._root import DialogsError

_ENOUGH = 12  # names in one sentence


class UnknownStateError(DialogsError, ValueError):
    """No window shows a state.

    Attributes:
        state: The full name of the state.
        known: The states that have a window, by their full names.
    """

    state: str
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"no window has the state {self.state}; {self._remedy()}. "
            f"The dispatcher knows {_some(self.known) or 'no state at all'}"
        )

    def _remedy(self) -> str:
        group = self.state.rpartition(":")[0]
        if any(known.rpartition(":")[0] == group for known in self.known):
            return f"add a Window(..., state=...) for it to the Dialog of {group}"
        return (
            "include its Dialog in the dispatcher with "
            "dispatcher.include_router(...), or add a Window(..., state=...) for it"
        )


class NotAStateError(DialogsError, TypeError):
    """Something else was given where a state is needed.

    Attributes:
        given: What was given.
        where: What it was given to.
    """

    given: str
    where: str
    template = (
        "{where} needs a State, not {given}; write the attribute of the StatesGroup "
        "itself, such as Order.address, without quotes"
    )


class WrongArgumentError(DialogsError, TypeError):
    """Something else was given as an argument than what belongs there.

    Attributes:
        where: What it was given to.
        argument: The argument.
        given: What was given.
        expected: What belongs there.
    """

    where: str
    argument: str
    given: str
    expected: str
    template = (
        "{where} has {argument}={given}, and needs {expected} there; give arguments by "
        "name if their order is in doubt"
    )


class StateNotNamedError(DialogsError, ValueError):
    """A state stands outside a group."""

    template = "this State has no name; declare it in the body of a StatesGroup"


class WidgetError(DialogsError, ValueError):
    """A widget was described in a way that cannot work.

    Attributes:
        widget: Its id or its kind.
        problem: What is wrong and what to do.
    """

    widget: str
    problem: str
    template = "widget {widget!r}: {problem}"


class InvalidWidgetIdError(WidgetError):
    """The id of a widget cannot be put into a payload, or is taken."""


class InvalidWidgetTypeError(WidgetError, TypeError):
    """A window was given something that is no widget."""


class InvalidItemIdError(WidgetError):
    """The id of an item cannot be put into a payload, or not be read back."""


class ItemsError(WidgetError):
    """A widget was given no items to show, or one without an id."""


class InvalidUrlError(WidgetError):
    """A button was to open an address that messengers refuse or should not open."""


class CounterValueError(WidgetError):
    """A counter was to have a value outside its limits."""


class InvalidDialogError(DialogsError, ValueError):
    """The windows of a dialog do not fit together.

    Attributes:
        problem: What is wrong and what to do.
    """

    problem: str
    template = "{problem}"


class ViewError(DialogsError):
    """A window rendered something that the messenger does not take.

    Attributes:
        state: The window.
        problem: What is wrong and what to do.
    """

    state: str
    problem: str
    template = "the window of {state} cannot be shown: {problem}"


class HandlerError(DialogsError, TypeError):
    """A function cannot be a handler.

    Attributes:
        handler: Its name.
        problem: What is wrong and what to do.
    """

    handler: str
    problem: str
    template = "{handler} cannot be a handler: {problem}"


class InjectionError(DialogsError, TypeError):
    """A handler asks for an argument that nobody provides.

    Attributes:
        handler: The handler.
        parameter: The argument.
        known: What there is.
    """

    handler: str
    parameter: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        close = get_close_matches(self.parameter, self.known, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        return (
            f"handler {self.handler} asks for {self.parameter!r}, which nobody "
            f"provides; there is: {', '.join(self.known)}.{guess} Rename it, annotate "
            "it with the type it stands for (getters go by names only), or provide it: "
            "dispatcher[...] = ..., a filter or a middleware"
        )


class RouterError(DialogsError, ValueError):
    """Routers were put together in a way that cannot work.

    Attributes:
        problem: What is wrong and what to do.
    """

    problem: str
    template = "{problem}"


def _some(names: Sequence[str]) -> str:
    """List names for a sentence, but not hundreds of them."""
    rest = len(names) - _ENOUGH
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(names[:_ENOUGH]) + more
