"""Open dialogs: a context each, piled up in stacks, a message a stack."""

from __future__ import annotations

from dataclasses import dataclass, field

from duologue.dialogs._chat._address import DIGEST_MARK, digest_of
from duologue.dialogs._chat._data import Json
from duologue.dialogs._state._modes import DEFAULT_STACK_ID
from duologue.dialogs._state._states import State

MAX_DEPTH = 100
MAX_STACKS = 100
_MAX_PENDING = 16


@dataclass(slots=True)
class Context:
    """One open dialog.

    Attributes:
        id: Its unguessable name.
        stack_id: The stack that it lies in.
        state: The window that it shows.
        start_data: What it was started with.
        dialog_data: What the handlers keep.
        widget_data: What the widgets keep.
    """

    id: str
    stack_id: str
    state: State
    start_data: Json = None
    dialog_data: dict[str, Json] = field(default_factory=dict)
    widget_data: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Keys:
    """The buttons of one drawing that can be pressed.

    Attributes:
        revision: Which drawing.
        intent: The dialog that they belong to.
        items: The payloads, without scope and intent, one a line.
    """

    revision: int
    intent: str
    items: str

    def is_like(self, other: Keys) -> bool:
        """Whether another drawing has the same buttons."""
        return (self.intent, self.items) == (other.intent, other.items)

    def find(self, intent: str, data: str) -> str | None:
        """Find the button with this payload among them.

        Args:
            intent: The dialog.
            data: Widget and item, or the digest of them.

        Returns:
            Widget and item; None if no such button is there.
        """
        if self.intent != intent:
            return None
        items = self.items.split("\n")
        if data[:1] == DIGEST_MARK:
            found = (item for item in items if digest_of(intent, item) == data)
            return next(found, None)
        return data if data in items else None


@dataclass(slots=True)
class KnownScreen:
    """What the user sees of a stack, as far as the state knows.

    Attributes:
        message_id: The message that shows the stack; None before the first.
        digest: Tells the view that was rendered last from others.
        drawn: The buttons on the confirmed message.
        pending: The buttons of drawings that nobody confirmed yet, oldest first.
    """

    message_id: str | None = None
    digest: str = ""
    drawn: Keys | None = None
    pending: list[Keys] = field(default_factory=list)

    @property
    def has_buttons(self) -> bool:
        """Whether buttons are on the screen or on their way to it."""
        if self.drawn is not None and self.drawn.items:
            return True
        return bool(self.pending) and any(keys.items for keys in self.pending)

    @property
    def known(self) -> int:
        """The newest drawing of which the state knows the message; 0 before the first."""
        return 0 if self.drawn is None else self.drawn.revision

    @property
    def newest(self) -> int:
        """The newest drawing that the state wants to be seen."""
        return max((self.known, *(keys.revision for keys in self.pending)))

    def expect(self, keys: Keys, *, new_message: bool) -> bool:
        """Note the buttons of a drawing that is on its way.

        Returns:
            Whether the drawing must be confirmed by a `Drawn`.
        """
        newest = self.pending[-1] if self.pending else self.drawn
        if (
            not new_message
            and self.message_id is not None
            and newest is not None
            and newest.is_like(keys)
            # The first of an adopted message stays: a newer copy may still confirm it.
            and (self.drawn is not None or any(map(keys.is_like, self.pending[:-1])))
        ):
            newest.revision = keys.revision
            return bool(self.pending)
        self.pending = [*self.pending[-_MAX_PENDING + 1 :], keys]
        return True

    def confirm(self, revision: int, message_id: str, previous_id: str | None) -> None:
        """Note that a drawing is on the screen.

        What was drawn for dialogs that have been closed meanwhile is ignored.
        """
        is_expected = any(keys.revision <= revision for keys in self.pending)
        if not is_expected and (previous_id is None or previous_id != self.message_id):
            return
        self.message_id = message_id
        for keys in self.pending:
            if keys.revision <= revision:
                self.drawn = keys
        self.pending = [keys for keys in self.pending if keys.revision > revision]

    def adopt(
        self, message_id: str, intent: str, data: str, *, is_newer: bool
    ) -> int | None:
        """Take a message that was pressed for one that was to be sent.

        Whoever has sent it has ended, or lost the answer, before it could note that.
        It may have been sent once more by now: then `confirm` will tell of the newer one.

        Args:
            message_id: The message.
            intent: The dialog.
            data: Widget and item, or the digest of them, which the message shows.
            is_newer: Whether it is surely newer than the one that is known, if one is.

        Returns:
            The drawing that it shows; None if it can be no such message.
        """
        if self.message_id is not None and not is_newer:
            return None
        for keys in self.pending:
            if keys.find(intent, data) is not None:
                self.message_id = message_id  # what it shows is still to be confirmed
                return keys.revision
        return None

    def refuse(self, revision: int) -> None:
        """Note that a drawing will never be on the screen.

        The same view is worth another attempt, and its buttons cannot be seen.
        """
        self.digest = ""
        self.pending = [keys for keys in self.pending if keys.revision > revision]

    def pressed(self, message_id: str | None, intent: str, data: str) -> str | None:
        """Find the button of a press among those that the user can see.

        Args:
            message_id: The message that the press names; None if it is gone.
            intent: The dialog.
            data: Widget and item, or the digest of them.

        Returns:
            Widget and item; None if the user cannot see it.
        """
        for keys in self.pending:
            found = keys.find(intent, data)
            if found is not None:
                return found
        if self.drawn is None or message_id not in (None, self.message_id):
            return None
        return self.drawn.find(intent, data)


@dataclass(slots=True)
class Stack:
    """Dialogs that cover one another; the last one is seen.

    Attributes:
        id: Its name within the address; the default one has the empty name.
        intents: The ids of its contexts, from the first to the one on top.
        screen: What the user sees of it.
    """

    id: str = DEFAULT_STACK_ID
    intents: list[str] = field(default_factory=list)
    screen: KnownScreen = field(default_factory=KnownScreen)

    def empty(self) -> bool:
        """Tell whether no dialog is open in it."""
        return not self.intents

    def default(self) -> bool:
        """Tell whether it is the one that everybody has."""
        return self.id == DEFAULT_STACK_ID

    def last_intent_id(self) -> str | None:
        """The id of the context on top; None if the stack is empty."""
        return self.intents[-1] if self.intents else None
