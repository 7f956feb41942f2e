"""A bot on MAX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from duologue.actors import Clock, LoopClock, Observer
from duologue.dialogs import (
    Batch,
    Bot as Messenger,
    CallKind,
    Capabilities,
    Chat,
    Update,
    User,
    View,
    bot_key,
)
from duologue.errors import (
    BotNotStartedError,
    BotSettingError,
    RateLimitedError,
    TokenMissingError,
    UnknownUpdateError,
)
from duologue.transport.max import _answers as answers, _requests as requests
from duologue.transport.max._answers import Subscription
from duologue.transport.max._capabilities import ACTIONS, CAPABILITIES, UPDATE_TYPES
from duologue.transport.max._http import HttpClient
from duologue.transport.max._limits import Limited, Limits, MaxLimits
from duologue.transport.max._message import is_newer
from duologue.transport.max._parse import parse
from duologue.transport.max._private_chats import PrivateChats
from duologue.transport.max._requests import BotCommand, Request
from duologue.transport.max._settings import chosen_token, chosen_url


class Bot(Limited, Messenger):
    """One bot account on MAX.

    Making one touches no network; `start` does. The methods that take a chat do
    not wait for the rate limits: take `ready` or `ready_now` before each.
    """

    update_types: ClassVar[Mapping[str, str]] = UPDATE_TYPES
    secret_header: ClassVar[str] = "X-Max-Bot-Api-Secret"  # noqa: S105  # the name of a header

    def __init__(
        self,
        token: str | None = None,
        *,
        base_url: str | None = None,
        ca_file: str | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Prepare a bot.

        Args:
            token: What the messenger gave for this bot; by default the
                environment variable DUOLOGUE_MAX_TOKEN.
            base_url: Where the API is; by default the environment variable
                DUOLOGUE_MAX_URL, and without it the messenger itself.
            ca_file: PEM file of certificates to trust beside those of the
                system. The API's own is signed by the Russian national CA.
            clock: Tells the time to the rate limits; the loop's by default.
            limits: How many calls it makes in a second; by default what MAX allows.

        Raises:
            TokenMissingError: There is no token.
            BotSettingError: One of these cannot be used.
        """
        try:
            place, key = chosen_url(base_url), chosen_token(token)
        except (BotSettingError, TokenMissingError) as error:
            # It says what to do; the way through the settings would hide it.
            raise error.with_traceback(None) from None
        self.base_url: str = place.value
        self._sources: str = place.source + key.source
        self._http = HttpClient(key.value, self.base_url, ca_file=ca_file)
        self._http.whose = self._whose
        self._limits = MaxLimits(limits or Limits(), clock or LoopClock())
        self._me: User | None = None
        self._private_chats = PrivateChats()

    def __repr__(self) -> str:
        known = "not started" if self._me is None else f"id={self._me.id}"
        return f"<max Bot {known} at {self.base_url}>"

    @property
    def id(self) -> int:
        """The account's number.

        Raises:
            BotNotStartedError: Nobody has called `start` yet.
        """
        if self._me is None:
            raise BotNotStartedError
        return self._me.id

    @property
    def messenger(self) -> str:
        """The short name of the messenger: `max`."""
        return "max"

    @property
    def capabilities(self) -> Capabilities:
        """What MAX can do."""
        return CAPABILITIES

    def parse(self, raw: Mapping[str, object]) -> Update:
        """Make the update of the messenger's own form.

        Raises:
            UnknownUpdateError: Its type is not known here.
            MalformedUpdateError: It does not have the documented shape.
        """
        try:
            update = parse(raw, self, self._private_chats)
        except UnknownUpdateError as error:
            named = self._http.without_token(error.update_type)
            raise UnknownUpdateError(named) from None
        chat_id, user_id = update.chat_id, update.user_id
        if chat_id > 0 and user_id and self._private_chats.get(user_id) != chat_id:
            self._private_chats.note(user_id, chat_id)
        return update

    async def start(self) -> None:
        """Learn the account's own id, with one call; later calls do nothing.

        Raises:
            MessengerError: The call failed, `UnauthorizedError` for a token
                that the messenger does not know.
        """
        if self._me is None:
            self._me = await self.me()

    def is_newer(self, message_id: str, than: str) -> bool:
        """Whether a message came after another one of its chat."""
        return is_newer(message_id, than)

    def observe(self, observer: Observer | None) -> None:
        """Tell somebody of every call from now on; a started bot only.

        Args:
            observer: Whom; None tells nobody any more.

        Raises:
            BotNotStartedError: Nobody has called `start` yet.
        """
        self._http.effects.report_to(observer, bot_key(self))

    async def close(self) -> None:
        """Give back connections. Calling it again is harmless."""
        await self._http.close()

    async def ready(self, chat_id: int, kind: CallKind = "edit") -> None:
        """Wait until the limits allow one more call for this chat, and take it.

        Args:
            chat_id: The chat.
            kind: What the call does; MAX limits each kind by itself.
        """
        if not self._limits.ready_now(chat_id, kind):
            await self._limits.ready(chat_id, kind)

    def ready_now(self, chat_id: int, kind: CallKind = "edit") -> bool:
        """Take the right to one more call for this chat if it needs no waiting."""
        return self._limits.ready_now(chat_id, kind)

    async def me(self) -> User:
        """Ask who this bot is.

        Raises:
            MessengerError: The call failed.
        """
        return answers.me(await self._ask(requests.me()))

    async def set_my_commands(self, commands: Sequence[BotCommand]) -> None:
        """Tell which commands the messenger shall offer, in the place of all before.

        A bot does this once, before or after it begins to work; which messages reach
        a handler does not depend on it.

        Args:
            commands: MAX takes 32, with names of 64 characters and descriptions
                of 128; none takes all away.

        Raises:
            BadRequestError: MAX does not take one of them.
            MessengerError: The call failed.
        """
        await self._ask(requests.commands(commands))

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """Ask for the webhooks; while there is one, polling gives nothing.

        Raises:
            MessengerError: The call failed.
        """
        return answers.subscriptions(await self._ask(requests.subscriptions()))

    async def subscribe(
        self,
        url: str,
        *,
        types: Sequence[str] | None = None,
        secret: str | None = None,
    ) -> None:
        """Set a webhook; one with the same address is replaced.

        Args:
            url: Where MAX shall send updates: https, on port 443.
            types: Which ones, by the messenger's names; None for all.
            secret: What comes as `secret_header`: 5 to 256 letters, digits, hyphens.

        Raises:
            MessengerError: The call failed: `BadRequestError` for what MAX refuses.
        """
        await self._ask(requests.subscribe(url, types, secret))

    async def unsubscribe(self, url: str) -> None:
        """Remove a webhook.

        Raises:
            MessageGoneError: There is none with this address.
            MessengerError: The call failed.
        """
        await self._ask(requests.unsubscribe(url))

    def own_secret(self) -> str:
        """A secret for webhooks, made of the token: the same in every process."""
        return self._http.digest("duologue webhook")

    def without_token(self, text: str) -> str:
        """The beginning of a text from the messenger, without the token in it."""
        return self._http.without_token(text)

    async def get_updates(
        self,
        *,
        marker: int | None,
        limit: int,
        timeout: float,  # noqa: ASYNC109 - the messenger ends the wait, with an answer
        types: Sequence[str] | None,
    ) -> Batch:
        """Ask once; return what is there after at most `timeout` seconds.

        Waits for the messenger's limit of two polls a second first.

        Args:
            marker: Acknowledges everything before it; None acknowledges nothing.
            limit: How many updates at most; more than 100 are never given.
            timeout: Seconds for which the messenger may hold the call; it holds
                no call for more than 30.
            types: Only these, by the messenger's names; None for all.

        Raises:
            MessengerError: The call failed.
        """
        await self._limits.polls.take()
        request = requests.poll(marker, limit, timeout, types)
        try:
            answer = await self._http.call(request)
        except RateLimitedError as error:
            self._limits.polls.pause(error.retry_after)
            raise
        finally:
            self._limits.polls.arrived()
        return answers.batch(answer)

    async def send_now(
        self, chat_id: int, view: View, *, reply_to: str | None = None
    ) -> str:
        """Send a new message and return its id.

        Raises:
            MessengerError: The call failed.
        """
        request = requests.new_message(chat_id, view, reply_to)
        return answers.message_id(await self._call(request, chat_id, "send"))

    async def edit_now(self, chat_id: int, message_id: str, view: View) -> None:
        """Replace text and keyboard; an empty keyboard removes the old one.

        Raises:
            MessengerError: The call failed.
        """
        await self._call(requests.changed_message(message_id, view), chat_id, "edit")

    async def remove_keyboard_now(self, chat_id: int, message_id: str) -> None:
        """Take the buttons away from a message of the bot and leave its text.

        Raises:
            MessengerError: The call failed.
        """
        await self._call(requests.without_keyboard(message_id), chat_id, "edit")

    async def delete_now(self, chat_id: int, message_id: str) -> None:
        """Delete a message.

        Raises:
            MessengerError: The call failed.
        """
        await self._call(requests.deleted_message(message_id), chat_id, "delete")

    async def act_now(self, chat_id: int, action: str) -> None:
        """Show for some seconds what the bot is doing; waits for the limits itself.

        Args:
            chat_id: Where.
            action: A name that Telegram uses, such as `typing`, or one of MAX.

        Raises:
            MessengerError: The call failed.
        """
        await self._limits.bot.take()
        try:
            await self._http.call(requests.action(chat_id, ACTIONS.get(action, action)))
        finally:
            self._limits.bot.arrived()

    async def look_up_now(
        self, chat_id: int, user_id: int | None
    ) -> tuple[Chat, User | None]:
        """Ask what a chat is, and who a user of it is; waits for the limits itself.

        It takes one call, and a second one for a member of a group.

        Args:
            chat_id: The chat.
            user_id: A member of it; None to ask for the chat only.

        Raises:
            BadRequestError: The user is no member of the chat.
            MessengerError: The call failed.
        """
        found = await self._ask(requests.chat(chat_id))
        chat, partner = answers.chat_and_partner(found)
        if user_id is None:
            return chat, None
        if partner is not None and partner.id == user_id:
            return chat, partner
        found = await self._ask(requests.member(chat_id, user_id))
        return chat, answers.member(found, chat_id, user_id)

    async def answer_now(
        self,
        chat_id: int,
        callback_id: str,
        *,
        view: View | None = None,
        notification: str | None = None,
    ) -> None:
        """Answer a press.

        Args:
            chat_id: Where the press happened.
            callback_id: Which press.
            view: The new look of the message that holds the button.
            notification: A short notice to show. With neither, the press is
                acknowledged without a visible effect.

        Raises:
            MessengerError: The call failed.
        """
        request = requests.answer(callback_id, view, notification)
        await self._call(request, chat_id, "answer")

    async def _ask(self, request: Request) -> dict[str, object]:
        await self._limits.bot.take()
        try:
            return await self._http.call(request)
        except RateLimitedError as error:
            self._limits.bot.pause(error.retry_after)
            raise
        finally:
            self._limits.bot.arrived()

    async def _call(
        self, request: Request, chat_id: int, kind: CallKind
    ) -> dict[str, object]:
        """Make a call for a chat; a 429 silences this chat and no other."""
        try:
            return await self._http.call(request)
        except RateLimitedError as error:
            self._limits.pause(chat_id, error.retry_after)
            raise
        finally:
            self._limits.arrived(chat_id, kind)  # it may have been long on its way

    def _whose(self) -> str:
        who = "the bot" if self._me is None else bot_key(self)
        return f"{who} at {self.base_url}{self._sources}"
