"""A window: what a dialog shows in one state, and what it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Concatenate, TypeAlias, TypeVar

from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import Callback, MessageCreated
from duologue.dialogs._description._getters import Getter, Getters
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs._screen._render import Rendered
from duologue.dialogs._state._functions import check_async
from duologue.dialogs._state._shared import call_in_turn
from duologue.dialogs._state._states import State, checked_state
from duologue.dialogs.widgets._input import Input, MessageInput
from duologue.dialogs.widgets._kbd import Keyboard, RawKeyboard
from duologue.dialogs.widgets._text import Format, Multi, Text
from duologue.dialogs.widgets._widget import (
    ClickHandler,
    Widget,
    WidgetData,
    check_instance,
)
from duologue.errors import (
    InvalidDialogError,
    InvalidWidgetIdError,
    InvalidWidgetTypeError,
)

T = TypeVar("T")
OnResult: TypeAlias = Callable[  # type: ignore[explicit-any]  # State, by name
    Concatenate[Json, Json, DialogManager, ...], Awaitable[object]
]
WindowPart: TypeAlias = "str | Widget | ClickHandler"
_MARKUP = frozenset({"html", "markdown"})


class Window:
    """What a dialog shows in one state.

    Args:
        widgets: Texts, one a line, and keyboards, shown in this order; inputs. A string is a
            `Format`, a function is a `MessageInput`.
        state: The state that it belongs to.
        getter: Gives the data for the widgets.
        on_process_result: `async (start_data, result, manager)`, called when a
            dialog that was started from here has been closed.
        parse_mode: `"html"` or `"markdown"` if the text has markup. In HTML the
            values of a `Format` are escaped. No messenger documents how to escape
            them in Markdown, so its values must say `Format(..., escape=False)`.
        show_link_preview: Whether the messenger may expand links.

    Raises:
        InvalidWidgetTypeError: Something else was given as a widget.
        InvalidWidgetIdError: Two widgets have the same id.
        NotAStateError: `state` is none.
        InvalidDialogError: `parse_mode` is something else.
        HandlerError: `on_process_result` or the getter is not async, or takes other
            arguments.
    """

    def __init__(
        self,
        *widgets: WindowPart,
        state: State,
        getter: Getter | None = None,
        on_process_result: OnResult | None = None,
        parse_mode: str | None = None,
        show_link_preview: bool = True,
    ) -> None:
        check_async(
            on_process_result, "on_process_result", "start_data, result, manager"
        )
        parts = [_widget(part) for part in widgets]
        self.state: State = checked_state(state, "Window(state=...)")
        self.parse_mode: str | None = _markup(parse_mode, self.state)
        self.show_link_preview = show_link_preview
        self.on_process_result = on_process_result
        self.getters: Getters = Getters(getter)
        self._text = Multi(*_only(parts, Text))
        self._keyboards = _only(parts, Keyboard)
        self._inputs = _only(parts, Input)
        self._parts: tuple[Widget, ...] = (self._text, *self._keyboards, *self._inputs)
        self._check_ids()
        self._is_escaping = self.parse_mode == "html"
        self._compiled_text = self._text.compiled(escape=self._is_escaping)
        self._fixed_rows = self._find_fixed_rows()
        self._by_id = self._find_buttons()

    def __repr__(self) -> str:
        return f"<Window {self.state.state}>"

    def always_visible(self) -> Iterator[Widget]:
        """Go through the widgets that have no condition, nor are in one that has."""
        waiting = list(self._parts)
        while waiting:
            widget = waiting.pop()
            if widget.is_always_visible:
                waiting.extend(widget.parts())
                yield widget

    def register(self, *, escape: bool) -> None:
        """Make it ready for a dispatcher.

        Args:
            escape: Whether values are escaped where the text has markup.

        Raises:
            InvalidDialogError: A value would get into Markdown, which none escapes.
        """
        if escape and self.parse_mode == "markdown":
            self._check_markdown()
        is_escaping = escape and self.parse_mode == "html"
        if is_escaping is not self._is_escaping:
            self._is_escaping = is_escaping
            self._compiled_text = self._text.compiled(escape=is_escaping)

    async def render(self, data: WidgetData, manager: DialogManager) -> Rendered:
        """Render texts and buttons; rows without buttons are left out."""
        compiled, fixed = self._compiled_text, self._fixed_rows
        if compiled is not None:
            text = compiled(data)
        elif self._is_escaping:
            text = await self._render_escaping(data, manager)
        else:
            text = await self._text.render_text(data, manager)
        if fixed is not None:
            return Rendered(
                text, fixed, self.parse_mode, self.show_link_preview, is_fixed=True
            )
        rows = [
            row
            for keyboard in self._keyboards
            for row in await keyboard.render_keyboard(data, manager)
            if row
        ]
        return Rendered(text, rows, self.parse_mode, self.show_link_preview)

    async def process_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        """Give a press to the widget that it belongs to."""
        if self._by_id is not None:
            name, colon, item = callback.payload.partition(":")
            button = self._by_id.get(name)
            if button is None:
                return False
            found = item if colon else None
            return await button.take_press(callback, found, dialog, manager)
        for keyboard in self._keyboards:
            if await keyboard.process_callback(callback, dialog, manager):
                return True
        return False

    async def process_message(
        self, message: MessageCreated, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        """Give a message to the first input that takes it."""
        for widget in self._inputs:
            if await widget.process_message(message, dialog, manager):
                return True
        return False

    def takes(self, message: MessageCreated) -> bool:
        """Tell whether an input could take the message, by what it holds."""
        return any(widget.takes(message) for widget in self._inputs)

    @property
    def takes_commands(self) -> bool:
        """Whether an input takes commands too."""
        return any(widget.takes_commands for widget in self._inputs)

    async def process_result(
        self, start_data: Json, result: Json, manager: DialogManager
    ) -> None:
        """Tell the window that a dialog started from it has been closed."""
        if self.on_process_result is not None:
            await call_in_turn(
                self.on_process_result,
                manager.middleware_data,
                start_data,
                result,
                manager,
            )

    def find(self, widget_id: str) -> Widget | None:
        """Find a widget by its id."""
        for part in self._parts:
            found = part.find(widget_id)
            if found is not None:
                return found
        return None

    def widgets(self) -> Iterator[Widget]:
        """Go through all widgets, those inside others included."""
        return _inside(*self._parts)

    async def _render_escaping(self, data: WidgetData, manager: DialogManager) -> str:
        """Render the text; labels of buttons have no markup, so they come later."""
        manager.is_escaping = True
        try:
            return await self._text.render_text(data, manager)
        finally:
            manager.is_escaping = False

    def _check_markdown(self) -> None:
        for widget in _inside(self._text):
            if isinstance(widget, Format) and widget.escape and widget.has_fields:
                raise InvalidDialogError(
                    f"the window of {self.state.state} puts values into Markdown: "
                    f"{widget!r}; no messenger documents how to escape them there, so "
                    'write it with parse_mode="html", or give '
                    "Format(..., escape=False) if its values can hold no markup"
                )

    def _find_fixed_rows(self) -> RawKeyboard | None:
        """The buttons, if they are the same whatever the data."""
        parts = [keyboard.fixed_keyboard() for keyboard in self._keyboards]
        if None in parts:
            return None
        return [row for rows in parts if rows is not None for row in rows if row]

    def _find_buttons(self) -> dict[str, Keyboard] | None:
        """The keyboards by their ids, if nothing but its id tells whose a press is."""
        found: dict[str, Keyboard] = {}
        for widget in self.widgets():
            if not isinstance(widget, Keyboard):
                continue
            if not widget.takes_only_its_own():
                return None
            if widget.widget_id is not None:
                found[widget.widget_id] = widget
        return found

    def _check_ids(self) -> None:
        seen: set[str] = set()
        for widget in self.widgets():
            widget_id: str | None = getattr(widget, "widget_id", None)
            if widget_id in seen:
                raise InvalidWidgetIdError(
                    widget_id, f"the window of {self.state.state} has two of this id"
                )
            if widget_id is not None:
                seen.add(widget_id)


def _markup(given: object, state: State) -> str | None:
    if given is None:
        return None
    markup = given.lower() if isinstance(given, str) else None
    if markup not in _MARKUP:
        problem = f"parse_mode={given!r} is unknown; give 'html' or 'markdown'"
        raise InvalidDialogError(f"the window of {state.state}: {problem}")
    return markup


def _inside(*widgets: Widget) -> Iterator[Widget]:
    """Go through widgets and all that is inside them."""
    waiting = list(widgets)
    while waiting:
        widget = waiting.pop()
        waiting.extend(widget.parts())
        yield widget


def _widget(part: WindowPart) -> Widget:
    if isinstance(part, str):
        return Format(part)
    if isinstance(part, Text | Keyboard | Input):
        return part
    check_instance(part, partial(InvalidWidgetTypeError, "Window"))
    if callable(part):
        return MessageInput(part)
    raise InvalidWidgetTypeError(
        repr(part), "a window takes texts, keyboards, inputs, strings and functions"
    )


def _only(parts: Sequence[Widget], kind: type[T]) -> tuple[T, ...]:
    return tuple(part for part in parts if isinstance(part, kind))
