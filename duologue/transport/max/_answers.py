"""What the MAX Bot API returns, apart from updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import cattrs

from duologue.dialogs import Batch
from duologue.errors import UnexpectedAnswerError


def _text(value: object, _: type[str]) -> str:
    # On its own cattrs makes a text of anything, of null too.
    if not isinstance(value, str):
        raise TypeError(f"not text but {type(value).__name__}")
    return value


_converter = cattrs.Converter()
_converter.register_structure_hook(str, _text)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook that receives the bot's updates.

    Attributes:
        url: Where the messenger sends them.
        update_types: Which types, by the messenger's names; None for all.
    """

    url: str
    update_types: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Subscriptions:
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class _SentBody:
    mid: str


@dataclass(frozen=True, slots=True)
class _SentMessage:
    body: _SentBody


@dataclass(frozen=True, slots=True)
class _Sent:
    message: _SentMessage


def subscriptions(answer: Mapping[str, object]) -> tuple[Subscription, ...]:
    """Read the answer to GET /subscriptions."""
    try:
        return _converter.structure(answer, _Subscriptions).subscriptions
    except cattrs.BaseValidationError as error:
        raise _unexpected("GET /subscriptions", error) from error


def message_id(answer: Mapping[str, object]) -> str:
    """Read the id of the new message from the answer to POST /messages."""
    try:
        return _converter.structure(answer, _Sent).message.body.mid
    except cattrs.BaseValidationError as error:
        raise _unexpected("POST /messages", error) from error


def batch(answer: Mapping[str, object]) -> Batch:
    """Read the answer to GET /updates; its elements stay as they came."""
    updates, marker = answer.get("updates"), answer.get("marker")
    if not isinstance(updates, list):
        raise UnexpectedAnswerError("GET /updates", "it has no list of updates")
    if marker is not None and type(marker) is not int:
        raise UnexpectedAnswerError("GET /updates", "its marker is no whole number")
    return Batch(cast("Sequence[Mapping[str, object]]", updates), marker)


def _unexpected(method: str, error: Exception) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(method, "; ".join(cattrs.transform_error(error)))
