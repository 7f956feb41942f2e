"""The actor that lives on an event loop."""

from __future__ import annotations

import threading
from collections.abc import Awaitable
from functools import partial
from types import TracebackType
from typing import ClassVar, NamedTuple, Self, TypeAlias, cast

from pykka import ActorRegistry
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._hosts._placement import host_for
from duologue.actors._lifecycle._failure import crash_in_end, give_notice, run_last_hook
from duologue.actors._lifecycle._relations import (
    ChildFailed,
    Life,
    Notice,
    TiedActor,
    life_of,
)
from duologue.actors._lifecycle._restart import ref_to_take_over, refs_to_take_over
from duologue.actors._lifecycle._supervision import (
    Restart,
    Stop,
    Strategy,
    check_strategy,
)
from duologue.actors._lifecycle._timers import Tick
from duologue.actors._mailbox._bounded import Bounded, check_bounds
from duologue.actors._mailbox._envelope import RuntimeEnvelope
from duologue.actors._mailbox._mailbox import Mailbox
from duologue.actors._pykka._pykka import STOP_TYPE, Work, is_work, log
from duologue.actors._pykka._stop_reason import (
    Failed,
    ParentStopped,
    Passivated,
    Stopped,
    StopReason,
)
from duologue.actors._ref import AsyncActorRef, Reply
from duologue.errors import ActorInitError, ChildFailedError, DuologueError

HookResult: TypeAlias = Awaitable[None] | None
ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

_ASKED = Stopped()


class Passivate(NamedTuple):
    """Go to sleep: the next message for the key makes a new actor."""


_COMMANDS = frozenset(
    {
        STOP_TYPE,
        ProxyCall,
        ProxyGetAttr,
        ProxySetAttr,
        Passivate,
        Tick,
        Notice,
        ChildFailed,
    }
)


class AsyncActor(TiedActor):
    """A Pykka actor that shares the thread of an event loop with any number of others.

    Use it as any Pykka actor: `start()`, `on_receive()`, proxies, refs and the
    registry mean what Pykka says they mean, from every thread. In addition handlers,
    hooks and methods may be `async def`. One message is handled at a time: while a
    coroutine of one is suspended, the actor begins no other.

    An actor that asks another one awaits the answer:
    `await ref.ask(message, block=False)`.
    """

    mailbox: ClassVar[Bounded | None] = None
    """How many messages may wait for an actor of the class; by default any number."""

    supervision: Strategy = Stop()
    """What happens when an actor of the class fails; by default it stops.

    An `__init__` may set it for its instance.
    """

    use_daemon_thread: ClassVar[bool] = False
    """Whether a program may end before its actors of the class have stopped.

    This is for actors without a system. Any other program goes on until they have.
    """

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        ref = ref_to_take_over(self) if refs_to_take_over else None
        mailbox = self._create_actor_inbox() if ref is None else ref.actor_inbox
        mailbox.actor = self
        self.actor_inbox = mailbox  # pyright: ignore[reportIncompatibleVariableOverride] # Pykka never sets it
        self._actor_ref = AsyncActorRef(self, mailbox) if ref is None else ref

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        check_strategy(cls.supervision)
        check_bounds(cls)

    @classmethod
    def start(  # pyright: ignore[reportIncompatibleMethodOverride] # a ref of the class, as in Pykka
        cls, *args: object, **kwargs: object
    ) -> AsyncActorRef[Self]:
        """Start an actor; callable from any thread.

        Args:
            args: For `__init__`.
            kwargs: For `__init__`.

        Returns:
            Its ref. It lives on the host of the turn that starts it, else in the
            only open system, else on a thread of its own.

        Raises:
            ActorInitError: If its `__init__` has not called that of its base.
            AmbiguousSystemError: If several systems are open.
        """
        actor = cls(*args, **kwargs)
        ref = actor.actor_ref
        if type(actor.supervision) is Restart:
            life_of(ref).factory = partial(cls, *args, **kwargs)
        ActorRegistry.register(ref)
        log.debug("Starting %s", actor)
        actor._start_actor_loop()
        return ref

    @property
    def actor_ref(self) -> AsyncActorRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] # same
        """The ref of the actor.

        Raises:
            ActorInitError: If its `__init__` has not called that of its base.
        """
        try:
            return cast("AsyncActorRef[Self]", self._actor_ref)
        except AttributeError:
            raise ActorInitError(type(self).__name__) from None

    @property
    def actor_stopped(self) -> threading.Event:  # type: ignore[override] # never set
        """What is set when the actor has stopped: its mailbox, which saves room."""
        return cast("threading.Event", self.actor_inbox)

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
        self.actor_inbox.put_from_runtime(RuntimeEnvelope(Passivate()))

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
        match message:
            case Tick(timer=timer):
                return self.on_receive(timer.message) if timer.take() else None
            case Passivate():
                return self._passivate()
            case Notice(terminated=terminated):
                is_watched = life_of(self.actor_ref).learn_of(terminated)
                return self.on_receive(terminated) if is_watched else None
            case ChildFailed(child=child, error=error, parent=parent):
                if parent is not self:
                    return None
                raise ChildFailedError(str(child), repr(error)) from error
            case _:
                return super()._handle_receive(message)

    def _open(self) -> Work | None:
        """Run the hooks that come before the first message; may raise what they do."""
        rest = self.on_start()
        if self.actor_inbox.keeper is None:
            return rest if is_work(rest) else None
        if is_work(rest):
            return self._activate_after(rest)
        rest = self.on_activate()
        return rest if is_work(rest) else None

    async def _activate_after(self, rest: Work) -> None:
        await rest
        await _awaited(self.on_activate())

    def _passivate(self) -> Work | None:
        try:
            rest = self.on_passivate()
        except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
            return crash_in_end(self, error)
        if is_work(rest):
            return self._passivate_later(rest)
        return self._stop(Passivated())

    async def _passivate_later(self, rest: Work) -> None:
        try:
            await rest
        except Exception as error:  # noqa: BLE001 - Pykka logs what a hook raises
            await _awaited(crash_in_end(self, error))
        except BaseException as error:
            if self.actor_inbox.reason is None:
                give_notice(self, error)
            raise
        else:
            await _awaited(self._stop(Passivated()))

    def _stop(self, reason: StopReason | None = None) -> Work | None:  # type: ignore[override] # the rest of on_stop
        mailbox = self.actor_inbox
        life = cast("Life | None", mailbox.life)
        ActorRegistry.unregister(self.actor_ref)
        mailbox.stop(reason or _reason_to_stop(life))
        log.debug("Stopped %s", self)
        if life is not None and life.children:
            return self._stop_after(life.stop_children())
        return run_last_hook(self, self.on_stop)

    async def _stop_after(self, rest: Work) -> None:
        await rest
        await _awaited(run_last_hook(self, self.on_stop))

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        exc_info = (exception_type, exception_value, traceback)
        log.error(
            "Unhandled exception in %s:", self, exc_info=cast("ExcInfo", exc_info)
        )
        ActorRegistry.unregister(self.actor_ref)
        self.actor_inbox.stop(Failed(cast("BaseException", exception_value)))


def _reason_to_stop(life: Life | None) -> StopReason:
    return ParentStopped() if life is not None and life.is_ending else _ASKED


async def _awaited(rest: Awaitable[object] | None) -> None:
    if rest is not None:
        await rest
