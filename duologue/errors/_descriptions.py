"""Errors in what an author describes: states, windows, widgets, handlers."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from duologue.errors._root import DialogsError

_ENOUGH = 12  # names in one sentence


class UnknownStateError(DialogsError):
    """No window shows a state.

    Attributes:
        state: The full name of the state.
        known: The states that have a window, by their full names.
    """

    def __init__(self, state: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(state, known)
        self.state = state
        self.known = known

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


class NotAStateError(DialogsError):
    """Something else was given where a state is needed.

    Attributes:
        given: What was given.
        where: What it was given to.
    """

    def __init__(self, given: str, where: str) -> None:
        super().__init__(given, where)
        self.given = given
        self.where = where

    def __str__(self) -> str:
        return (
            f"{self.where} needs a State, not {self.given}; write the attribute of "
            "the StatesGroup itself, such as Order.address, without quotes"
        )


class StateNotNamedError(DialogsError):
    """A state stands outside a group."""

    def __str__(self) -> str:
        return "this State has no name; declare it in the body of a StatesGroup"


class WidgetError(DialogsError):
    """A widget was described in a way that cannot work.

    Attributes:
        widget: Its id or its kind.
        problem: What is wrong and what to do.
    """

    def __init__(self, widget: str, problem: str) -> None:
        super().__init__(widget, problem)
        self.widget = widget
        self.problem = problem

    def __str__(self) -> str:
        return f"widget {self.widget!r}: {self.problem}"


class InvalidWidgetIdError(WidgetError):
    """The id of a widget cannot be put into a payload, or is taken."""


class InvalidWidgetTypeError(WidgetError):
    """A window was given something that is no widget."""


class PayloadTooLongError(WidgetError):
    """The payload of a button is longer than messengers carry."""


class InvalidItemIdError(WidgetError):
    """The id of an item cannot be put into a payload, or not be read back."""


class ItemsError(WidgetError):
    """A widget was given no items to show, or one without an id."""


class InvalidUrlError(WidgetError):
    """A button was to open an address that messengers refuse or should not open."""


class CounterValueError(WidgetError):
    """A counter was to have a value outside its limits."""


class InvalidDialogError(DialogsError):
    """The windows of a dialog do not fit together.

    Attributes:
        problem: What is wrong and what to do.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class ViewError(DialogsError):
    """A window rendered something that the messenger does not take.

    Attributes:
        state: The window.
        problem: What is wrong and what to do.
    """

    def __init__(self, state: str, problem: str) -> None:
        super().__init__(state, problem)
        self.state = state
        self.problem = problem

    def __str__(self) -> str:
        return f"the window of {self.state} cannot be shown: {self.problem}"


class HandlerError(DialogsError):
    """A function cannot be a handler.

    Attributes:
        handler: Its name.
        problem: What is wrong and what to do.
    """

    def __init__(self, handler: str, problem: str) -> None:
        super().__init__(handler, problem)
        self.handler = handler
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.handler} cannot be a handler: {self.problem}"


class InjectionError(DialogsError):
    """A handler asks for an argument that nobody provides.

    Attributes:
        handler: The handler.
        parameter: The argument.
        known: What there is.
    """

    def __init__(self, handler: str, parameter: str, known: tuple[str, ...]) -> None:
        super().__init__(handler, parameter, known)
        self.handler = handler
        self.parameter = parameter
        self.known = known

    def __str__(self) -> str:
        close = get_close_matches(self.parameter, self.known, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        return (
            f"handler {self.handler} asks for {self.parameter!r}, which nobody "
            f"provides; there is: {', '.join(self.known)}.{guess} Rename it, annotate "
            "it with the type it stands for (getters go by names only), or provide it: "
            "dispatcher[...] = ..., a filter or a middleware"
        )


class RouterError(DialogsError):
    """Routers were put together in a way that cannot work.

    Attributes:
        problem: What is wrong and what to do.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


def _some(names: Sequence[str]) -> str:
    """List names for a sentence, but not hundreds of them."""
    rest = len(names) - _ENOUGH
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(names[:_ENOUGH]) + more
