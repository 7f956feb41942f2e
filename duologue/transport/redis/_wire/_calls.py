"""What is asked of the server, one by one."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

from duologue.errors import EngineError
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._commands import NOTHING, Words, command, written
from duologue.transport.redis._wire._scripts import Script

Reply: TypeAlias = "list[Reply] | bytes | int | None"
_logger = logging.getLogger("duologue.redis")


class Call:
    """One command or script.

    Args:
        about: The key it is about, for errors.
        command: The command, or the arguments of the script behind its keys.
        script: The script.
        first: The keys of its unit.
        keys: Its other keys.
        done: Is called with the reply, in the order of the calls and before anything
            else happens; what it returns is what the caller gets.
        ended: Is called once, when there is a reply or will be none, before `done`.
        holds: Tells, when it is to be sent, whether what it assumes still holds; if
            not, it is not sent, and there is no answer.
    """

    __slots__ = (
        "_ended",
        "about",
        "command",
        "done",
        "first",
        "future",
        "holds",
        "keys",
        "script",
    )

    def __init__(
        self,
        about: str,
        command: Sequence[Argument],
        *,
        script: Script | None = None,
        first: Words = NOTHING,
        keys: Sequence[str] = (),
        done: Callable[[Reply], object] | None = None,
        ended: Callable[[], None] | None = None,
        holds: Callable[[], bool] | None = None,
    ) -> None:
        self._ended = ended
        self.holds: Callable[[], bool] | None = holds
        self.about: str = about
        self.command: Sequence[Argument] = command
        self.script: Script | None = script
        self.first: Words = first
        self.keys: Sequence[str] = keys
        self.done: Callable[[Reply], object] | None = done
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[object] = loop.create_future()

    def written(self) -> bytes:
        """What is sent."""
        if self.script is None:
            return command(len(self.command), written(self.command))
        first, rest = self.first, [*self.keys, *self.command]
        return command(
            3 + first.number + len(rest),
            self.script.words.written,
            written((first.number + len(self.keys),)),
            first.written,
            written(rest),
        )

    def follow(self, reply: Reply) -> object:
        """Do here what the server has done."""
        self._end()
        return reply if self.done is None else self.done(reply)

    def _end(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()

    def settle(self, reply: Reply) -> None:
        """Take the answer."""
        try:
            outcome = self.follow(reply)
        except EngineError as error:
            self.fail(error)
        except Exception as error:
            _logger.exception("an answer about %s could not be followed", self.about)
            self.fail(error)
        else:
            if not self.future.done():
                self.future.set_result(outcome)

    def fail(self, error: BaseException) -> None:
        """There is no answer."""
        self._end()
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # some calls have nobody who waits


class Wire(ABC):
    """The way to a server, or to several that act as one.

    What is asked about one unit has its effect, and is answered, in its order.

    Attributes:
        is_one: Whether it is one server.
    """

    is_one: ClassVar[bool] = True

    @property
    @abstractmethod
    def problem(self) -> str | None:
        """Why nothing can be accepted or committed now; None if all is well."""

    @property
    @abstractmethod
    def connections(self) -> int:
        """How often it was connected anew: what was there before may be forgotten."""

    @abstractmethod
    def send(self, call: Call) -> asyncio.Future[object]:
        """Send a call with the others of this tick."""

    @abstractmethod
    def tell_of_moves(self, moved: Callable[[str], None]) -> None:
        """Have somebody told when a hash tag is served by another server than before.

        Args:
            moved: Is called with what the keys of that tag begin with, before anything
                else is asked about it there.
        """

    @abstractmethod
    async def load_scripts(self) -> None:
        """Give all scripts to whoever runs them."""

    @abstractmethod
    async def close(self) -> None:
        """Wait for what is on its way, and send nothing any more."""

    def post(self, call: Call) -> None:
        """Send a call that nobody waits for."""
        _answer = self.send(call)

    async def ask(self, call: Call) -> object:
        """Send a call, and return what its `done` makes of the answer.

        Raises:
            EngineUnavailableError: There is none.
        """
        # Whoever is cancelled leaves; the call takes its way.
        return await asyncio.shield(self.send(call))
