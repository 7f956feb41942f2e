"""The client of the control door, for tests, demos and other processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from types import TracebackType
from typing import Self

from aiohttp import FormData

from duologue.errors import (
    LogWaitTimeoutError,
    SandboxRefusalError,
)
from duologue.transport.sandbox._bot_api._faults import Fault, FaultKind
from duologue.transport.sandbox._control._link import ControlLink
from duologue.transport.sandbox._control._reports import (
    BotInfo,
    ChatInfo,
    Position,
    RequestCount,
    UserInfo,
    VisibleMessage,
    WebhookInfo,
)
from duologue.transport.sandbox._world._actions import (
    Action,
    AddGroup,
    AddUser,
    ChangeDialog,
    ChangeRights,
    Click,
    Duplicate,
    Forge,
    Freeze,
    Inject,
    Outcome,
    Say,
    Start,
    Stop,
)
from duologue.transport.sandbox._world._log import LogEntry
from duologue.transport.sandbox._world._subscriptions import Delivery
from duologue.transport.sandbox._world._traffic import MessageTraffic
from duologue.transport.sandbox._world._values import (
    DialogChange,
    JsonObject,
    OmittedField,
)

HOLD = 20.0
SHOWN = 10


class Control:
    """A client of the control door: acts as users of a sandbox and sees what they see.

    It connects with its first call; ``async with`` or ``close`` disconnects.
    Every call raises ``SandboxRefusalError`` when the sandbox refuses it and
    ``SandboxUnreachableError`` when nothing answers.

    Args:
        url: The control URL of the sandbox.
        token: Its control token.
    """

    def __init__(self, url: str, token: str) -> None:
        self._link = ControlLink(url, token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect."""
        await self._link.close()

    async def bot(self) -> BotInfo:
        """Say which bot the sandbox serves."""
        return self._link.take(await self._link.call("GET", "/bot"), BotInfo)

    # Acting.

    async def act(self, *actions: Action) -> list[Outcome]:
        """Carry out actions at once and in order; if one is refused, none happens."""
        sent = [self._link.give(action, Action) for action in actions]
        answer = await self._link.call("POST", "/actions", {"actions": sent})
        return self._link.take(answer["outcomes"], list[Outcome])

    async def add_user(self, name: str, user_id: int | None = None) -> int:
        """Create a user and give the id."""
        return _known((await self._one(AddUser(name, user_id))).user_id)

    async def add_group(
        self, title: str, members: list[int], *, chat_id: int | None = None
    ) -> int:
        """Create a group with the bot as administrator and give its negative id."""
        return _known((await self._one(AddGroup(title, members, chat_id))).chat_id)

    async def start(self, user_id: int, payload: str | None = None) -> Outcome:
        """Press Start as a user."""
        return await self._one(Start(user_id, payload))

    async def stop(self, user_id: int) -> Outcome:
        """Suspend the bot as a user."""
        return await self._one(Stop(user_id))

    async def say(
        self,
        user_id: int,
        text: str,
        *,
        chat_id: int | None = None,
        reply_to: str | None = None,
    ) -> Outcome:
        """Send a text as a user, by default into the dialog with the bot."""
        return await self._one(Say(user_id, text, chat_id, reply_to))

    async def send_file(
        self,
        user_id: int,
        name: str,
        data: bytes,
        *,
        chat_id: int | None = None,
        text: str = "",
        reply_to: str | None = None,
    ) -> Outcome:
        """Send a file as a user, by default into the dialog with the bot.

        Args:
            user_id: Who sends.
            name: The name of the file; folders and invisible characters are dropped.
            data: What is in it. PNG, JPEG, GIF and WebP become images.
            chat_id: Where to, if not into the dialog.
            text: What the message says beside it.
            reply_to: The message it replies to.

        Raises:
            SandboxRefusalError: It is larger than the sandbox takes (413).
        """
        form = FormData({"user_id": str(user_id), "name": name, "text": text})
        for field, value in (("chat_id", chat_id), ("reply_to", reply_to)):
            if value is not None:
                form.add_field(field, str(value))
        form.add_field("file", BytesIO(data), filename="file")
        return self._link.take(await self._link.send("/files", form), Outcome)

    async def click(
        self,
        user_id: int,
        message_id: str,
        *,
        text: str | None = None,
        payload: str | None = None,
        row: int | None = None,
        col: int | None = None,
        omits: OmittedField | None = None,
    ) -> Outcome:
        """Press the first button that fits all that is given.

        Args:
            user_id: Who presses.
            message_id: The message with the button.
            text: What is on the button.
            payload: What is behind it.
            row: Its row, from 0.
            col: Its place in the row, from 0.
            omits: What the update leaves out.

        Raises:
            ButtonNotShownError: The message does not show such a button now.
        """
        return await self._one(
            Click(user_id, message_id, text, payload, row, col, omits)
        )

    async def forge(
        self,
        user_id: int,
        message_id: str,
        payload: str,
        *,
        omits: OmittedField | None = None,
    ) -> Outcome:
        """Send a click that no button has to show; the message may be deleted."""
        return await self._one(Forge(user_id, message_id, payload, omits))

    async def change_dialog(
        self, user_id: int, change: DialogChange, *, muted_until: int | None = None
    ) -> Outcome:
        """Mute, clear or remove the dialog as a user; a removed one is stopped too."""
        return await self._one(ChangeDialog(user_id, change, muted_until))

    async def change_rights(
        self, user_id: int, chat_id: int, permissions: list[str], *, is_admin: bool
    ) -> Outcome:
        """Give the bot rights in a group as a user, or take them."""
        return await self._one(ChangeRights(user_id, chat_id, is_admin, permissions))

    async def freeze(self, message_id: str) -> Outcome:
        """Let a message of the bot take no edit any more, as one that is too old."""
        return await self._one(Freeze(message_id))

    async def inject(self, update: JsonObject) -> Outcome:
        """Put a raw update into the queue: an unknown type, a malformed one."""
        return await self._one(Inject(update))

    async def duplicate(self, count: int = 1) -> Outcome:
        """Deliver the last updates once more, as new positions."""
        return await self._one(Duplicate(count))

    # Seeing.

    async def log(self, after: int = 0, *, wait: float = 0.0) -> list[LogEntry]:
        """Read the log.

        Args:
            after: Give entries with a greater number; at most 1000 a call.
            wait: Wait so long for the first one, in seconds, at most 60.
        """
        path = f"/log?after={after}&wait={wait}"
        answer = await self._link.call("GET", path, hold=wait)
        return self._link.take(answer["entries"], list[LogEntry])

    async def follow(self, after: int = 0) -> AsyncIterator[LogEntry]:
        """Give the entries of the log as they come, without end."""
        while True:
            for entry in await self.log(after, wait=HOLD):
                after = entry.seq
                yield entry

    async def wait_for(
        self,
        predicate: Callable[[LogEntry], bool],
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - the error tells what came instead
        after: int = 0,
    ) -> LogEntry:
        """Wait for an entry of the log.

        Args:
            predicate: Says whether an entry is the one.
            timeout: How long to wait, in seconds.
            after: Look only at entries with a greater number.

        Raises:
            LogWaitTimeoutError: Time ran out; it lists the last entries.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        last: list[LogEntry] = []
        while True:
            left = max(0.0, deadline - loop.time())
            entries = await self.log(after, wait=min(left, HOLD))
            found = next(filter(predicate, entries), None)
            if found is not None:
                return found
            last = [*last, *entries][-SHOWN:]
            after = entries[-1].seq if entries else after
            if not entries and loop.time() >= deadline:
                raise LogWaitTimeoutError(timeout, tuple(map(str, last)))

    async def messages(self, chat_id: int) -> list[VisibleMessage]:
        """List what a chat shows now, oldest first."""
        answer = await self._link.call("GET", f"/chats/{chat_id}/messages")
        return self._link.take(answer["messages"], list[VisibleMessage])

    async def position(self) -> Position:
        """Tell what the bot has committed and what waits for it."""
        return self._link.take(await self._link.call("GET", "/position"), Position)

    async def requests(self) -> list[RequestCount]:
        """Count the requests of the bot by method, path and status."""
        answer = await self._link.call("GET", "/requests")
        return self._link.take(answer["requests"], list[RequestCount])

    async def webhooks(self) -> list[WebhookInfo]:
        """List the webhooks that the bot has set."""
        answer = await self._link.call("GET", "/webhooks")
        return self._link.take(answer["webhooks"], list[WebhookInfo])

    async def deliveries(self) -> list[Delivery]:
        """Tell what became of each update that was sent to a webhook."""
        answer = await self._link.call("GET", "/webhooks")
        return self._link.take(answer["deliveries"], list[Delivery])

    async def drop_webhooks(self) -> None:
        """Remove all webhooks, as the service does when one answers nothing."""
        await self._link.call("DELETE", "/webhooks")

    async def users(self) -> list[UserInfo]:
        """List the users, oldest first."""
        answer = await self._link.call("GET", "/users")
        return self._link.take(answer["users"], list[UserInfo])

    async def chats(self, user_id: int) -> list[ChatInfo]:
        """List the chats that a user is in, oldest first."""
        answer = await self._link.call("GET", f"/users/{user_id}/chats")
        return self._link.take(answer["chats"], list[ChatInfo])

    async def traffic(self, message_id: str) -> MessageTraffic:
        """Tell what went over the wire about a message, which may be gone."""
        answer = await self._link.call("GET", f"/messages/{message_id}/traffic")
        return self._link.take(answer, MessageTraffic)

    # Faults.

    async def fault(
        self,
        kind: FaultKind,
        *,
        method: str | None = None,
        path: str | None = None,
        chat_id: int | None = None,
        count: int | None = None,
        seconds: float | None = None,
        status: int = 503,
        code: str | None = None,
        retry_after: float | None = None,
        delay: float = 1.0,
        after: bool = False,
    ) -> None:
        """Let requests of the bot fail; see ``Fault`` for what the arguments mean."""
        fault = Fault(
            FaultKind(kind),
            method,
            path,
            chat_id,
            count,
            seconds,
            status,
            code,
            retry_after,
            delay,
            after,
        )
        await self._link.call("POST", "/faults", self._link.give(fault, Fault))

    async def clear_faults(self) -> None:
        """Let everything work again."""
        await self._link.call("DELETE", "/faults")

    async def _one(self, action: Action) -> Outcome:
        return (await self.act(action))[0]


def _known(number: int | None) -> int:
    if number is None:
        raise SandboxRefusalError(500, "internal.error", "the answer lacks an id")
    return number
