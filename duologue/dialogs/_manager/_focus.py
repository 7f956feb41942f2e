"""The stack and the dialog that a manager works on."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from duologue.dialogs._chat._data import Json
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._stack import Context, Stack
from duologue.dialogs._state._turn import Turn
from duologue.errors import DialogClosedError, NoContextError


class Focus:
    """What a manager works on: a stack of a turn, or one dialog of it.

    Args:
        turn: The turn.
        stack_id: The stack.
        intent_id: The dialog; None for the one on top, whichever that is.

    Attributes:
        show_mode: How the next drawing of the current stack appears.
    """

    def __init__(self, turn: Turn, stack_id: str, intent_id: str | None) -> None:
        self.show_mode: ShowMode = ShowMode.AUTO
        self._turn = turn
        self._snapshot = turn.snapshot
        self._stack: Stack = turn.snapshot.stack(stack_id)
        self._stack_id = stack_id
        self._intent_id = intent_id

    @property
    def dialog_data(self) -> dict[str, Json]:
        """What the handlers keep in the current dialog.

        Raises:
            NoContextError: No dialog is open.
            IncorrectBackgroundError: The turn has ended.
        """
        return self.current_context().dialog_data

    @property
    def start_data(self) -> Json:
        """What the current dialog was started with.

        Raises:
            NoContextError: No dialog is open.
            IncorrectBackgroundError: The turn has ended.
        """
        return self.current_context().start_data

    def current_stack(self) -> Stack:
        """The stack that the manager works on."""
        self._turn.check()
        return self._stack

    def has_context(self) -> bool:
        """Tell whether a dialog is open."""
        self._turn.check()
        return self._context() is not None

    def current_context(self) -> Context:
        """The open dialog that the manager works on.

        Raises:
            NoContextError: No dialog is open.
            DialogClosedError: The dialog that a background call meant is closed.
            IncorrectBackgroundError: The turn has ended.
        """
        turn = self._turn
        intent_id, intents = self._intent_id, self._stack.intents
        if intent_id is None and intents:
            intent_id = intents[-1]
        # Most of the time it has been worked with in this turn.
        context = self._snapshot.open.get(intent_id) or self._context()
        if context is None or not turn.active:
            turn.check()
            raise self._missing()
        turn.is_changed = True
        turn.state = context.state
        return context

    @property
    def place(self) -> tuple[str, str, str]:
        """Which dialog it is: address, stack and dialog.

        Raises:
            NoContextError: No dialog is open.
        """
        context = self.current_context()
        return self._turn.address.key, context.stack_id, context.id

    def is_covered(self) -> bool:
        """Tell whether another dialog lies on top of the one worked on."""
        return (
            self._intent_id is not None
            and self.current_stack().last_intent_id() != self._intent_id
        )

    def focus(self, stack_id: str, intent_id: str | None) -> None:
        """Work on another stack of the address, or on one dialog of it."""
        self._stack = self._snapshot.stack(stack_id)
        self._stack_id = stack_id
        self._intent_id = intent_id

    def listening(self) -> Context | None:
        """The open dialog that takes what the user writes; None if there is none."""
        listener = self._turn.listener
        if listener is None:
            return self.current_context() if self.has_context() else None
        return self._snapshot.top(self._snapshot.stack(listener))

    @contextmanager
    def on_listener(self) -> Generator[None]:
        """Work on the dialog that takes what the user writes."""
        before = self._stack_id, self._intent_id
        if self._turn.listener is not None:
            self.focus(self._turn.listener, None)
        try:
            yield
        finally:
            if self._turn.listener is not None:
                self.focus(*before)

    def _context(self) -> Context | None:
        if self._intent_id is not None:
            return self._snapshot.context(self._intent_id)
        return self._snapshot.top(self._stack)

    def _missing(self) -> NoContextError | DialogClosedError:
        key = self._turn.address.key
        return (
            NoContextError(key) if self._intent_id is None else DialogClosedError(key)
        )

    def redraw_open(self) -> None:
        """Have the current dialog drawn at the end of the turn, if one is open."""
        if self._context() is not None:
            self._redraw(None)

    def _redraw(self, show_mode: ShowMode | None) -> None:
        if self._intent_id is not None and self.is_covered():
            self._turn.is_covered = True
            self._turn.is_changed = True
            return
        if show_mode is None and self.show_mode is not ShowMode.AUTO:
            show_mode = self.show_mode
        self._turn.redraw(self._stack_id, show_mode)
