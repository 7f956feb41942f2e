"""What goes between a program and the process of a body: lines of JSON, and no pickles.

A line that comes from the process may be anything that its body has forged, so it can
say no more than a report says, and nothing that comes is ever run.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from duologue.actors._workers._operation_report import clean_count, clean_total
from duologue.actors._workers._progress._part import PartSnapshot
from duologue.errors import WorkerBodyError

Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
Line: TypeAlias = Mapping[str, Plain]

LIMIT: Final = 2**24  # bytes of a line: a result has to fit into one


@dataclass(frozen=True, slots=True)
class Call:
    """A call that another process makes.

    Attributes:
        module: The module of the function, or of the class of an object with `run`.
        name: Its name there.
        arguments: What it is given, in order.
        named: What it is given by name.
        operation: The parameter that is the operation: its number, its name, or None.
    """

    module: str
    name: str
    arguments: tuple[object, ...] = ()
    named: Mapping[str, object] | None = None
    operation: int | str | None = None


def call_line(call: Call, resumed: object) -> bytes:
    """A call as it is sent.

    Raises:
        WorkerBodyError: An argument cannot be sent.
    """
    sent = {
        "arguments": list(call.arguments),
        "named": dict(call.named or {}),
        "resumed": resumed,
    }
    try:
        arrived: object = json.loads(json.dumps(sent, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise _unfit(call, str(error)) from None
    if arrived != sent:
        raise _unfit(call, "they would arrive as something else")
    where = {"module": call.module, "name": call.name, "operation": call.operation}
    return line_of({**where, **cast("Line", sent)})


def _unfit(call: Call, why: str) -> WorkerBodyError:
    problem = (
        "its arguments go to another process, so they must be numbers, text, lists, and "
        f"dicts with text as keys ({why})"
    )
    return WorkerBodyError(call.name, problem)


def line_of(told: Mapping[str, object]) -> bytes:
    """Something to be told, as a line.

    Raises:
        TypeError: It is nothing that JSON has.
        ValueError: It is no finite number, or holds itself.
    """
    return json.dumps(told, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def told_in(line: bytes) -> Line:
    """What a line tells.

    Raises:
        ValueError: It is none.
    """
    told: object = json.loads(line)
    if not isinstance(told, dict):
        raise ValueError("it is no line of the process of a body")  # noqa: TRY004 - of what was sent
    return cast("Line", told)


def packed_part(part: PartSnapshot) -> list[object]:
    """A part as it is sent."""
    children = [packed_part(child) for child in part.children]
    counts = [part.current, part.total, part.unit]
    return [part.name, part.weight, part.value, part.text, *counts, children]


def part_in(packed: object) -> PartSnapshot:
    """A part that was sent.

    Raises:
        ValueError: It is none.
    """
    name, weight, value, text, current, total, unit, children = items_of(packed)
    return PartSnapshot(
        str(name),
        clean_total(weight) or 1.0,
        clean_count(value),
        str(text),
        clean_count(current),
        clean_count(total),
        str(unit),
        tuple(part_in(child) for child in items_of(children)),
    )


def items_of(told: object) -> list[object]:
    """What a list holds that was sent.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(told, list):
        raise ValueError("no list")  # noqa: TRY004 - of what was sent
    return cast("list[object]", told)


Function: TypeAlias = Callable[..., object]  # type: ignore[explicit-any]  # the author's function


def found(module: object, name: str) -> Function | None:
    """A function or class of a module; one that is a task there is taken out of it."""
    thing: object = module
    for part in name.split("."):
        thing = getattr(thing, part, None)
    if not inspect.isroutine(thing) and not inspect.isclass(thing):
        thing = getattr(thing, "__wrapped__", None)
    return cast("Function", thing) if callable(thing) else None
