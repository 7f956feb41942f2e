"""What a turn does: each command, from its message to the rendered windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from duologue.actors import Observer
from duologue.dialogs._chat._address import Payload, parse_payload
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import (
    BotStarted,
    Callback,
    CallbackAnswers,
    MessageCreated,
)
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import (
    Committed,
    Covered,
    Duplicate,
    Lending,
    Outcome,
    Pending,
)
from duologue.dialogs._delivery._replies import ForeignPending
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._handling._calls import TimerWork, dialog_update, work_on_timer
from duologue.dialogs._handling._discarded import DiscardedError
from duologue.dialogs._handling._messages import ToldMessages, note_failed
from duologue.dialogs._handling._people import introduce, remember
from duologue.dialogs._handling._presses import pressed, why_refused
from duologue.dialogs._handling._refused_views import refusal_of, step_back
from duologue.dialogs._handling._stale import StalePolicy
from duologue.dialogs._handling._targets import (
    answered_stack,
    check_target,
    listening_stack,
)
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._commands import (
    CloseDialog,
    Command,
    Delivered,
    DialogCommand,
    Drawn,
    DueCall,
    HandleMessage,
    HandleUpdate,
    Introduced,
    LendTurn,
    MessageRefused,
    Redraw,
    StartDialog,
    SwitchWindow,
    UpdateData,
    ViewRefused,
)
from duologue.dialogs._state._events import DialogUpdate, ErrorEvent, MessageTold
from duologue.dialogs._state._modes import DEFAULT_STACK_ID, ShowMode, StartMode
from duologue.dialogs._state._turn import Turn
from duologue.dialogs.routing._observer import UNHANDLED
from duologue.errors import (
    CallStoppedError,
    ClickRefusedError,
    OutdatedClickError,
)
from duologue.messages import CALLS


class Handling:
    """Carries out commands inside turns."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        post: Post,
        answers: CallbackAnswers,
        provided: Mapping[str, Json],
        *,
        stale: StalePolicy,
        untaken_text: ShowMode,
        observer: Observer,
    ) -> None:
        self._dispatcher = dispatcher
        self._post = post
        self._answers = answers
        self._provided = provided
        self._stale = stale
        self._untaken_text = untaken_text
        self._messages = ToldMessages(
            dispatcher,
            manager=lambda turn, told: self._manager(
                turn, told, DEFAULT_STACK_ID, None
            ),
            call=lambda turn, command: self._call(turn, command, None),
            observer=observer,
        )

    async def execute(
        self, turn: Turn, command: Command, pending: Pending | None
    ) -> Outcome:
        """Carry out a command and render what it changed.

        Returns:
            What the sender is told once the turn is committed.
        """
        version = turn.snapshot.version + 1
        if isinstance(command, HandleUpdate):
            turn.fate, turn.cause = "unhandled", "update"
            update = self._update(turn, command, pending)
            is_foreign = pending is None or pending.is_foreign
            if is_foreign and isinstance(update, Callback):
                self._expect(update, pending)
            batch = None if pending is None else pending.batch
            if not turn.snapshot.ring.add(update.id, batch):
                turn.fate = "duplicate"
                return Duplicate()
            turn.is_changed = True
            await self._handle_update(turn, update)
        elif isinstance(command, Drawn):
            self._note_drawn(turn, command)
        elif isinstance(command, Delivered):
            turn.snapshot.note_sent(command.token, command.message_id)
            turn.is_changed = True
        elif isinstance(command, Introduced):
            introduce(turn, command)
        elif isinstance(command, Redraw):
            await self._redraw(turn, command)
        elif isinstance(command, ViewRefused | MessageRefused):
            raise refusal_of(turn.address.key, command)
        elif isinstance(command, TimerWork | HandleMessage):
            return await self._work_on(turn, command)
        else:
            await self._call(turn, command, pending)
        return Covered(version) if turn.is_covered else Committed(version)

    def _expect(self, press: Callback, pending: Pending | None) -> None:
        """Answer a press that another process has received, and did not answer."""
        self._answers.expect(press)
        if isinstance(pending, ForeignPending):
            pending.press = press.callback_id

    async def _work_on(self, turn: Turn, command: TimerWork | HandleMessage) -> Outcome:
        if isinstance(command, HandleMessage):
            return await self._messages.handle(turn, command)
        return await work_on_timer(turn, command, self._post)

    async def execute_error(self, turn: Turn, failed: Update, error: Exception) -> bool:
        """Offer the error of another turn to the error handlers.

        Returns:
            Whether one of them handled it.
        """
        event = ErrorEvent(
            id=failed.id,
            bot=failed.bot,
            chat=failed.chat,
            user=failed.user,
            timestamp=failed.timestamp,
            thread_id=failed.thread_id,
            raw=failed.raw,
            update=failed,
            exception=error,
        )
        turn.prompted = isinstance(failed, MessageCreated | BotStarted)
        turn.is_changed, turn.cause = True, "error"
        if isinstance(failed, MessageTold):
            note_failed(turn, failed)
        elif not isinstance(failed, DialogUpdate):
            turn.snapshot.ring.add(failed.id)
        manager = self._manager(turn, event, DEFAULT_STACK_ID, None)
        result = await self._dispatcher.propagate(
            "error", event, manager.middleware_data
        )
        await manager.render()
        if isinstance(failed, DialogUpdate) and isinstance(failed.command, ViewRefused):
            step_back(turn, failed.command, self._dispatcher.state_by_name)
        return result is not UNHANDLED

    def event(
        self, turn: Turn, command: Command, pending: Pending | None
    ) -> Update | None:
        """The event that handlers see for a command; None if there is none."""
        if isinstance(command, HandleUpdate):
            return self._update(turn, command, pending)
        if isinstance(command, Drawn | Delivered | Introduced | Redraw | TimerWork):
            return None
        if isinstance(command, HandleMessage) and command.tag not in CALLS:
            return self._messages.event(turn, command)
        return dialog_update(turn, command)

    def _update(
        self, turn: Turn, command: HandleUpdate, pending: Pending | None
    ) -> Update:
        if pending is not None and pending.update is not None:
            update, pending.update = pending.update, None
        else:
            update = turn.bot.parse(command.raw)
        if isinstance(update, Callback):
            update.answer_through(self._answers)
        return update

    async def _handle_update(self, turn: Turn, update: Update) -> None:
        if isinstance(update, Callback):
            if not turn.snapshot.who:
                remember(turn, update)
            turn.callback = update
            payload = parse_payload(update.payload)
            if payload is not None:
                await self._press(turn, update, payload)
                return
        else:
            remember(turn, update)
            turn.prompted = isinstance(update, MessageCreated | BotStarted)
        stack_id = DEFAULT_STACK_ID
        if isinstance(update, MessageCreated) and len(turn.snapshot.stacks) > 1:
            answered = answered_stack(turn, update.message.reply_to)
            if answered is None:
                turn.listener = listening_stack(turn, update, self._dispatcher)
            else:
                stack_id = answered
        manager = self._manager(turn, update, stack_id, None)
        result = await self._dispatcher.handle(update, manager.middleware_data)
        if result is not UNHANDLED:
            turn.fate = "handled"
        elif isinstance(update, MessageCreated):
            await self._answer_untaken(turn, update, manager)
        await manager.render()

    async def _answer_untaken(
        self, turn: Turn, update: MessageCreated, manager: DialogManager
    ) -> None:
        """Bring the window below a text that nobody takes, or say what to do."""
        if manager.has_context():
            mode = self._untaken_text
            await manager.show(None if mode is ShowMode.AUTO else mode)
        elif not any(stack.intents for stack in turn.snapshot.stacks.values()):
            await self._stale.answer_text(turn, update, manager)

    async def _press(self, turn: Turn, callback: Callback, payload: Payload) -> None:
        try:
            stack_id, data = pressed(turn, callback, payload)
        except ClickRefusedError as error:
            await self._answer_refused(turn, callback, payload, error)
            return
        if data is not payload.data:  # a digest stood for it
            payload = replace(payload, data=data)
        manager = self._manager(turn, callback, stack_id, None)
        was_taken = await self._dispatcher.handle_press(
            callback, payload, manager.middleware_data
        )
        if was_taken is False:  # a button of the window before, not drawn over yet
            late = OutdatedClickError(turn.address.key)
            turn.refusal = why_refused(turn, callback, payload, late)
            raise late
        turn.fate = "handled"
        if turn.redraws:  # a middleware has changed something after the dialog
            await manager.render()

    async def _answer_refused(
        self,
        turn: Turn,
        callback: Callback,
        payload: Payload,
        error: ClickRefusedError,
    ) -> None:
        """Let the author's policy answer a press that belongs to nothing.

        Raises:
            ClickRefusedError: There is none, or it is not for this press.
        """
        turn.refusal = why_refused(turn, callback, payload, error)
        if turn.refusal == "again":
            raise OutdatedClickError(turn.address.key) from error
        manager = self._manager(turn, callback, DEFAULT_STACK_ID, None)
        if turn.refusal != "stale" or not await self._stale.answer_press(
            turn, callback, manager
        ):
            raise error
        await manager.render()

    def _note_drawn(self, turn: Turn, drawn: Drawn) -> None:
        stack = turn.snapshot.stacks.get(drawn.stack_id)
        if stack is not None:
            turn.is_changed = True
            if drawn.message_id is None:
                stack.screen.refuse(drawn.revision)
                return
            stack.screen.confirm(drawn.revision, drawn.message_id, drawn.previous_id)

    async def _redraw(self, turn: Turn, command: Redraw) -> None:
        """Show the top of a stack, whatever the user sees of it."""
        stack = turn.snapshot.stacks.get(command.stack_id)
        if stack is not None and stack.intents:
            stack.screen.digest = ""
            await self._call(turn, UpdateData(command.stack_id, None, {}, None), None)

    def step_back(self, turn: Turn, refused: ViewRefused) -> None:
        """Bring the state back to the window that the user sees."""
        step_back(turn, refused, self._dispatcher.state_by_name)

    async def _call(
        self, turn: Turn, command: DialogCommand | DueCall, pending: Pending | None
    ) -> None:
        event = dialog_update(turn, command)
        if isinstance(command, DueCall):
            command = command.call
        manager = self._manager(turn, event, command.stack_id, command.intent_id)
        was_called = False

        async def action(_event: Json, _data: dict[str, Json]) -> None:
            nonlocal was_called
            was_called = True
            await self._perform(turn, manager, command, pending)
            await manager.render()

        await self._dispatcher.handle_call(event, manager.middleware_data, action)
        if not was_called:
            raise CallStoppedError(turn.address.key)

    async def _perform(
        self,
        turn: Turn,
        manager: DialogManager,
        command: DialogCommand,
        pending: Pending | None,
    ) -> None:
        if isinstance(command, LendTurn) and _borrower(pending) is None:
            turn.is_changed = False  # nobody waits any more: leave all as it is
            return
        if not isinstance(command, StartDialog):
            check_target(turn, manager, command)
        match command:
            case StartDialog(state=name, data=data, mode=mode):
                state = self._dispatcher.state_by_name(name)
                show_mode = _show_mode(command.show_mode)
                await manager.start(state, data, StartMode(mode), show_mode)
            case CloseDialog(result=result):
                await manager.done(result, _show_mode(command.show_mode))
            case SwitchWindow(state=name):
                state = self._dispatcher.state_by_name(name)
                await manager.switch_to(state, _show_mode(command.show_mode))
            case UpdateData(data=data):
                await manager.update(data, _show_mode(command.show_mode))
            case LendTurn():
                await self._lend(turn, manager, pending)
            case _:
                assert_never(command)

    async def _lend(
        self, turn: Turn, manager: DialogManager, pending: Pending | None
    ) -> None:
        lending = _borrower(pending)
        if lending is None:
            return
        lending.entered.set_result((manager, turn))
        error = await lending.left
        if error is not None:
            raise DiscardedError(error)

    def _manager(
        self, turn: Turn, event: Update, stack_id: str, intent_id: str | None
    ) -> DialogManager:
        data = self._dispatcher.middleware_data()
        turn.data.append(data)
        manager = DialogManager(
            turn,
            self._dispatcher,
            self._post,
            event=event,
            data=data,
            stack_id=stack_id,
            intent_id=intent_id,
        )
        user = event.user
        data.update(
            self._provided,
            event=event,
            bot=turn.bot,
            dialog_manager=manager,
            event_chat=event.chat,
            event_from_user=user,
            user_locale=None if user is None else user.language_code,
        )
        return manager


def _borrower(pending: Pending | None) -> Lending | None:
    """Who waits in `fg()` for the turn; None if nobody does any more."""
    lending = None if pending is None else pending.lending
    if lending is None or lending.is_abandoned or lending.entered.done():
        return None
    return lending


def _show_mode(name: str | None) -> ShowMode | None:
    return None if name is None else ShowMode(name)
