"""What all widgets share: when they are visible, and how they are found."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from types import FunctionType
from typing import (
    ClassVar,
    Concatenate,
    Generic,
    Protocol,
    TypeAlias,
    TypeGuard,
    TypeVar,
    runtime_checkable,
)

from magic_filter import MagicFilter

from duologue.actors._pykka._functions import is_async
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._functions import name_of, takes
from duologue.dialogs._state._modes import LaunchMode, ShowMode, StartMode
from duologue.dialogs._state._shared import call_in_turn
from duologue.errors import InvalidWidgetIdError, WidgetError

WidgetData: TypeAlias = dict[str, Json]
Selection: TypeAlias = Callable[[WidgetData, "Widget", DialogManager], Json]
Selector: TypeAlias = str | MagicFilter | Selection
When: TypeAlias = Selector | None
_ID = re.compile(r"[A-Za-z0-9_.]+")

WRONG_TEXT = (ValueError, TypeError, ArithmeticError, LookupError)
"""What a `type_factory` raises for a text that it makes nothing of."""


class Widget:
    """A part of a window.

    Args:
        when: When it is visible: always (None), if the value under a key is
            truthy (a string), if a magic filter of the data is truthy, or if a
            function `(data, widget, manager)` says so.

    Attributes:
        keeps_value: Whether it keeps something in the dialog under its id.

    Raises:
        WidgetError: `when` is something else.
    """

    keeps_value: ClassVar[bool] = False

    def __init__(self, when: When = None) -> None:
        self._predicate: Selection | None = None
        if when is not None:
            name = getattr(self, "widget_id", None) or type(self).__name__
            self._predicate = selection(when, "when", name)

    @property
    def is_always_visible(self) -> bool:
        """Whether it has no condition."""
        return self._predicate is None

    def is_visible(self, data: WidgetData, manager: DialogManager) -> bool:
        """Tell whether the widget is to be seen."""
        return self._predicate is None or bool(self._predicate(data, self, manager))

    def find(self, widget_id: str) -> Widget | None:
        """Find a widget in this one, itself included."""
        if getattr(self, "widget_id", None) == widget_id:
            return self
        for part in self.parts():
            found = part.find(widget_id)
            if found is not None:
                return found
        return None

    def parts(self) -> tuple[Widget, ...]:
        """The widgets directly inside this one."""
        return ()

    def steps(self) -> int:
        """How many windows it always moves its dialog on; fewer than 0 for back."""
        return 0

    def managed(self, manager: DialogManager) -> object:  # noqa: ARG002  # for subclasses
        """What `manager.find` hands out for this widget."""
        return self


def inherits(widget: Widget, kind: type[Widget], *methods: str) -> bool:
    """Whether nobody has overridden some methods that a kind of widgets has."""
    own = type(widget)
    return all(getattr(own, name) is getattr(kind, name) for name in methods)


@runtime_checkable
class EventProcessor(Protocol):
    """A widget that can stand where a callback function is expected."""

    async def process_event(
        self, event: object, widget: object, manager: DialogManager
    ) -> None:
        """Do what the widget does when it is pressed."""
        ...


ClickHandler: TypeAlias = (  # type: ignore[explicit-any]  # State, by name
    Callable[Concatenate[Json, Json, DialogManager, ...], Awaitable[object]]
    | EventProcessor
)
ItemHandler: TypeAlias = (  # type: ignore[explicit-any]  # State, by name
    Callable[Concatenate[Json, Json, DialogManager, Json, ...], Awaitable[object]]
    | EventProcessor
)
W = TypeVar("W", bound=Widget)


class ManagedWidget(Generic[W]):
    """A widget within a turn, as `manager.find` and handlers get it.

    Args:
        widget: The widget.
        manager: The manager of the turn.
    """

    def __init__(self, widget: W, manager: DialogManager) -> None:
        self.widget: W = widget
        self.manager: DialogManager = manager

    @property
    def widget_id(self) -> str | None:
        """The id of the widget."""
        return getattr(self.widget, "widget_id", None)


async def call_handler(
    handler: ClickHandler | ItemHandler | None,
    event: object,
    widget: object,
    manager: DialogManager,
    *values: object,
) -> None:
    """Run what the author gave as `on_...`, if anything.

    Args:
        handler: The function, or a widget that stands in for one.
        event: What is being handled.
        widget: The widget, ready for use in this turn.
        manager: The manager of the turn.
        values: What functions get besides; other widgets do not need it.
    """
    if handler is None:
        return
    # A function is most likely, and asking the protocol costs 10 µs.
    if isinstance(handler, FunctionType) or not isinstance(handler, EventProcessor):
        function: Function = handler
        data = manager.middleware_data
        await call_in_turn(function, data, event, widget, manager, *values)
    else:
        await handler.process_event(event, widget, manager)


def check_instance(given: object, error: Callable[[str], WidgetError]) -> None:
    """Refuse a class of widgets where one of its instances is wanted.

    Args:
        given: What was given.
        error: Makes the error of the problem.

    Raises:
        WidgetError: It is such a class.
    """
    if isinstance(given, type) and issubclass(given, Widget):
        name = given.__name__
        arguments = "" if takes(given, 0) else "..."
        problem = f"`{name}` is a class; give an instance: `{name}({arguments})`"
        raise error(problem)


def check_handler(
    handler: object, name: str, widget: str, call: str = "event, widget, manager"
) -> None:
    """Refuse at construction what could not be awaited later.

    Args:
        handler: What was given.
        name: As what, for the error.
        widget: To which widget, for the error.
        call: What it will be called with.

    Raises:
        WidgetError: It is neither an async function of these arguments nor a widget
            with `process_event`.
    """
    # A class has the methods of its objects, and a magic filter has every name.
    is_value = not isinstance(handler, type | MagicFilter)
    if handler is None or (is_value and isinstance(handler, EventProcessor)):
        return
    if not (is_value and callable(handler) and is_async(handler)):
        problem = f"{name}={name_of(handler)} must be an `async def` function"
        raise WidgetError(widget, problem)
    check_call(handler, name, widget, call)


def check_call(function: Function, name: str, widget: str, call: str) -> None:
    """Refuse at construction a function that could not be called later.

    Args:
        function: The function.
        name: What it was given as, for the error.
        widget: To which widget, for the error.
        call: What it will be called with.

    Raises:
        WidgetError: It takes other arguments.
    """
    if not takes(function, call.count(",") + 1):
        problem = f"{name}={name_of(function)} is called with ({call})"
        raise WidgetError(widget, f"{problem}; let it take these arguments")


def selection(given: Selector, name: str, widget: str) -> Selection:
    """Make a function of what an author gave to choose a value from the data.

    Args:
        given: A key of the data, a magic filter, or a function.
        name: The parameter, for the error.
        widget: Whose it is, for the error.

    Raises:
        WidgetError: It is something else; or, when it is asked, a coroutine that
            would have to be awaited.
    """
    # A mode is a text too, and gets here in the place of a condition.
    is_mode = isinstance(given, LaunchMode | ShowMode | StartMode)
    if isinstance(given, str) and given and not is_mode:
        return lambda data, _widget, _manager: data.get(given)
    if isinstance(given, MagicFilter):
        return lambda data, _widget, _manager: given.resolve(data)
    if is_mode or isinstance(given, type) or not is_plain_function(given):
        raise WidgetError(
            widget,
            f"{name}={name_of(given)} must be a key of the data, a magic filter or a "
            "function `(data, widget, manager)` that is not async",
        )
    check_call(given, name, widget, "data, widget, manager")
    return _answering(given, name, widget)


def _answering(function: Selection, name: str, widget: str) -> Selection:
    """Refuse coroutines that a function gives, since each of them counts as true."""

    def ask(data: WidgetData, asking: Widget, manager: DialogManager) -> Json:
        found = function(data, asking, manager)
        if inspect.iscoroutine(found):
            found.close()
            problem = f"{name}={name_of(function)} gave a coroutine and no value"
            advice = "await it in a getter, and give the key of what it found"
            raise WidgetError(widget, f"{problem}; {advice}")
        return found

    return ask


def is_plain_function(given: object) -> TypeGuard[Function]:
    """Tell whether something can be called and answers at once."""
    return callable(given) and not is_async(given)


def check_type_factory(given: object, widget: str) -> None:
    """Refuse at construction what could make no value of a text later.

    Raises:
        WidgetError: It is no function of a text, or one that is async.
    """
    if not is_plain_function(given):
        problem = f"type_factory={name_of(given)} must be a function that is not async"
        raise WidgetError(widget, problem)
    check_call(given, "type_factory", widget, "text")


def check_width(width: object, widget: str) -> None:
    """Refuse at construction a width that nothing can have.

    Raises:
        WidgetError: It is no whole number, or less than 1.
    """
    if not isinstance(width, int) or width < 1:
        problem = f"width={width!r} must be 1 or more, and whole"
        raise WidgetError(widget, problem)


def check_key(name: object, widget: str) -> None:
    """Refuse at construction a name that nothing is kept under in a dialog.

    Raises:
        WidgetError: It is no text, or empty.
    """
    if not isinstance(name, str) or not name:
        problem = f"name={name!r} must be the name= of a start, such as {'progress'!r}"
        raise WidgetError(widget, problem)


def key_names(data: WidgetData) -> str:
    """List what the getters gave, for an error that misses something."""
    return ", ".join(sorted(filter(str.isidentifier, map(str, data))))


def check_id(widget_id: object) -> None:
    """Refuse an id that cannot be told from an item in a payload.

    Raises:
        InvalidWidgetIdError: It is no text, or has other characters than letters,
            digits, `_` and `.`.
    """
    if not isinstance(widget_id, str):
        raise InvalidWidgetIdError(
            name_of(widget_id),
            'stands in the place of its id; give a text such as id="save", and '
            "functions by name, such as on_click=",
        )
    if not _ID.fullmatch(widget_id):
        raise InvalidWidgetIdError(
            widget_id, "an id consists of the letters A-Z, a-z, digits, `_` and `.`"
        )
