"""Classes of messages, and the tags by which the wire knows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from duologue.errors import (
    MessageClassError,
    UnknownMessageError,
)
from duologue.messages._limits import check_data
from duologue.messages._shapes import check_class, has_fields, structured, unstructured

T = TypeVar("T")

_TAG: Final = re.compile(r"[a-z0-9_]+(?:[.-][a-z0-9_]+)*\.v[1-9][0-9]{0,3}")
_LONGEST: Final = 100
_OURS: Final = "duologue."
_PLACE: Final = "__message_tag__"


def message(tag: str) -> Callable[[type[T]], type[T]]:
    """Name a class as other programs know it: `@message("shop.order_paid.v1")`.

    The class is one of attrs or a dataclass, and its fields are what is sent. You may add
    fields with a default; any other change needs a new tag, `.v2`, beside which the old
    one goes on as long as somebody sends it.

    Args:
        tag: Lower-case words between dots, the last one a version.

    Raises:
        MessageClassError: The tag is none, or the class is something else.
    """
    if tag.startswith(_OURS):
        problem = f"tags that begin with {_OURS} are taken; write {tag[9:]!r}"
        raise MessageClassError(tag, problem)

    def name(cls: type[T]) -> type[T]:
        return named(tag, cls)

    return name


def named(tag: str, cls: type[T]) -> type[T]:
    """Give a class its tag.

    Raises:
        MessageClassError: The tag is none, or the class is something else.
    """
    if not _TAG.fullmatch(tag) or len(tag) > _LONGEST:
        problem = (
            f"{tag!r:.120} is no tag; write lower-case words between dots and a "
            'version at the end, as in "shop.order_paid.v1"'
        )
        raise MessageClassError(cls.__name__, problem)
    if not has_fields(cls):
        problem = (
            "put @message above @attrs.frozen or @dataclass, which lists its fields"
        )
        raise MessageClassError(cls.__name__, problem)
    setattr(cls, _PLACE, tag)
    return cls


def tag_of(cls: type[object]) -> str:
    """The tag of a class.

    Raises:
        MessageClassError: It has none.
    """
    tag: object = vars(cls).get(_PLACE)
    if not isinstance(tag, str):
        problem = f'write @message("….v1") above class {cls.__name__}'
        raise MessageClassError(cls.__name__, problem)
    return tag


def dump(value: object) -> tuple[str, object]:
    """The tag of a message, and its data as JSON values.

    Raises:
        MessageClassError: Its class is none of messages.
        MessageShapeError: It holds what cannot be sent, and where.
    """
    tag = tag_of(type(value))
    data = unstructured(value)
    check_data(tag, data)
    return tag, data


def dump_answer(value: object) -> tuple[str | None, object]:
    """The tag of an answer, if it is a message, and its data as JSON values.

    Raises:
        MessageShapeError: It holds what cannot be sent, and where.
    """
    if isinstance(vars(type(value)).get(_PLACE), str):
        return dump(value)
    data = unstructured(value)
    check_data("answer", data)
    return None, data


class Messages:
    """The messages that somebody takes: all others are refused.

    Args:
        classes: Their classes.
    """

    def __init__(self, classes: Iterable[type[object]] = ()) -> None:
        self._classes: dict[str, type[object]] = {}
        for cls in classes:
            self.add(cls)

    def __contains__(self, tag: object) -> bool:
        return tag in self._classes

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags, sorted."""
        return tuple(sorted(self._classes))

    @property
    def classes(self) -> tuple[type[object], ...]:
        """The classes, in the order of their tags."""
        return tuple(self._classes[tag] for tag in self.tags)

    def add(self, cls: type[object]) -> None:
        """Take the messages of a class, too.

        Raises:
            MessageClassError: It is no class of messages, or another one has its tag.
        """
        tag = tag_of(cls)
        other = self._classes.get(tag)
        if other is cls:
            return
        if other is not None:
            problem = (
                f"{other.__module__}.{other.__qualname__} has the tag {tag}; give one "
                "of them another"
            )
            raise MessageClassError(cls.__name__, problem)
        check_class(cls)
        self._classes[tag] = cls

    def load(self, tag: str, data: object) -> object:
        """The message that some data is.

        Raises:
            UnknownMessageError: Nobody takes its tag.
            MessageShapeError: It has another shape, and where.
        """
        cls = self._classes.get(tag)
        if cls is None:
            raise UnknownMessageError(tag, self.tags)
        check_data(tag, data)
        # An envelope without data is that of a message without fields.
        return structured(tag, {} if data is None else data, cls)
