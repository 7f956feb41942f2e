"""What other programs may write to a stream, and what is wrong with the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

from duologue.errors import (
    DuologueError,
    EnvelopeError,
    MessageTooLargeError,
    RemoteRefusedError,
    SignatureError,
)
from duologue.messages import MOST_BYTES, Event, Signer, read_event
from duologue.messages._rights import rights_of
from duologue.messages._signatures import check_time

_REPLY: Final = re.compile(r"(tell|ask)\.[A-Za-z0-9_-]{22}")


Allows: TypeAlias = Callable[[str, str], bool]
"""Tells whether a sender may do something with a target."""

ScopesOf: TypeAlias = Callable[[str, Sequence[str]], Allows]
"""Gives what a sender may do, by its name and its scopes."""


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who has written an entry.

    Attributes:
        name: Its name.
        allows: What it may do.
    """

    name: str
    allows: Allows


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that may come in.

    Attributes:
        event: The message.
        asked: Whether it is a question.
    """

    event: Event
    asked: bool


class Entrance:
    """Decides what may come in.

    Args:
        signers: Who may sign, and what each may do.
        unsigned: What messages without a signature may do.
        scopes: Reads scopes.
    """

    def __init__(
        self,
        signers: Sequence[Signer],
        unsigned: Sequence[str],
        *,
        scopes: ScopesOf,
    ) -> None:
        self._signers = [
            (signer, _Sender(signer.name, scopes(signer.name, signer.scopes)))
            for signer in signers
        ]
        self._unsigned = (
            _Sender("what is not signed", scopes("unsigned", unsigned))
            if unsigned
            else None
        )

    def read(self, name: str, fields: Mapping[bytes, bytes]) -> Entry:
        """Read an entry.

        Args:
            name: Its id, which begins with the time at which the server took it.
            fields: What it holds.

        Raises:
            MessageTooLargeError: It is too large.
            SignatureError: Nobody has signed it who may, or not just now.
            EnvelopeError: It is no event.
            RemoteRefusedError: Its sender may not send it.
        """
        body = fields.get(b"ce")
        if body is None:
            raise EnvelopeError("", "an entry has the field ce")
        if len(body) > MOST_BYTES:
            raise MessageTooLargeError(len(body), MOST_BYTES)
        given = fields.get(b"sig")
        sender = self._sender(body, given)
        event = read_event(body)
        if given is not None:
            if event.time is None:
                raise EnvelopeError("time", "what is signed says when that was")
            check_time(event.time.timestamp(), int(name.partition("-")[0]) / 1000)
        asked = False
        if event.replyto is not None:
            found = _REPLY.fullmatch(event.replyto)
            if found is None:
                raise EnvelopeError("replyto", "it is tell. or ask., and 22 characters")
            asked = found[1] == "ask"
        for verb, target in rights_of(event, asked=asked):
            if not sender.allows(verb, target):
                problem = f"the scopes of {sender.name} have no {verb} of {target}"
                raise RemoteRefusedError(HTTPStatus.FORBIDDEN.value, problem)
        return Entry(event, asked)

    def _sender(self, body: bytes, given: bytes | None) -> _Sender:
        if given is None:
            if self._unsigned is None:
                raise SignatureError("there is none, and only what is signed is taken")
            return self._unsigned
        text = given.decode(errors="replace")
        for signer, sender in self._signers:
            if signer.has_signed(body, text):
                return sender
        raise SignatureError("no secret that is known here has made it")


def waiting(fields: Mapping[bytes, bytes]) -> Event | None:
    """The event of an entry that was refused, if somebody waits to be told of it."""
    body = fields.get(b"ce", b"")
    try:
        event = read_event(body)
    except DuologueError:
        return None
    return event if _REPLY.fullmatch(event.replyto or "") else None
