"""Local values: there is one of each, and it means nothing in another process."""

from __future__ import annotations

from typing import NoReturn, Self, SupportsIndex

from duologue.errors import LocalRefError


class Local:
    """A ref: a copy of it is the ref itself, and no other process can have it."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _copied: object) -> Self:
        # Behind it are its actor, the loop and everything there.
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise LocalRefError(str(self))
