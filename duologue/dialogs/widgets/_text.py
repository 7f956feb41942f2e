"""Widgets that render text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TypeAlias

from duologue.dialogs._chat._data import Json
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._functions import name_of
from duologue.dialogs.widgets._escaping import Filler, escaping_filler, field_names
from duologue.dialogs.widgets._widget import (
    Selector,
    When,
    Widget,
    WidgetData,
    check_instance,
    key_names,
    selection,
)
from duologue.errors import WidgetError

CompiledText: TypeAlias = Callable[[WidgetData], str]

_SHOWN = 100  # characters of a text in messages


class Text(Widget):
    """A widget that renders text. Subclasses override `_render_text`."""

    async def render_text(self, data: WidgetData, manager: DialogManager) -> str:
        """Render the text; empty if the widget is not visible.

        Args:
            data: What the getters returned, and the data of the dialog.
            manager: The manager of the turn.
        """
        if not self.is_visible(data, manager):
            return ""
        return await self._render_text(data, manager)

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        raise NotImplementedError

    def compiled(self, *, escape: bool) -> CompiledText | None:  # noqa: ARG002  # for subclasses
        """A function of the data that renders the same without waiting.

        None where there is none: the widget may be hidden, may have to await
        something, or belongs to a class that somebody has derived.

        Args:
            escape: Whether values are put into HTML.
        """
        return None

    def __add__(self, other: Text | str) -> Text:
        return Multi(self, _as_text(other), sep="")

    def __radd__(self, other: str) -> Text:
        return Multi(_as_text(other), self, sep="")

    def __or__(self, other: Text | str) -> Text:
        return _Or(self, _as_text(other))

    def __ror__(self, other: str) -> Text:
        return _Or(_as_text(other), self)


class Const(Text):
    """Always the same text.

    Args:
        text: The text.
        when: When it is visible.

    Raises:
        WidgetError: The text is no string.
    """

    def __init__(self, text: str, when: When = None) -> None:
        super().__init__(when)
        _check_string(text, "Const")
        self.text = text

    def __repr__(self) -> str:
        return f"Const({_shortened(self.text)!r})"

    def compiled(self, *, escape: bool) -> CompiledText | None:
        """The text itself."""
        del escape
        return self._say if _is_plain(self, Const) else None

    def _say(self, data: WidgetData) -> str:  # noqa: ARG002  # as CompiledText has it
        return self.text

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:  # noqa: ARG002  # the hook's signature
        return self.text


class Format(Text):
    """Text with fields in braces, as `str.format_map` fills them from the data.

    In the text of a window with `parse_mode="html"` the values are escaped, so that
    they show as they are. Values with a method `__html__` bring their own markup.

    Args:
        text: The text, such as `"Hello, {name}!"`.
        when: When it is visible.
        escape: Whether its values are escaped where the window has markup.

    Raises:
        WidgetError: The text is no string, or its braces enclose no names.
    """

    def __init__(self, text: str, when: When = None, *, escape: bool = True) -> None:
        super().__init__(when)
        _check_string(text, "Format")
        self.has_fields: bool = _check_fields(text)
        self.text = text
        self.escape = escape

    def __repr__(self) -> str:
        return f"Format({_shortened(self.text)!r})"

    def compiled(self, *, escape: bool) -> CompiledText | None:
        """The text, filled."""
        if not _is_plain(self, Format):
            return None
        return self._fill_escaping if escape and self.escape else self._fill

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        if manager.is_escaping and self.escape:
            return self._fill_escaping(data)
        return self._fill(data)

    @cached_property
    def _escaping(self) -> Filler:
        return escaping_filler(self.text)

    def _fill(self, data: WidgetData) -> str:
        try:
            return self.text.format_map(data)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise self._unfilled(data, error) from error

    def _fill_escaping(self, data: WidgetData) -> str:
        try:
            return self._escaping(data)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise self._unfilled(data, error) from error

    def _unfilled(self, data: WidgetData, error: Exception) -> WidgetError:
        known = key_names(data)
        problem = f"cannot be filled: {error!r}; the getters gave: {known}"
        return WidgetError(f"Format({self.text!r})", problem)


class Multi(Text):
    """Several texts, one after another; those that are empty are left out.

    Args:
        texts: The texts.
        sep: What stands between them.
        when: When they are visible.
    """

    def __init__(self, *texts: Text, sep: str = "\n", when: When = None) -> None:
        super().__init__(when)
        for text in texts:
            check_text(text, "Multi", "a text")
        self.texts = texts
        self.sep = sep

    def __repr__(self) -> str:
        return f"Multi({', '.join(map(repr, self.texts))})"

    def parts(self) -> tuple[Widget, ...]:
        """The texts."""
        return self.texts

    def compiled(self, *, escape: bool) -> CompiledText | None:
        """The texts, one after another, if none has to wait."""
        parts = [text.compiled(escape=escape) for text in self.texts]
        if not _is_plain(self, Multi) or None in parts:
            return None
        known = [part for part in parts if part is not None]
        if len(known) == 1:
            return known[0]
        sep = self.sep

        def join(data: WidgetData) -> str:
            return sep.join([text for part in known if (text := part(data))])

        return join

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        rendered = [await text.render_text(data, manager) for text in self.texts]
        return self.sep.join(text for text in rendered if text)


class Case(Text):
    """One of several texts, chosen by a value.

    Args:
        texts: The texts by their values; `...` stands for every other value.
        selector: What chooses: a key of the data, a magic filter, or a function
            `(data, widget, manager)`.
        when: When it is visible.

    Raises:
        WidgetError: A text or the selector is something else, or there is no text.
    """

    def __init__(
        self,
        texts: Mapping[Json, Text],
        selector: Selector,
        when: When = None,
    ) -> None:
        super().__init__(when)
        _check_texts(texts)
        for key, text in texts.items():
            check_text(text, "Case", f"texts[{key!r}]")
        self.texts: dict[Json, Text] = dict(texts)
        self._default = self.texts.get(...)
        self.selector = selector
        self._select = selection(selector, "selector", "Case")

    def __repr__(self) -> str:
        return f"Case(selector={name_of(self.selector)})"

    def parts(self) -> tuple[Widget, ...]:
        """The texts."""
        return tuple(self.texts.values())

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        selected = self._select(data, self, manager)
        try:
            text = self.texts.get(selected, self._default)
        except TypeError as error:
            problem = f"the selector gave {selected!r}, which cannot be a key"
            raise WidgetError(repr(self), problem) from error
        if text is None:
            known = ", ".join(repr(key) for key in self.texts)
            raise WidgetError(
                repr(self),
                f"there is no text for {selected!r}, only for {known}; add one, or "
                "one for `...`, which stands for every other value; the getters gave: "
                f"{key_names(data)}",
            )
        return await text.render_text(data, manager)


def _check_texts(given: object) -> None:
    if not isinstance(given, Mapping) or not given:
        problem = "it has no texts; give it a text for each value: {value: text}"
        raise WidgetError("Case", problem)


class _Or(Text):
    """The first of its texts that is not empty."""

    def __init__(self, *texts: Text) -> None:
        super().__init__()
        for text in texts:
            check_text(text, "`|`", "a text")
        self.texts = texts

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.texts))

    def parts(self) -> tuple[Widget, ...]:
        """The texts."""
        return self.texts

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        for text in self.texts:
            rendered = await text.render_text(data, manager)
            if rendered:
                return rendered
        return ""


def _is_plain(text: Text, kind: type[Text]) -> bool:
    """Whether a text is always seen, and does just what its class says here."""
    return type(text) is kind and text.is_always_visible


def _as_text(text: Text | str) -> Text:
    return Format(text) if isinstance(text, str) else text


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _check_string(text: object, widget: str) -> None:
    if not isinstance(text, str):
        raise WidgetError(widget, f"its text must be a string, not {text!r:.100}")


def _check_fields(text: str) -> bool:
    """Make sure that a template can be filled; tell whether it has fields."""
    names: list[str] = []
    problem = None
    try:
        names = field_names(text)
    except ValueError as error:
        problem = str(error)
    if "" in names:
        problem = "a field has no name"
    if problem is not None:
        advice = "write {name} for a value of the data; {{ and }} stand for braces"
        raise WidgetError(f"Format({text!r})", f"{problem}; {advice}")
    return bool(names)


def check_text(text: object, widget: str, name: str) -> None:
    """Refuse at construction what could not be rendered later.

    Args:
        text: What was given.
        widget: To which widget, for the error.
        name: As what, for the error.

    Raises:
        WidgetError: It is no text widget.
    """
    if isinstance(text, Text):
        return
    check_instance(text, partial(WidgetError, widget))
    hint = "a text widget such as `Const` or `Format`"
    if isinstance(text, str):
        hint = f"`Const({text!r})`, or `Format({text!r})` to have its fields filled"
    raise WidgetError(widget, f"{name} is {text!r}; give {hint}")
