"""The actor that lives on an event loop."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import NamedTuple, TypeAlias, cast

from pykka import Actor, ActorRegistry
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from duologue.actors._future import AsyncFuture
from duologue.actors._mailbox import Mailbox
from duologue.actors._placement import host_for
from duologue.actors._pykka import STOP_TYPE, Work, fail, is_work
from duologue.actors._ref import AsyncActorRef, Reply
from duologue.actors._turn import see_hook_through
from duologue.errors import DuologueError

HookResult: TypeAlias = Awaitable[None] | None


class Passivate(NamedTuple):
    """Go to sleep: the next message for the key makes a new actor."""


_COMMANDS = frozenset({STOP_TYPE, ProxyCall, ProxyGetAttr, ProxySetAttr, Passivate})


class AsyncActor(Actor):
    """A Pykka actor that shares the thread of an event loop with any number of others.

    Use it as any Pykka actor: `start()`, `on_receive()`, proxies, refs and the
    registry mean what Pykka says they mean, from every thread. In addition handlers,
    hooks and methods may be `async def`. One message is handled at a time: while a
    coroutine of one is suspended, the actor begins no other.

    An actor that asks another one awaits the answer:
    `await ref.ask(message, block=False)`.
    """

    actor_inbox: Mailbox  # type: ignore[mutable-override] # Pykka never sets it

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        mailbox = self._create_actor_inbox()
        mailbox.actor = self
        self.actor_inbox = mailbox  # pyright: ignore[reportIncompatibleVariableOverride] # as above
        self.actor_stopped: threading.Event = cast("threading.Event", mailbox)
        self._actor_ref = AsyncActorRef(self, mailbox)

    @property
    def actor_urn(self) -> str:  # type: ignore[override] # made when first read
        """The URN of the actor."""
        return self._actor_ref.actor_urn

    def on_start(self) -> HookResult:  # type: ignore[override] # may be async
        """Run before the first message; may be `async def`."""

    def on_stop(self) -> HookResult:  # type: ignore[override] # may be async
        """Run after the last message, when asked to stop; may be `async def`."""

    def on_failure(  # type: ignore[override] # may be async
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> HookResult:
        """Run after an exception that nobody is told of; may be `async def`."""

    def on_activate(self) -> HookResult:
        """Run when a directory has made the actor, after `on_start`; may be async.

        If it raises, the messages that woke the actor fail with `ActivationError`.
        """

    def on_passivate(self) -> HookResult:
        """Run before a directory lets go of the actor, and before `on_stop`.

        May be `async def`. Messages that arrive meanwhile go to the next actor for
        the key.
        """

    def passivate(self) -> None:
        """Ask the actor to go to sleep after the messages it has already.

        The next message for its key makes a new actor. Without a directory this is
        `stop()` with the hook `on_passivate` before it.
        """
        self.actor_ref.tell(Passivate())

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> AsyncFuture[Reply]:
        return AsyncFuture()

    def _start_actor_loop(self) -> None:
        mailbox = self.actor_inbox
        try:
            host = host_for(type(self).__name__)
            host.attach(mailbox, at_once=type(self).on_start is not AsyncActor.on_start)
        except DuologueError:
            ActorRegistry.unregister(self.actor_ref)
            mailbox.close()
            raise

    def _handle_receive(self, message: object) -> object:
        if type(message) in _COMMANDS:
            return self._handle_command(message)
        return self.on_receive(message)

    def _handle_command(self, message: object) -> object:
        if type(message) is Passivate:
            return self._passivate()
        return super()._handle_receive(message)

    def _open(self) -> Work | None:
        """Run the hooks that come before the first message."""
        hooks = [self.on_start]
        if self.actor_inbox.keeper is not None:
            hooks.append(self.on_activate)
        try:
            for done, hook in enumerate(hooks, start=1):
                rest = hook()
                if is_work(rest):
                    return self._open_later(rest, hooks[done:])
        except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
            self._opened(error)
        else:
            self._opened(None)
        return None

    async def _open_later(
        self, rest: Work, hooks: list[Callable[[], HookResult]]
    ) -> None:
        try:
            await rest
            for hook in hooks:
                await _awaited(hook())
        except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
            self._opened(error)
        except BaseException as error:
            self._opened(error)
            raise
        else:
            self._opened(None)

    def _opened(self, error: BaseException | None) -> None:
        keeper = self.actor_inbox.keeper
        if keeper is not None:
            keeper.opened(error)
        if error is not None:
            fail(self, error)

    def _passivate(self) -> Work | None:
        try:
            rest = self.on_passivate()
        except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
            fail(self, error)
            return None
        if is_work(rest):
            return self._passivate_later(rest)
        return self._stop()

    async def _passivate_later(self, rest: Work) -> None:
        try:
            await rest
        except BaseException as error:
            fail(self, error)
            if not isinstance(error, Exception):
                raise
        else:
            await _awaited(self._stop())

    def _stop(self) -> Work | None:  # type: ignore[override] # the rest of on_stop
        ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        try:
            rest = self.on_stop()
        except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
            fail(self, error)
            return None
        return see_hook_through(self, rest) if is_work(rest) else None


async def _awaited(rest: Awaitable[object] | None) -> None:
    if rest is not None:
        await rest
