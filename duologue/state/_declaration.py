"""What a class of a State declares: whose it is, for how long, and its fields.

Declared fields are typed: cattrs structures what is written, and what comes out is the
same value again, or the write fails. Classes without fields take any names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from inspect import get_annotations
from typing import ClassVar, TypeAlias, get_origin, get_type_hints
from uuid import UUID

import cattrs

from duologue.errors import (
    StateClassError,
    StateFieldError,
    StateNameError,
    StateValueError,
)
from duologue.state._values import Value, Values

SCOPES = ("process", "bot", "chat", "user", "dialog", "operation")
"""What a State may belong to."""

_Kind: TypeAlias = Value  # whatever may stand in an annotation
_SCALARS = (bool, bytes, float, int, str)
# What the codec knows, and cattrs does not.
_KNOWN = (date, datetime, time, timedelta, Decimal, UUID)


def _strict(value: Value, kind: type) -> Value:
    """Take only what is of a kind: cattrs on its own makes a text of anything."""
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    raise ValueError(value)


@lru_cache(maxsize=1)
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    for kind in (*_SCALARS, *_KNOWN):
        converter.register_structure_hook(kind, _strict)
    return converter


class Declaration:
    """What a class says of itself.

    Args:
        cls: The class; what it inherits counts.
        scope: What each of its States belongs to.
        ttl: Seconds after the last change until all is forgotten; None for never.

    Attributes:
        name: The name under which its States are kept.
        scope: What each of them belongs to.
        ttl: See above.
        is_ours: Whether it is no author's, so that nothing is kept for it.
        fields: The types of its fields.
        defaults: What fields are that nobody has written.

    Raises:
        StateClassError: It cannot be what it says.
        StateNameError: One of its fields is called `self`.
    """

    __slots__ = ("defaults", "fields", "is_ours", "name", "scope", "ttl")

    def __init__(self, cls: type, *, scope: str, ttl: float | None) -> None:
        self.is_ours: bool = cls.__module__.startswith("duologue.state.")
        self.name: str = cls.__name__
        if scope not in SCOPES:
            problem = f"there is no scope {scope!r}; write one of {', '.join(SCOPES)}"
            raise StateClassError(self.name, problem)
        if ttl is not None and not _is_time(ttl):
            problem = f"ttl={ttl!r} is no number of seconds above 0; leave it out"
            raise StateClassError(self.name, problem)
        self.scope: str = scope
        self.ttl: float | None = ttl
        self.fields: Mapping[str, _Kind] = _fields(cls)
        if "self" in self.fields:
            raise StateNameError(self.name, "self")
        self.defaults: Values = {}
        for name in self.fields:
            if hasattr(cls, name):
                self.defaults[name] = self.checked(name, getattr(cls, name))

    def checked(self, key: str, value: Value) -> Value:
        """What is stored for a value.

        Raises:
            StateFieldError: There is no such field.
            StateValueError: It is of another type.
        """
        if not self.fields:
            return value
        kind = self._kind(key)
        if kind in _SCALARS and type(value) is kind:
            return value
        converter = _converter()
        try:
            stored = converter.unstructure(value, unstructure_as=kind)
            if converter.structure(stored, kind) == value:
                return stored
        except Exception:  # noqa: BLE001, S110  # whatever a type of the author's raises
            pass
        wanted = getattr(kind, "__name__", kind) if get_origin(kind) is None else kind
        problem = f"must be {wanted}, not {value!r}; write such a value"
        raise StateValueError(self.name, key, problem)

    def given(self, key: str, stored: Value) -> Value:
        """The value of a field again, of its type."""
        if not self.fields:
            return stored
        kind = self._kind(key)
        if kind in _SCALARS:
            return stored
        return _converter().structure(stored, kind)

    def known(self, key: str) -> None:
        """Make sure that a name may be asked for.

        Raises:
            StateFieldError: There is no such field.
        """
        if self.fields:
            self._kind(key)

    def _kind(self, key: str) -> _Kind:
        try:
            return self.fields[key]
        except KeyError:
            raise StateFieldError(self.name, key, tuple(self.fields)) from None


def _is_time(ttl: object) -> bool:
    if isinstance(ttl, bool) or not isinstance(ttl, int | float):
        return False
    return ttl > 0 and math.isfinite(ttl)


def _fields(cls: type) -> Mapping[str, _Kind]:
    names = [
        name
        for base in reversed(cls.__mro__)
        if not base.__module__.startswith("duologue.state.")
        for name in get_annotations(base)
        if not name.startswith("_")
    ]
    if not names:
        return {}
    try:
        hints = get_type_hints(cls)
    except (NameError, TypeError) as error:
        problem = f"a type in it cannot be read ({error}); put it at module level"
        raise StateClassError(cls.__name__, problem) from error
    return {
        name: hints[name]
        for name in dict.fromkeys(names)
        if get_origin(hints[name]) is not ClassVar
    }
