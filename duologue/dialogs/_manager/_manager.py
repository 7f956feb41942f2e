"""The managers: dialogs seen from inside a turn, and from anywhere else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from duologue.dialogs._chat._address import new_id
from duologue.dialogs._chat._chat import ChatType
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._manager._background import BackgroundCalls
from duologue.dialogs._manager._focus import Focus
from duologue.dialogs._manager._foreground import Foreground
from duologue.dialogs._manager._moves import clear, make_way, neighbour
from duologue.dialogs._manager._place import Given, place_of
from duologue.dialogs._screen._render import (
    Rendered,
    add_draw,
    plan_close,
    plan_window,
)
from duologue.dialogs._state._commands import LendTurn
from duologue.dialogs._state._modes import (
    DEFAULT_STACK_ID,
    LaunchMode,
    ShowMode,
    StartMode,
)
from duologue.dialogs._state._stack import Context
from duologue.dialogs._state._states import State, StatesGroup
from duologue.dialogs._state._turn import Turn
from duologue.dialogs._state._values import check
from duologue.errors import DialogCoveredError, WrongStateError


class DialogProtocol(Protocol):
    """A dialog, as managers and widgets see it."""

    @property
    def launch_mode(self) -> LaunchMode:
        """What starting it does to others."""
        ...

    def states_group(self) -> type[StatesGroup]:
        """The group of its states."""
        ...

    def states(self) -> Sequence[State]:
        """Its states in the order of its windows."""
        ...

    def find(self, widget_id: str, manager: DialogManager) -> object | None:
        """Find a widget by its id, ready for use in this turn."""
        ...

    async def process_start(self, start_data: Json, manager: DialogManager) -> None:
        """Tell the dialog that it was opened."""
        ...

    async def process_close(self, result: Json, manager: DialogManager) -> None:
        """Tell the dialog that it is being closed."""
        ...

    async def process_result(
        self, start_data: Json, result: Json, manager: DialogManager
    ) -> None:
        """Tell the dialog that the one on top of it has been closed."""
        ...

    async def load_data(self, manager: DialogManager) -> dict[str, Json]:
        """Collect what the widgets render."""
        ...

    async def render(self, manager: DialogManager) -> Rendered:
        """Render the widgets of the current window."""
        ...


class Registry(Protocol):
    """Finds the dialog that has a window for a state."""

    def dialog_of(self, state: State) -> DialogProtocol:
        """Find it.

        Raises:
            UnknownStateError: There is none.
        """
        ...


class DialogManager(Focus):
    """The open dialogs of one address, for the length of one turn.

    Changes are kept in a working copy and become real with the commit.

    Attributes:
        event: What is being handled.
        middleware_data: What middlewares and filters provide to handlers.
        show_mode: How the next drawing of the current stack appears.
        is_escaping: Whether a text with HTML is being rendered now, whose values are
            to be escaped.
    """

    is_escaping: bool = False

    def __init__(
        self,
        turn: Turn,
        registry: Registry,
        post: Post,
        *,
        event: Update,
        data: dict[str, Json],
        stack_id: str = DEFAULT_STACK_ID,
        intent_id: str | None = None,
    ) -> None:
        super().__init__(turn, stack_id, intent_id)
        self.event = event
        self.middleware_data = data
        self._registry = registry
        self._post = post

    def is_preview(self) -> bool:
        """Tell whether the window is only drawn for its author to look at."""
        return False

    async def start(
        self,
        state: State,
        data: Json = None,
        mode: StartMode = StartMode.NORMAL,
        show_mode: ShowMode | None = None,
    ) -> None:
        """Open the dialog that has a window for the state.

        Args:
            state: The first window.
            data: What the dialog finds as `start_data`; JSON.
            mode: In which stack.
            show_mode: How the window appears.

        Raises:
            UnknownStateError: No window has the state.
            UnserialisableDataError: `data` cannot be stored.
            LaunchModeError: The open dialog allows none on top of it.
            DialogStackOverflowError: Too many are open already.
        """
        self._turn.check()
        dialog = self._registry.dialog_of(state)
        check(data, "start_data")
        self._intent_id = None
        stack = make_way(
            self._turn,
            self.current_stack(),
            state,
            dialog.launch_mode,
            mode,
            is_exclusive=self._is_exclusive,
        )
        self.focus(stack.id, None)
        self._turn.snapshot.push(Context(new_id(), stack.id, state, data))
        self._redraw(show_mode)
        await dialog.process_start(data, self)

    async def done(
        self, result: Json = None, show_mode: ShowMode | None = None
    ) -> None:
        """Close the current dialog and hand the result to the one below.

        Raises:
            NoContextError: No dialog is open.
            DialogCoveredError: Another dialog lies on top of it.
        """
        context = self.current_context()
        if self.is_covered():
            raise DialogCoveredError(self._turn.address.key)
        await self._registry.dialog_of(context.state).process_close(result, self)
        stack = self.current_stack()
        if context.id not in stack.intents:
            return  # on_close has moved on by itself
        self._turn.snapshot.drop(context.id, stack)
        self._intent_id = None
        self._redraw(show_mode)
        below = self._turn.snapshot.top(stack)
        if below is not None:
            dialog = self._registry.dialog_of(below.state)
            await dialog.process_result(context.start_data, result, self)

    async def switch_to(self, state: State, show_mode: ShowMode | None = None) -> None:
        """Show another window of the current dialog.

        Raises:
            NoContextError: No dialog is open.
            WrongStateError: The window belongs to another dialog.
        """
        context = self.current_context()
        self._registry.dialog_of(state)
        if state.group is not context.state.group:
            raise WrongStateError(
                state.state,
                f"the open dialog is {context.state.group.__full_name__}; use start()",
            )
        context.state = state
        self._redraw(show_mode)

    async def next(self, show_mode: ShowMode | None = None) -> None:
        """Show the following window of the current dialog."""
        await self._step(1, show_mode)

    async def back(self, show_mode: ShowMode | None = None) -> None:
        """Show the preceding window of the current dialog."""
        await self._step(-1, show_mode)

    async def update(
        self, data: dict[str, Json] | None = None, show_mode: ShowMode | None = None
    ) -> None:
        """Merge data into the current dialog and have it drawn anew."""
        if data:
            self.dialog_data.update(data)
        await self.show(show_mode)

    async def show(self, show_mode: ShowMode | None = None) -> None:
        """Have the current dialog drawn at the end of the turn."""
        self.current_context()
        self._redraw(show_mode)

    async def reset_stack(self) -> None:
        """Close all dialogs of the stack without asking them."""
        self._turn.check()
        self._intent_id = None
        clear(self._turn, self.current_stack())
        self._redraw(None)

    async def load_data(self) -> dict[str, Json]:
        """Collect what the widgets of the current window render."""
        context = self.current_context()
        return await self._registry.dialog_of(context.state).load_data(self)

    def find(self, widget_id: str) -> Json | None:
        """Find a widget of the current dialog, ready for use in this turn."""
        dialog = self._registry.dialog_of(self.current_context().state)
        return dialog.find(widget_id, self)

    def bg(
        self,
        *place: Given,
        bot: Bot | None = None,
        user_id: int | None = None,
        chat_id: int | None = None,
        stack_id: str | None = None,
        thread_id: int | None = None,
        load: bool = False,
    ) -> BgManager:
        """Make a manager that may be kept and used after the turn.

        Without arguments it means the dialog that is open now.

        Args:
            place: The same by position, in the order below. A number in the first
                place is a user.
            bot: Another bot of the runtime.
            user_id: Another user.
            chat_id: Another chat.
            stack_id: Another stack; `GROUP_STACK_ID` for the one of the chat.
            thread_id: Another topic.
            load: Whether each call first asks the messenger what the chat is and who
                the user is. Without it turns know what the last update said of them;
                of those who never wrote they know the numbers only.

        Raises:
            WrongArgumentError: Something stands in a wrong place.
        """
        self._turn.check()
        context = self._context()
        own = BgManager(
            self._post,
            self._turn.address,
            stack_id=self._stack_id,
            intent_id=None if context is None else context.id,
        )
        return own.bg(
            *place,
            bot=bot,
            user_id=user_id,
            chat_id=chat_id,
            stack_id=stack_id,
            thread_id=thread_id,
            load=load,
        )

    @asynccontextmanager
    async def fg(self) -> AsyncGenerator[DialogManager]:
        """Give this manager: inside its turn there is nothing to wait for."""
        self._turn.check()
        yield self

    async def render(self) -> None:
        """Render what the turn has changed so far, for drawing after the commit."""
        turn = self._turn
        is_private = self.event.chat.type is ChatType.PRIVATE
        while turn.redraws:
            stack_id, mode = turn.redraws.popitem()
            stack = turn.snapshot.stack(stack_id)
            context = turn.snapshot.top(stack)
            if context is None:
                draw = plan_close(turn, stack)
            else:
                if self._intent_id is None and stack_id == self._stack_id:
                    dialog = self._registry.dialog_of(context.state)
                    rendered = await dialog.render(self)
                else:
                    rendered = await self._render_elsewhere(context)
                draw = plan_window(
                    turn, stack, context, rendered, mode, is_private=is_private
                )
            add_draw(turn, draw)

    async def _render_elsewhere(self, context: Context) -> Rendered:
        stack_id, intent_id = self._stack_id, self._intent_id
        self.focus(context.stack_id, None)
        try:
            return await self._registry.dialog_of(context.state).render(self)
        finally:
            self.focus(stack_id, intent_id)

    def _is_exclusive(self, state: State) -> bool:
        return self._registry.dialog_of(state).launch_mode is LaunchMode.EXCLUSIVE

    async def _step(self, distance: int, show_mode: ShowMode | None) -> None:
        state = self.current_context().state
        states = self._registry.dialog_of(state).states()
        await self.switch_to(neighbour(states, state, distance), show_mode)


class BgManager(BackgroundCalls):
    """Calls to the dialogs of one address, from anywhere and at any time.

    Each call is accepted into the mailbox of the address and gives a `Receipt`;
    awaiting the receipt means waiting for the commit.
    """

    def fg(self, timeout: float | None = None) -> Foreground[DialogManager]:
        """Work with the dialog directly: `async with bg.fg() as manager`.

        The block is a turn: nothing else happens in the conversation meanwhile,
        its changes are committed at its end, and dropped if it raises.

        Args:
            timeout: Seconds for waiting and for the block together; None for the
                runtime's setting.
        """
        limit = self.post.foreground_timeout if timeout is None else timeout
        command = LendTurn(self._stack_id, self._intent_id)
        return Foreground(self.post, self.address, command, limit, self._introduce)

    def bg(
        self,
        *place: Given,
        bot: Bot | None = None,
        user_id: int | None = None,
        chat_id: int | None = None,
        stack_id: str | None = None,
        thread_id: int | None = None,
        load: bool = False,
    ) -> BgManager:
        """Make a manager for another address; see `DialogManager.bg`.

        What is not given stays as it is.

        Raises:
            WrongArgumentError: Something stands in a wrong place.
        """
        own = self.address
        given = place_of(
            *place,
            bot=bot,
            user_id=user_id,
            chat_id=chat_id,
            stack_id=stack_id,
            thread_id=thread_id,
        )
        key = None if given.bot is None else self.post.bot_key(given.bot)
        address, stack_id = given.seen_from(own, key)
        if address == own and stack_id in (None, self._stack_id):
            return BgManager(
                self.post,
                own,
                stack_id=self._stack_id,
                intent_id=self._intent_id,
                load=load,
            )
        return BgManager(
            self.post, address, stack_id=stack_id or DEFAULT_STACK_ID, load=load
        )
