"""The parameters of a task as JSON knows them: their names, and the types it can tell."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duologue.errors import TaskArgumentError
from duologue.state import Task

_NAMES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
}
_VALUES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that a start may name.

    Attributes:
        name: Its name.
        type: What JSON calls its type; empty if it is none that JSON can tell.
        is_required: Whether it must be there.
    """

    name: str
    type: str
    is_required: bool

    def takes(self, value: object) -> bool:
        """Whether a value is of its type; a bool is no number."""
        kinds = _VALUES.get(self.type)
        if kinds is None:
            return True
        if isinstance(value, bool):
            return bool in kinds
        return isinstance(value, kinds)


def parameters_of(task: Task) -> list[Parameter] | None:
    """The parameters of a task; None if it takes any name."""
    parts = [
        part
        for part in task.__signature__.parameters.values()
        if part.name != task.operation_name
    ]
    if any(part.kind is part.VAR_KEYWORD for part in parts):
        return None
    return [
        Parameter(part.name, _type(part.annotation), part.default is part.empty)
        for part in parts
        if part.kind is not part.VAR_POSITIONAL
    ]


def check_parameters(
    name: str, known: Sequence[Parameter] | None, given: Mapping[str, object]
) -> None:
    """See that parameters are there, known, and of their types.

    Raises:
        TaskArgumentError: They are not.
    """
    if known is None:
        return
    takes = {one.name: one for one in known}
    for key, value in given.items():
        if key not in takes:
            listed = ", ".join(takes) or "none"
            raise TaskArgumentError(name, f"it takes {listed}, not {key!r}")
        if not takes[key].takes(value):
            raise TaskArgumentError(name, f"{key!r} must be of type {takes[key].type}")
    for one in known:
        if one.is_required and one.name not in given:
            raise TaskArgumentError(name, f"it needs {one.name!r}")


def _type(annotation: object) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    name = annotation if isinstance(annotation, str) else _plain_name(annotation)
    return _NAMES.get(name.partition("[")[0], "")


def _plain_name(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
