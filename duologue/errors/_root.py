"""The two ancestors of the errors, and how each of them is written.

An error is an exception that is a dataclass too. It annotates its data as fields, so
that the constructor takes them in this order, and says its text in a `template` that
names them. The fields are its `args` as well, from which a pickle makes it again. A
text that needs a decision is a `__str__` of its own. What is wrong with an argument
is a `ValueError` or, where something else belongs in its place, a `TypeError` too.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import get_annotations
from typing import ClassVar, dataclass_transform


@dataclass_transform(eq_default=False)
class DuologueError(Exception):
    """The ancestor of every error that duologue raises on its own account."""

    template: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if get_annotations(cls):  # others have the constructor of their ancestor
            dataclass(eq=False, repr=False)(cls)

    def __post_init__(self) -> None:
        super().__init__(*vars(self).values())

    def __str__(self) -> str:
        return self.template.format_map(vars(self)) or super().__str__()


class DialogsError(DuologueError):
    """A dialog was described or used in a way that cannot work."""
