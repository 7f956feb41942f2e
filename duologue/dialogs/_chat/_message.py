"""A message in a chat, and what a handler can do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from duologue.dialogs._chat._chat import (
    Attachment,
    Chat,
    ContentType,
    Keyboard,
    User,
    View,
)
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._chat._sent import Sent
from duologue.dialogs._chat._views import Buttons, as_view
from duologue.errors import UnboundMessageError


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a chat.

    Attributes:
        id: The messenger's opaque id, as text.
        chat: Where it was written.
        sender: Who wrote it; None for posts of a channel.
        text: Its text; empty if it has none.
        keyboard: The buttons under it.
        reply_to: The message that it answers, as far as the messenger sent it.
        raw: The messenger's own form of it.
        attachments: Files, pictures and all else that it holds besides.
        bot: The bot that saw it, which answers it.
        is_shared: Whether the bot has sent it as a view that a whole chat shares.
    """

    id: str
    chat: Chat
    sender: User | None
    text: str
    keyboard: Keyboard = ()
    reply_to: Message | None = None
    raw: Mapping[str, object] | None = field(default=None, repr=False)
    attachments: tuple[Attachment, ...] = ()
    bot: Bot | None = field(default=None, repr=False, compare=False)
    is_shared: bool = False

    @property
    def content_types(self) -> frozenset[str]:
        """What it holds: `ContentType.TEXT`, and the kinds of its attachments."""
        kinds = frozenset(attachment.kind for attachment in self.attachments)
        return kinds | {ContentType.TEXT.value} if self.text else kinds

    @property
    def message_id(self) -> str:
        """Its id, under the name that Telegram uses."""
        return self.id

    async def answer(
        self,
        text: str | View,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        *,
        show_link_preview: bool = True,
        at_once: bool = False,
    ) -> Sent:
        """Send a message to its chat.

        Inside a turn it leaves with the commit, in order with the windows of the
        dialogs, and not at all if the turn fails.

        Args:
            text: The text, or a whole view.
            parse_mode: `"html"` or `"markdown"` if the text has markup.
            reply_markup: Rows of buttons.
            show_link_preview: Whether the messenger may expand links.
            at_once: Whether it is sent now, also inside a turn: before what the turn
                has queued, and for good even if the turn fails.

        Returns:
            What edits and deletes it, and knows its id when it is sent.

        Raises:
            MessageTextError: No messenger takes the text.
        """
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        return await self._bot().send(self.chat.id, view, at_once=at_once)

    async def reply(
        self,
        text: str | View,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        *,
        show_link_preview: bool = True,
        at_once: bool = False,
    ) -> Sent:
        """Send a message to its chat that quotes it; see `answer`."""
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        return await self._bot().send(
            self.chat.id, view, reply_to=self.id, at_once=at_once
        )

    async def edit_text(
        self,
        text: str | View,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        *,
        show_link_preview: bool = True,
    ) -> None:
        """Replace its text and its buttons, if it is one of the bot; see `answer`.

        A dialog that it shows is drawn anew the next time, even if it is unchanged.
        """
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        await self._bot().edit(self.chat.id, self.id, view)

    async def delete(self) -> None:
        """Delete it; inside a turn with the commit."""
        await self._bot().delete(self.chat.id, self.id)

    async def answer_chat_action(self, action: str = "typing") -> None:
        """Show in its chat what the bot is doing; see `Bot.send_chat_action`."""
        await self._bot().send_chat_action(self.chat.id, action)

    def of(self, bot: Bot) -> Message:
        """The same message with the bot that answers it."""
        answered = self.reply_to
        if self.bot is bot and (answered is None or answered.bot is bot):
            return self
        return replace(
            self, bot=bot, reply_to=None if answered is None else answered.of(bot)
        )

    def _bot(self) -> Bot:
        """The bot that answers it.

        Raises:
            UnboundMessageError: It did not come in an update.
        """
        if self.bot is None:
            raise UnboundMessageError(self.id)
        return self.bot
