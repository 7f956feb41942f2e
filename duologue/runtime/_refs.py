"""The doors by which other programs reach the actors of a runtime."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from duologue.actors import Directory, Observer
from duologue.errors import RuntimeSettingError
from duologue.messages import Signer
from duologue.messages._recipients import Recipient, Recipients
from duologue.messages._states import STATE
from duologue.runtime._assembly import Running
from duologue.runtime._exposed_states import ExposedStates
from duologue.state import AsyncState
from duologue.transport.http import AccessToken, AccessTokens
from duologue.transport.http._refs._door import refs_application


class RefDoors(ABC):
    """A runtime, as other programs reach it.

    Attributes:
        observer: Counts what happens.
    """

    observer: Observer

    def refs(
        self,
        tokens: AccessTokens | None = None,
        *,
        signers: Sequence[Signer] = (),
        strangers: bool = False,
        loopback: bool = False,
        directory: Directory | None = None,
        states: Sequence[type[AsyncState]] = (),
        rate: float | None = None,
    ) -> web.Application:
        """Make the door to which other programs bring messages to dialogs.

        `app.add_subapp("/refs", runtime.refs(AccessTokenFile(path)))` mounts it in an
        aiohttp application; see `duologue.remote` for who knocks. It may be made before
        the runtime runs, and answers 503 until then.

        Args:
            tokens: Those of the programs that may come in, and what each may do.
            signers: Programs that sign as Standard Webhooks has it.
            strangers: Whether messages may go to users whom the bot has never met.
            loopback: Whether programs of this machine need no token. Whoever comes from
                elsewhere, or through a proxy, is refused.
            directory: Actors of the application that are exposed.
            states: The classes of State that are shown.
            rate: How many messages a second each caller may bring; any number if it is
                None.

        Raises:
            RuntimeSettingError: Nobody could come in, or nothing.
        """
        return refs_application(
            _Reach(self._parts, directory, states, strangers=strangers),
            tokens=tokens,
            signers=signers,
            loopback=loopback,
            rate=rate,
            observer=lambda: self.observer,
        )

    @asynccontextmanager
    async def stream_refs(
        self,
        *signers: Signer,
        unsigned: Sequence[str] = (),
        strangers: bool = False,
        directory: Directory | None = None,
        states: Sequence[type[AsyncState]] = (),
    ) -> AsyncGenerator[None]:
        """Take in what other programs write to the streams of a Redis engine.

        `async with Runtime(…) as runtime, runtime.stream_refs(Signer(…)):` does so for as
        long as the block. Of several processes one does it at a time.

        Args:
            signers: Programs that sign what they write, and what each may do.
            unsigned: Scopes of what is not signed: of everybody who may write there.
            strangers: Whether messages may go to users whom the bot has never met.
            directory: Actors of the application that are exposed.
            states: The classes of State that are shown.

        Raises:
            RuntimeSettingError: Nothing could come in, or the engine has no streams.
            RuntimeNotStartedError: The runtime does not run.
        """
        # Programs on other engines do without its client.
        from duologue.transport.redis import RedisEngine  # noqa: PLC0415
        from duologue.transport.redis._ingress._entries import (  # noqa: PLC0415
            Entrance,
        )
        from duologue.transport.redis._ingress._stream import (  # noqa: PLC0415
            StreamDoor,
        )

        parts = self._parts()
        if not signers and not unsigned:
            problem = "nothing could come in; give a Signer(name, secret, scopes)"
            raise RuntimeSettingError("stream_refs()", problem)
        if not isinstance(parts.engine, RedisEngine):
            problem = 'streams are there with engine="redis://…" only; use refs()'
            raise RuntimeSettingError("stream_refs()", problem)
        door = StreamDoor(
            parts.engine,
            Entrance(signers, unsigned, scopes=_scopes),
            _Reach(self._parts, directory, states, strangers=strangers)(),
            observer=self.observer,
        )
        door.start()
        try:
            yield
        finally:
            await door.close()

    @abstractmethod
    def _parts(self) -> Running:
        """The parts that run.

        Raises:
            RuntimeNotStartedError: Used outside the block.
        """


def _scopes(name: str, scopes: Sequence[str]) -> Callable[[str, str], bool]:
    return AccessToken(name, "", tuple(scopes)).allows


class _Reach:
    """Whom messages reach, as long as a runtime runs."""

    def __init__(
        self,
        parts: Callable[[], Running],
        directory: Directory | None,
        states: Sequence[type[AsyncState]],
        *,
        strangers: bool,
    ) -> None:
        self._parts = parts
        self._directory = directory
        self._states = states
        self._strangers = strangers
        self._running: Running | None = None
        self._recipients: Recipients = Recipients()

    def __call__(self) -> Recipients:
        running = self._parts()
        if running is not self._running:
            told = running.conversations.told(strangers=self._strangers)
            others: Mapping[str, Recipient] = {}
            if self._directory is not None:
                others = self._directory.exposed
            own: dict[str, Recipient] = {"dialog": told}
            if self._states:
                own[STATE] = ExposedStates(running.states, self._states)
            self._running = running
            self._recipients = Recipients(own, others)
        return self._recipients
