"""A turn: everything that one message changes, before it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias, cast

from duologue.actors import Letter, TimedLetter
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._chat import View
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._chat._sent import Outgoing, Sent, sending_turn
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._screen._keyboards import FixedKeyboards
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._snapshot import Snapshot
from duologue.dialogs._state._states import State
from duologue.dialogs._state._timer import Cancellation
from duologue.errors import IncorrectBackgroundError
from duologue.state._placed import Writes
from duologue.state._states import TurnStates

Job: TypeAlias = tuple[str, Callable[[], Coroutine[object, object, None]]]


@dataclass(slots=True)
class Debt:
    """Something that a commit owes to the screen of a chat, until it is done.

    Attributes:
        screen: The key of the screen.
        id: Names it there.
        parts: How many calls it still asks for.
    """

    screen: str
    id: str
    parts: int = 1


@dataclass(slots=True)
class Draw:
    """A view on its way from a commit to the screen, or a message of a handler.

    Attributes:
        stack_id: The stack that it shows, or in whose queue it waits.
        revision: Which drawing of the stack; later ones have higher numbers.
        view: What to show; None takes the buttons away from the last message.
        mode: `EDIT`, `SEND` or `DELETE_AND_SEND`.
        message_id: The message that shows the stack, as far as the state knows.
        confirm: Whether the state must be told when it is drawn.
        strip: Whether the message that is left behind shows buttons.
        is_asked: Whether the author asked for this mode, or `ShowMode.AUTO` chose it.
        callback_id: The press that the drawing answers, if it can.
        pressed_id: The message whose button was pressed.
        notification: What to show as the answer to that press.
        intent_id: The dialog that it shows.
        known: The newest drawing whose message the state knew.
        outgoing: What a handler wants, instead of a view.
        state: Its window.
        before: The window of this dialog before the turn.
        cause: What the turn was about; see `Turn.cause`.
        debt: What it pays, on an engine that outlives the process.
        press_debt: What the answer to the press pays, which it may have taken over.
    """

    stack_id: str
    revision: int
    view: View | None
    mode: ShowMode
    message_id: str | None
    confirm: bool
    strip: bool = False
    is_asked: bool = False
    callback_id: str | None = None
    pressed_id: str | None = None
    notification: str | None = None
    intent_id: str | None = None
    known: int = 0
    outgoing: Outgoing | None = None
    state: State | None = None
    before: State | None = None
    cause: str = "call"
    debt: Debt | None = None
    press_debt: Debt | None = None


class Turn:
    """The working copy and the effects of one message.

    Nothing of it is visible outside until the commit, and nothing remains of it
    if the turn fails.

    Args:
        address: Whose turn it is.
        bot: The bot of that address.
        snapshot: The working copy of its state.

    Attributes:
        callback: The press that it handles, if it handles one.
        prompted: Whether the user has just written a message or opened the chat.
        state: The window of the dialog that was worked with last.
        listener: The stack whose dialog takes what the user writes; None for the one
            that the manager works on.
        fate: What the commit makes of its update: `handled`, `unhandled` or
            `duplicate`; None if it is not about an update.
        outgoing: What its handlers send, change and delete, in this order.
        cause: What it is about: an `update`, a `call`, or the `error` of another turn.
        pressed: The message and the payload of the press that was handled last, if
            nothing else came from the user since.
        refusal: Why a press was refused: `again`, `foreign` or `stale`.
        adopted: A stack, the drawing that was to be sent for it, and the message that is
            taken for that because the user has pressed it.
        effects: Short work for after the commit, which belongs to the turn.
        jobs: What begins the author's tasks after the commit, which do not.
        moot: Why a background call found no dialog to work on, if that was so.
        undo: What to call if the turn fails.
        shared: What it has written to State that others share.
        states: The State that others share, of its place.
        task: Runs it.
        is_overdue: Whether its time was over before its end.
        keyboards: Keyboards of this conversation that never change.
    """

    __slots__ = (
        "active",
        "address",
        "adopted",
        "answers",
        "bot",
        "callback",
        "cause",
        "data",
        "draws",
        "effects",
        "fate",
        "is_changed",
        "is_covered",
        "is_overdue",
        "jobs",
        "keyboards",
        "listener",
        "moot",
        "outbox",
        "outgoing",
        "pressed",
        "prompted",
        "redraws",
        "refusal",
        "shared",
        "snapshot",
        "state",
        "states",
        "task",
        "undo",
    )

    def __init__(
        self,
        address: Address,
        bot: Bot,
        *,
        snapshot: Snapshot,
        keyboards: FixedKeyboards | None = None,
    ) -> None:
        self.address: Address = address
        self.bot: Bot = bot
        self.snapshot: Snapshot = snapshot
        self.callback: Callback | None = None
        self.prompted: bool = False
        self.state: State | None = None
        self.fate: str | None = None
        self.cause: str = "call"
        self.pressed: tuple[str | None, str] | None = None
        self.refusal: str | None = None
        self.adopted: tuple[str, int, str] | None = None
        self.active: bool = True
        self.data: list[dict[str, Json]] = []
        self.is_changed: bool = False
        self.is_covered: bool = False
        self.redraws: dict[str, ShowMode | None] = {}
        self.draws: list[Draw] = []
        self.outbox: list[Letter] = []
        self.outgoing: list[Outgoing] = []
        self.effects: list[Job] = []
        self.jobs: list[Callable[[], object]] = []
        self.answers: dict[str, str | None] = {}
        self.listener: str | None = None
        self.moot: Exception | None = None
        self.undo: list[Callable[[], object]] = []
        self.shared: Writes | None = None
        self.states: TurnStates | None = None
        self.task: asyncio.Task[object] | None = None
        self.is_overdue: bool = False
        self.keyboards: FixedKeyboards = {} if keyboards is None else keyboards

    @property
    def dialog(self) -> str:
        """The group of states of the dialog that was worked with last, or `none`."""
        return "none" if self.state is None else self.state.group.__full_name__

    @property
    def timed(self) -> Sequence[TimedLetter]:
        """Letters for later, and those that are taken back."""
        timers = self.snapshot.open_timers
        if timers is None:
            return ()
        key = self.address.key
        return [
            TimedLetter(token, key, at, body)
            for token, (at, body) in timers.changes.items()
        ]

    def end(self) -> None:
        """Refuse everything from now on.

        What middlewares and handlers shared holds the manager, which holds them;
        undoing this spares the garbage collector a tenth of a click.
        """
        self.active = False
        for data in self.data:
            data.pop("dialog_manager", None)

    def check(self) -> None:
        """Make sure that the turn goes on.

        Raises:
            IncorrectBackgroundError: It has ended.
        """
        if not self.active:
            raise IncorrectBackgroundError

    def send_out(self, outgoing: Outgoing) -> None:
        """Have a message leave with the commit.

        What shows a stack and is changed so is drawn anew the next time.
        """
        if isinstance(outgoing.target, Sent) and not outgoing.is_new:
            for earlier in self.outgoing:
                if earlier.is_new and earlier.target == outgoing.target:
                    earlier.is_followed = True
        self.outgoing.append(outgoing)
        for stack in self.snapshot.stacks.values():
            if stack.screen.message_id == outgoing.target:
                stack.screen.digest = ""
                self.is_changed = True

    def sent_id(self, token: str) -> str | None:
        """The id of a message that was sent earlier; None if the state has none."""
        return self.snapshot.sent.get(token)

    def cancel_timer(self, address: str, token: str) -> Cancellation | None:
        """Take a call for later back; None if it waits in another conversation."""
        if address != self.address.key:
            return None
        self.is_changed = True
        return self.snapshot.timers.cancel(token)

    def redraw(self, stack_id: str, show_mode: ShowMode | None) -> None:
        """Have a stack drawn at the end of the turn; the last mode given counts."""
        self.is_changed = True
        self.redraws[stack_id] = show_mode or self.redraws.get(stack_id)


current_turn = cast("ContextVar[Turn | None]", sending_turn)
"""The turn that the caller runs in, or that started what runs."""


def active_turn() -> Turn | None:
    """The turn that the caller runs in, if it still goes on."""
    turn = current_turn.get()
    return turn if turn is not None and turn.active else None


def effective_mode(
    turn: Turn, mode: ShowMode | None, *, is_default_stack: bool, is_private: bool
) -> ShowMode:
    """Decide how a stack appears when the author left it open."""
    if mode is not None and mode is not ShowMode.AUTO:
        return mode
    if is_private and is_default_stack and turn.prompted:
        return ShowMode.SEND
    return ShowMode.EDIT
