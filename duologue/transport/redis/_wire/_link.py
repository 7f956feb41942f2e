"""The way to the server: calls gather, leave together and are answered in order.

One connection and one pipeline at a time, so that what was asked for first has its effect
first and is answered first. While one pipeline is on its way the next one gathers. A
pipeline whose connection broke is sent once more: every script knows what it has done
already. Then, and where the server refuses for a reason that may pass, whoever waits gets
an `EngineUnavailableError`.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    NoScriptError,
    RedisError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from duologue._redis import kept_by
from duologue.actors import Observer
from duologue.errors import EngineError, EngineUnavailableError
from duologue.transport.redis._wire._calls import Call, Reply, Wire
from duologue.transport.redis._wire._client import Argument, Client, Connection
from duologue.transport.redis._wire._commands import (
    command,
    written,
)
from duologue.transport.redis._wire._scripts import ALL, NEWS

BROKEN = (RedisConnectionError, RedisTimeoutError, OSError)
"""Errors of the way to a server, which say nothing of what it has done."""
_TIMEOUT = 5.0
_COMMAND = "command"  # what calls that are no scripts are counted as
_MOST_AT_ONCE = 1000  # calls of one pipeline, so that none waits for long
_MOST_ROUNDS = 8  # of the loop, in which a pipeline gathers
_logger = logging.getLogger("duologue.redis")


class Link(Wire):
    """Sends calls to the server.

    Args:
        client: Its client, which tries nothing again by itself.
        wait: A command that ends each pipeline and returns how many others have it, and
            how many are wanted; None if that does not matter.
        observer: Is told of calls and errors; None if nobody wants to know.
        takes_back: Is given each call that has no answer, and why, and tells whether it
            is asked elsewhere; None if there is only this server.
    """

    def __init__(
        self,
        client: Client,
        wait: tuple[Sequence[Argument], int] | None = None,
        observer: Observer | None = None,
        takes_back: Callable[[Call, BaseException], bool] | None = None,
    ) -> None:
        self._client = client
        self._takes_back = takes_back
        self._observer = observer
        if observer is not None and wait is not None:
            observer.count("replicas_short", 0)
        self._connection: Connection | None = None
        self._connections = 0
        self._wait = wait
        self._calls: list[Call] = []
        self._pump: asyncio.Task[None] | None = None
        self._is_closed = False
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why nothing can be accepted or committed now; None if all is well."""
        return self._problem

    @property
    def connections(self) -> int:
        """How often it was connected anew: what was there before may be forgotten."""
        return self._connections

    def send(self, call: Call) -> asyncio.Future[object]:
        """Send a call with the others of this tick."""
        if self._is_closed:
            call.fail(EngineUnavailableError(call.about, "the engine has ended"))
            return call.future
        self._calls.append(call)
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._run())
        return call.future

    def tell_of_moves(self, moved: Callable[[str], None]) -> None:
        """There is only one server."""

    def withdraw(self, is_meant: Callable[[Call], bool]) -> list[Call]:
        """Take out some of the calls that have not left yet, in order."""
        taken = [call for call in self._calls if is_meant(call)]
        if taken:
            self._calls = [call for call in self._calls if not is_meant(call)]
        return taken

    async def close(self) -> None:
        """Wait for what is on its way, and send nothing any more."""
        while self._pump is not None:
            await asyncio.shield(self._pump)
        self._is_closed = True

    async def _run(self) -> None:
        try:
            while self._calls:
                await self._gather()
                calls = self._calls[:_MOST_AT_ONCE]
                del self._calls[:_MOST_AT_ONCE]
                await self._exchange(calls)
        finally:
            self._pump = None
            if self._calls:  # only if this was cancelled, when the program ends
                for call in self._calls:
                    call.fail(EngineUnavailableError(call.about, "the program ends"))
                self._calls.clear()

    async def _gather(self) -> None:
        """Wait for as long as each round of the loop brings more calls.

        A pipeline costs both sides as much as several calls, and the turns of a batch of
        updates begin in some rounds of the loop.
        """
        known = 0
        for _ in range(_MOST_ROUNDS):
            if known == len(self._calls):
                return
            known = len(self._calls)
            await asyncio.sleep(0)

    async def _exchange(self, calls: list[Call]) -> None:
        """Send some calls, and tell each its answer."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            replies = await self.transfer(calls)
        except BROKEN as error:
            self._note_error(error)
            try:  # once more, on another connection
                replies = await self.transfer(calls)
            except (*BROKEN, RedisError) as again:
                self._lost(calls, again)
                return
        except RedisError as error:
            self._lost(calls, error)
            return
        if self._observer is not None:
            self._note_calls(calls, loop.time() - began)
        missing = self._missing_replicas(replies)
        for call, reply in zip(calls, replies, strict=False):
            if isinstance(reply, EngineUnavailableError):
                call.fail(reply)
                continue
            if isinstance(reply, BaseException):
                self._refused(call, reply)
                continue
            if missing is not None:
                # It has happened, and may be lost again: so no news of it are any.
                if call.script is not NEWS:
                    with suppress(EngineError):
                        call.follow(cast("Reply", reply))
                call.fail(EngineUnavailableError(call.about, missing))
            else:
                call.settle(cast("Reply", reply))

    async def transfer(self, calls: Sequence[Call]) -> list[object]:
        """Send some calls and return the answers, in their order.

        Scripts that the server does not have are given to it, and run after that.
        """
        replies = await self._pipelined(calls)
        unknown = [
            number
            for number, reply in enumerate(replies)
            if isinstance(reply, NoScriptError) and number < len(calls)
        ]
        if unknown:
            await self.load_scripts()
            again = await self._pipelined([calls[number] for number in unknown])
            if any(isinstance(reply, NoScriptError) for reply in again):
                await self._hang_up()
            for number, reply in zip(unknown, again, strict=False):
                replies[number] = reply
            if self._wait is not None:
                replies[-1] = again[-1]  # what they have written is waited for, too
        return replies

    async def _hang_up(self) -> None:
        """Leave a connection that leads elsewhere than others: there was a fail-over.

        Raises:
            ConnectionError: Always; what was sent is sent once more on another way.
        """
        if self._connection is not None:
            await self._connection.disconnect()
        raise ConnectionError("it leads to a server that is not the master any more")

    async def load_scripts(self) -> None:
        """Give the server all scripts."""
        pipeline = self._client.pipeline(transaction=False)
        for script in ALL:
            pipeline.execute_command("SCRIPT LOAD", script.text)
        await pipeline.execute()

    async def _pipelined(self, calls: Sequence[Call]) -> list[object]:
        """Send some calls through the connection that this link keeps for itself."""
        if self._connection is None:
            self._connection = await self._client.connection_pool.get_connection()
        connection = self._connection
        replies: list[object] = []
        # Whatever ends this in the middle also ends the connection.
        async with asyncio.timeout(_TIMEOUT):
            if not connection.is_connected:
                await connection.connect()  # asks sentinels; sending goes where it was
                self._connections += 1
            parts = [
                call.written() if call.holds is None or call.holds() else None
                for call in calls
            ]
            if self._wait is not None:
                parts.append(command(len(self._wait[0]), written(self._wait[0])))
            sent = b"".join(part for part in parts if part is not None)
            if sent:
                await connection.send_packed_command([sent])
            for number, part in enumerate(parts):
                if part is None:
                    replies.append(_left_out(calls[number]))
                    continue
                try:
                    reply = await connection.read_response(timeout=math.inf)
                except ResponseError as error:
                    reply = error
                replies.append(reply)
        return replies

    def _missing_replicas(self, replies: list[object]) -> str | None:
        if self._wait is None:
            self._problem = None
            return None
        if kept_by(replies[-1]) >= self._wait[1]:
            self._problem = None
            return None
        is_disk = self._wait[0][0] == "WAITAOF"
        missing = "the disk does not have" if is_disk else "not enough replicas have"
        if self._observer is not None:
            self._observer.count("replicas_short")
        self._problem = f"{missing} what was written"
        return self._problem

    def _note_calls(self, calls: Sequence[Call], seconds: float) -> None:
        """Measure how long each took from the pipeline to its answer."""
        assert self._observer is not None  # noqa: S101  # so it is called
        for call in calls:
            name = _COMMAND if call.script is None else call.script.name
            self._observer.record("engine_call_seconds", seconds, call=name)

    def _note_error(self, error: BaseException) -> None:
        if self._observer is not None:
            self._observer.count("engine_errors", error=type(error).__name__)

    def _lost(self, calls: Sequence[Call], error: BaseException) -> None:
        self._note_error(error)
        for call in calls:
            self._give_up(call, error)

    def _refused(self, call: Call, error: BaseException) -> None:
        self._note_error(error)
        self._give_up(call, error)

    def _give_up(self, call: Call, error: BaseException) -> None:
        if self._takes_back is None or not self._takes_back(call, error):
            self._problem = said(error)
            call.fail(EngineUnavailableError(call.about, self._problem))


def _left_out(call: Call) -> EngineUnavailableError:
    """What became of a call that assumes what may not be any more."""
    return EngineUnavailableError(call.about, "the connection was lost meanwhile")


def said(error: BaseException) -> str:
    """What an error of the server or of the way to it says, without an address."""
    text = str(error) or type(error).__name__
    return f"{type(error).__name__}: {text[:200]}"
