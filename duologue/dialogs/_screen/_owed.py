"""Owed drawings: what commits owe to the screens of chats, as it lies in the engine.

A commit writes what it wants to be seen beside its snapshot, under the key of the chat's
screen, and each of these is deleted when it has been done. So a process that dies between
commit and drawing leaves all that the next one needs to draw; an engine that forgets with
the process is owed nothing.

A debt has as many parts as there are calls that it asks for, such as a view and the text
that answers the press behind it; it is paid when the last of them is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from duologue.actors import Owed
from duologue.dialogs._chat._chat import CallbackButton, InlineButton, LinkButton, View
from duologue.dialogs._chat._data import Json, dump_bytes, load
from duologue.dialogs._chat._sent import Outgoing, Sent
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._states import State
from duologue.dialogs._state._turn import Debt, Draw
from duologue.errors import UnknownStateError

_DRAW, _ANSWER = "draw", "answer"
_PLAIN = 13  # fields of a drawing that are written as they are, but for view and mode


@dataclass(slots=True)
class OwedAnswer:
    """An answer to a press that no drawing carries.

    Attributes:
        callback_id: The press.
        text: What it shows; None for nothing.
    """

    callback_id: str
    text: str | None


class Owing:
    """Makes what commits owe, and reads it again."""

    def __init__(self, state_by_name: Callable[[str], State]) -> None:
        self._state_by_name = state_by_name
        self._prefix = secrets.token_urlsafe(6)
        self._numbers = count(1)

    def draw(self, address: str, screen: str, draw: Draw) -> Owed:
        """Owe a drawing; note in it what it pays."""
        owed = self._owed(screen, [_DRAW, address, *_dump_draw(draw)])
        draw.debt = draw.press_debt = Debt(screen, owed.id)
        return owed

    def answer(
        self, address: str, screen: str, answer: OwedAnswer
    ) -> tuple[Owed, Debt]:
        """Owe an answer to a press."""
        body = [_ANSWER, address, answer.callback_id, answer.text]
        owed = self._owed(screen, body)
        return owed, Debt(screen, owed.id)

    def read(
        self, owed: Owed, handles: dict[str, Sent]
    ) -> tuple[str, Draw | OwedAnswer, Debt]:
        """Read what is owed.

        Args:
            owed: What lies in the engine.
            handles: Those that have been read already, by their tokens.

        Returns:
            The address, what is to be done, and what that pays.
        """
        debt = Debt(owed.screen, owed.id)
        kind, address, *fields = load(owed.body)
        if kind == _ANSWER:
            return address, OwedAnswer(*fields), debt
        draw = self._load_draw(fields)
        draw.debt = draw.press_debt = debt
        if draw.outgoing is not None and isinstance(draw.outgoing.target, Sent):
            sent = draw.outgoing.target
            draw.outgoing.target = handles.setdefault(sent.token, sent)
        return address, draw, debt

    def _owed(self, screen: str, body: list[Json]) -> Owed:
        name = f"{self._prefix}.{next(self._numbers)}"
        return Owed(screen, name, dump_bytes(body))

    def _load_draw(self, fields: list[Json]) -> Draw:
        stack_id, revision, view, mode, *known = fields[:_PLAIN]
        outgoing, state, before, cause = fields[_PLAIN:]
        shown = None if view is None else load_view(view)
        draw = Draw(stack_id, revision, shown, ShowMode(mode), *known)
        draw.outgoing = None if outgoing is None else _load_outgoing(outgoing)
        draw.state, draw.before = self._state(state), self._state(before)
        draw.cause = cause
        return draw

    def _state(self, name: str | None) -> State | None:
        """A state that the program may not have any more."""
        if name is None:
            return None
        try:
            return self._state_by_name(name)
        except UnknownStateError:
            return None


def _dump_draw(draw: Draw) -> list[Json]:
    """Write a drawing; all but the first four are in the order of `Draw`."""
    return [
        draw.stack_id,
        draw.revision,
        None if draw.view is None else dump_view(draw.view),
        draw.mode.value,
        draw.message_id,
        draw.confirm,
        draw.strip,
        draw.is_asked,
        draw.callback_id,
        draw.pressed_id,
        draw.notification,
        draw.intent_id,
        draw.known,
        None if draw.outgoing is None else _dump_outgoing(draw.outgoing),
        None if draw.state is None else draw.state.state,
        None if draw.before is None else draw.before.state,
        draw.cause,
    ]


def dump_view(view: View) -> list[Json]:
    """Write a view as JSON."""
    rows = [[_dump_button(button) for button in row] for row in view.keyboard]
    return [view.text, rows, view.markup, view.show_link_preview, view.is_shared]


def load_view(form: list[Json]) -> View:
    """Read a view."""
    text, rows, *rest = form
    keyboard = tuple(tuple(_load_button(*button) for button in row) for row in rows)
    return View(text, keyboard, *rest)


def _dump_button(button: InlineButton) -> list[Json]:
    if isinstance(button, LinkButton):
        return [button.text, button.url, 1]
    return [button.text, button.payload]


def _load_button(text: str, target: str, is_link: int = 0) -> InlineButton:
    return LinkButton(text, target) if is_link else CallbackButton(text, target)


def _dump_outgoing(outgoing: Outgoing) -> list[Json]:
    target: Json = outgoing.target
    is_stored = False
    if isinstance(target, Sent):
        is_stored, target = target.is_stored, target.form()
    return [
        outgoing.bot_key,
        outgoing.chat_id,
        target,
        is_stored,
        None if outgoing.view is None else dump_view(outgoing.view),
        outgoing.reply_to,
        outgoing.is_new,
        outgoing.is_followed,
    ]


def _load_outgoing(form: list[Json]) -> Outgoing:
    bot_key, chat_id, target, is_stored, view, *rest = form
    if not isinstance(target, str):
        target = Sent.restore(target)
        target.is_stored = is_stored
    shown = None if view is None else load_view(view)
    return Outgoing(bot_key, chat_id, target, shown, *rest)
