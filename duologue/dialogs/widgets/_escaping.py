"""Templates whose values cannot change the markup around them.

A template is taken apart once, when its widget is made. Each field then gives a piece
of text in which the signs that mean something in HTML stand for themselves; a value
that brings its own markup says so with `__html__`, as those of markupsafe do.
"""

from __future__ import annotations

from collections.abc import Callable
from string import Formatter
from typing import TypeAlias, cast

from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets._widget import WidgetData

Filler: TypeAlias = Callable[[WidgetData], str]

_formatter = Formatter()
# Quotes too: a value may stand in an attribute, such as href="{url}".
_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
)


def escaped(value: Json) -> str:
    """Write a value so that it means nothing but itself in HTML."""
    if _has_markup(value):
        return str(value.__html__())
    return format(value).translate(_ENTITIES)


def _has_markup(value: object) -> bool:
    # Of the class: an object may make up every attribute that it is asked for.
    return hasattr(type(value), "__html__")


def field_names(template: str) -> list[str]:
    """The fields of a template, as they are written.

    Raises:
        ValueError: Its braces do not fit together.
    """
    return [name for _, name, _, _ in _formatter.parse(template) if name is not None]


def escaping_filler(template: str) -> Filler:
    """Make the function that fills a template with escaped values.

    Args:
        template: The template, as `str.format_map` takes it.
    """
    parts: list[str | Filler] = []
    for literal, name, spec, conversion in _formatter.parse(template):
        if literal:
            parts.append(literal)
        if name is not None:
            parts.append(_field(name, spec or "", conversion))

    def fill(data: WidgetData) -> str:
        return "".join(
            [part if isinstance(part, str) else part(data) for part in parts]
        )

    return fill


def _field(name: str, spec: str, conversion: str | None) -> Filler:
    if spec or conversion:
        return lambda data: _formatted(_value(name, data), spec, conversion, data)
    if name.isidentifier():
        return lambda data: escaped(data[name])
    return lambda data: escaped(_value(name, data))


def _formatted(value: Json, spec: str, conversion: str | None, data: WidgetData) -> str:
    if conversion:
        value = _formatter.convert_field(value, conversion)
    elif _has_markup(value):
        problem = "a value with __html__ cannot be cut or padded; leave the format out"
        raise ValueError(problem)
    return escaped(format(value, spec.format_map(data)))


def _value(name: str, data: WidgetData) -> Json:
    value, _ = cast("tuple[Json, object]", _formatter.get_field(name, (), data))
    return value
