"""A runtime in another program, as this one sees it."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from duologue._redis import Durability, Place, place_in
from duologue.errors import RuntimeSettingError
from duologue.messages import Ref, dialog_ref
from duologue.remote._blocking import BlockingRemoteRuntime
from duologue.remote._doors import Door
from duologue.remote._http import HttpDoor
from duologue.remote._operations import RemoteOperation
from duologue.remote._refs import RemoteDialog, RemoteRef, Sender
from duologue.remote._states import RemoteState, state_ref
from duologue.remote._turns import Turns

SOURCE: Final = "//duologue.remote"


class RemoteRuntime:
    """A runtime in another program.

    `async with RemoteRuntime("https://bot.internal/refs", token=…) as remote:` gives back
    its connections at the end of the block; `close()` does so elsewhere. In programs with
    threads, `blocking()` has the same calls.

    Args:
        url: Where its door is mounted; see `Runtime.refs`.
        token: What lets this program in.
        source: The name of this program, the same in all of its runs: with the id of a
            message it says whether that came before.
        patience: Seconds for which a message is sent again and again.
        operations: Where `actions_application` is mounted, for `operation()`.

    Raises:
        RuntimeSettingError: The URL is none.
    """

    _operations: HttpDoor | None = None

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        source: str = SOURCE,
        patience: float = 60.0,
        operations: str | None = None,
    ) -> None:
        self._begin(HttpDoor(url, token, patience), source)
        if operations is not None:
            self._operations = HttpDoor(operations, token, patience)

    @classmethod
    def redis(
        cls,
        url: str,
        *,
        secret: str | None = None,
        namespace: str | None = None,
        shards: int | None = None,
        durability: Durability | None = None,
        source: str = SOURCE,
        patience: float = 60.0,
        operations: str | None = None,
        token: str | None = None,
    ) -> Self:
        """A runtime that reads streams of a Redis or Valkey server.

        Args:
            url: The server, as the engine of the bot is told, with a user who may write
                there: `redis://writer:…@host`, `redis+sentinel://writer:…@a,b/name`.
            secret: What messages are signed with: 24 bytes or more; None where the bot
                takes unsigned ones.
            namespace: That of the bot's engine; the URL may say it, too.
            shards: Those of the bot's engine; the URL may say it, too.
            durability: When a message counts as written: `"fast"` when the server has it,
                `"safe"` when a replica has it, too, `"strict"` when it is on the disk;
                the URL may say it, too.
            source: The name of this program, the same in all of its runs.
            patience: Seconds for which a message is sent again, or an outcome waited for.
            operations: Where `actions_application` is mounted, for `operation()`: that
                goes over HTTP, since an operation is its owner's, whom a token names.
            token: What lets this program in there.

        Raises:
            RuntimeSettingError: A URL is none, or one of the others cannot be used.
            SecretTooShortError: The secret could be guessed.
        """
        from duologue.remote._stream import StreamDoor  # noqa: PLC0415  # redis is large

        said = place_in(url)
        place = Place(
            said.server,
            said.namespace if namespace is None else namespace,
            said.shards if shards is None else shards,
            said.durability if durability is None else durability,
        )
        door = StreamDoor(place, secret, patience=patience)
        made = cls.__new__(cls)
        made._begin(door, source)  # noqa: SLF001  # our own
        if operations is not None:
            made._operations = HttpDoor(operations, token, patience)  # noqa: SLF001  # as above
        return made

    def _begin(self, door: Door, source: str) -> None:
        self._door = door
        self._sender = Sender(door, source, Turns())

    def __repr__(self) -> str:
        return f"<RemoteRuntime {self._door.place}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give back connections."""
        await self.close()

    async def close(self) -> None:
        """Give back connections. The next call makes new ones."""
        await self._door.close()
        if self._operations is not None:
            await self._operations.close()

    def blocking(self) -> BlockingRemoteRuntime:
        """The same for threads and scripts: `with remote.blocking() as remote:`."""
        return BlockingRemoteRuntime(self)

    def dialog(
        self,
        bot: str,
        *,
        chat_id: int,
        user_id: int | None = None,
        thread_id: int | None = None,
    ) -> RemoteDialog:
        """The dialogs of a user in a chat.

        Args:
            bot: The messenger and the number of the bot, such as `max.42`.
            chat_id: The chat.
            user_id: The user; None for what the whole chat shares.
            thread_id: The topic.

        Raises:
            InvalidRefError: The bot is none.
        """
        ref = dialog_ref(bot, chat_id=chat_id, user_id=user_id, thread_id=thread_id)
        return RemoteDialog(ref, self._sender)

    def actor(self, type: str, key: str) -> RemoteRef:  # noqa: A002  # the word of refs
        """An actor of a class that the other program has exposed.

        Args:
            type: The name of the class.
            key: Which one.

        Raises:
            InvalidRefError: There can be no such actor.
        """
        return RemoteRef(Ref(type, key), self._sender)

    def state(
        self,
        state: type[object] | str,
        *,
        bot: str | None = None,
        chat_id: int | None = None,
        user_id: int | None = None,
        operation_id: str | None = None,
    ) -> RemoteState:
        """The State of a class that the other program shows, for a place.

        Args:
            state: The class, or its name.
            bot: Whose it is, such as `max.42`; not needed where there is one only.
            chat_id: The chat, if it belongs to one.
            user_id: The user, if it belongs to one.
            operation_id: The operation, if it belongs to one.

        Raises:
            InvalidRefError: There can be no such State.
        """
        name = state if isinstance(state, str) else state.__name__
        return state_ref(
            name,
            self._sender,
            bot=bot,
            chat_id=chat_id,
            user_id=user_id,
            operation_id=operation_id,
        )

    def operation(self, id: str) -> RemoteOperation:  # noqa: A002  # the word of operations
        """A long operation of the other program.

        Raises:
            RuntimeSettingError: It is not said where its door is.
        """
        if self._operations is None:
            problem = (
                "operations are reached over HTTP only; say where: "
                'operations="https://bot.internal/actions", token=…'
            )
            raise RuntimeSettingError("operation()", problem)
        return RemoteOperation(self._operations, id)

    def ref(self, text: str) -> RemoteRef:
        """The ref that `str(ref)` has written.

        Returns:
            A `RemoteDialog` if it is one of dialogs.

        Raises:
            InvalidRefError: It is none.
        """
        ref = Ref.parse(text)
        kind = RemoteDialog if ref.type == "dialog" else RemoteRef
        return kind(ref, self._sender)
