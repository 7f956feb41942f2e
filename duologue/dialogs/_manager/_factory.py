"""Background managers for any address."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._manager._manager import BgManager
from duologue.dialogs._manager._place import place_of
from duologue.dialogs._state._modes import DEFAULT_STACK_ID, GROUP_STACK_ID
from duologue.errors import (
    AddressIncompleteError,
    DispatcherTakenError,
    RuntimeNotStartedError,
)


class BgManagerFactory:
    """Makes background managers. Works while a runtime runs with the dispatcher."""

    def __init__(self) -> None:
        self._post: Post | None = None
        self._runtime = threading.Lock()  # runtimes may start on several threads

    @contextmanager
    def taken(self) -> Generator[None]:
        """Keep it for one runtime, from before its start until after its end.

        Raises:
            DispatcherTakenError: Another one has it.
        """
        if not self._runtime.acquire(blocking=False):
            raise DispatcherTakenError
        try:
            yield
        finally:
            self._runtime.release()

    def bind(self, post: Post | None) -> None:
        """Connect it to a runtime, or disconnect it with None."""
        self._post = post

    def bg(  # noqa: PLR0917  # the order that bot authors know
        self,
        bot: Bot | None = None,
        user_id: int | None = None,
        chat_id: int | None = None,
        stack_id: str | None = None,
        thread_id: int | None = None,
        business_connection_id: str | None = None,
        load: bool = False,  # noqa: FBT001, FBT002  # as the peers have it
    ) -> BgManager:
        """Make a manager for whatever is open on top at the time of each call.

        Args:
            bot: The bot; may be left out if the runtime has just one.
            user_id: The user; None for what the whole chat shares.
            chat_id: The chat.
            stack_id: The stack; the default one if it is None, `GROUP_STACK_ID` for
                the one of the chat.
            thread_id: The topic.
            business_connection_id: The business account.
            load: Whether each call first asks the messenger what the chat is and who
                the user is; see `DialogManager.bg`.

        Raises:
            RuntimeNotStartedError: No runtime runs with the dispatcher.
            UnknownBotError: The bot is not one of the runtime's, or is missing.
            AddressIncompleteError: `chat_id` is missing.
            WrongArgumentError: Something stands in a wrong place.
        """
        if self._post is None:
            raise RuntimeNotStartedError
        place = place_of(bot, user_id, chat_id, stack_id, thread_id, is_bot_first=True)
        if place.chat_id is None:
            raise AddressIncompleteError
        address = Address(
            self._post.bot_key(place.bot),
            place.chat_id,
            place.user_id,
            place.thread_id,
            business_connection_id,
        )
        if place.stack_id == GROUP_STACK_ID:
            return BgManager(self._post, address.shared, load=load)
        return BgManager(
            self._post,
            address,
            stack_id=place.stack_id or DEFAULT_STACK_ID,
            load=load,
        )
