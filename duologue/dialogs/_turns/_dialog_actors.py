"""The dialog actors: all that the process holds of each conversation.

A dialog actor is an actor of the system like any other: seen in the registry, stopped,
killed, let go when it is idle. Its mail lies in the engine (`MailInbox`): the engine says
that a key has mail, one look-up finds the actor, and the actor stands in the queue of its
host. What an actor holds can be made anew from the engine at any time; mail that it
leaves goes to the next actor of its key.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    Clock,
    Observer,
    Opened,
    TimerHandle,
)
from duologue.actors._mailbox._mail_inbox import MailInbox
from duologue.actors._mailbox._mailbox import Mailbox
from duologue.dialogs._chat._address import Address
from duologue.dialogs._screen._keyboards import FixedKeyboards
from duologue.dialogs._screen._screens import Screens
from duologue.dialogs._state._snapshot import Stored
from duologue.errors import SystemClosedError

# How many idle actors go at once; the loop has others to serve.
_SWEEP_BATCH = 1000
_ROUNDING = 0.001

RunTurn = Callable[["DialogActor"], Coroutine[object, object, None]]


@dataclass(slots=True)
class Unsure:
    """A turn of which nobody knows whether it was committed.

    Attributes:
        mail_id: Its message: as long as that is there, it was not.
        finish: What is to be done if it was.
        withdraw: What is to be done if it was not.
    """

    mail_id: str
    finish: Callable[[], object]
    withdraw: Callable[[], object]


class DialogActor(AsyncActor):
    """Everything that the process holds of one conversation.

    Args:
        key: The address.
        run_turn: Handles one piece of mail.
        gone: Is called when the actor has stopped, however that came.

    Attributes:
        address: The same, read by its first turn.
        inbox: Tells whether there is mail.
        following: The next turn, if the last commit has begun it already.
        handled: How many messages it has handled on this lease.
        stored: The state as the last commit of this process wrote it.
        screens: What is on its way to the messenger, by stack.
        keyboards: Keyboards that never change, addressed and checked.
        pressed: The press that was handled last; see `Turn.pressed`.
        used: When it last handled mail, by the clock.
        unsure: A turn of which nobody knows whether it was committed.
        losses: How often another process has taken its chat over.
        is_asking: Whether the engine, which did not answer, is asked again later.
    """

    def __init__(
        self, key: str, run_turn: RunTurn, gone: Callable[[DialogActor], None]
    ) -> None:
        super().__init__()
        self.key: str = key
        self.address: Address | None = None
        self.inbox: MailInbox = MailInbox(self.actor_inbox)
        self.following: Opened | None = None
        self.handled: int = 0
        self.stored: Stored = Stored()
        self.screens: Screens = {}
        self.keyboards: FixedKeyboards = {}
        self.pressed: tuple[str | None, str] | None = None
        self.used: float = 0.0
        self.unsure: Unsure | None = None
        self.losses: int = 0
        self.is_asking: bool = False
        self._run_turn = run_turn
        self._gone = gone
        self.actor_inbox.queue = self.inbox
        self.actor_inbox.keeper = self

    def __str__(self) -> str:
        return f"the actor of {self.key}"

    def on_receive(self, message: object) -> Coroutine[object, object, None]:
        """Handle one piece of mail."""
        del message
        return self._run_turn(self)

    @property
    def is_idle(self) -> bool:
        """Whether it could go: no mail, no turn, nothing on its way to the screen."""
        mailbox = self.actor_inbox
        return (
            self.inbox.empty()
            and not mailbox.suspended
            and not self.is_asking
            and not any(screen.is_busy for screen in self.screens.values())
        )

    def ask_again(self) -> None:
        """Try once more what the engine did not answer."""
        self.is_asking = False
        self.inbox.ring()

    @property
    def actor_name(self) -> str:
        """The name of the class."""
        return type(self).__name__

    def opened(self, error: BaseException | None) -> None:
        """Nobody waits for its start."""

    def closed(self, mailbox: Mailbox) -> None:
        """Learn that it has stopped; what waits in the engine is for the next one."""
        mailbox.drain()
        self._gone(self)


class DialogActors:
    """The dialog actors of a runtime, by their addresses.

    Args:
        system: Where they live, all on its own loop.
        run_turn: Handles one piece of mail of an actor.
        clock: Tells how long an actor has been idle.
        observer: Is told of actors that come and go.
        idle_after: Seconds without mail after which an actor is let go.
        shared: Whether another process may take a chat over.
    """

    actor_name: str = DialogActor.__name__

    def __init__(
        self,
        system: ActorSystem,
        run_turn: RunTurn,
        *,
        clock: Clock,
        observer: Observer,
        idle_after: float,
        shared: bool,
    ) -> None:
        self._system = system
        self._run_turn = run_turn
        self._clock = clock
        self._observer = observer
        self._idle_after = idle_after
        # In the order of their last use, so a sweep looks at the oldest only.
        self._actors: OrderedDict[str, DialogActor] = OrderedDict()
        # Many chats may be lost at once, so that each is looked up.
        self._by_chat: dict[str, list[DialogActor]] | None = {} if shared else None
        self._timer: TimerHandle | None = None
        self._empty: list[asyncio.Future[None]] = []
        self._is_closing = False
        system.directory.include(self)

    def __len__(self) -> int:
        return len(self._actors)

    def get(self, key: str) -> DialogActor | None:
        """The actor of an address, if it has one."""
        return self._actors.get(key)

    def ready(self, key: str) -> None:
        """Give an actor its turn: the engine has leased its mailbox to this process."""
        actor = self._actors.get(key)
        if actor is None:
            try:
                actor = self._activate(key)
            except SystemClosedError:
                return  # too late: the mail waits for the next run
        else:
            self._actors.move_to_end(key)
            actor.following = None  # it was begun on a lease that is over
        actor.inbox.ring()

    def wake(self, key: str) -> DialogActor:
        """The actor of an address; a new one if it has none.

        Raises:
            SystemClosedError: The runtime stops.
        """
        return self._actors.get(key) or self._activate(key)

    def lose(self, screen: str) -> list[Screens]:
        """Learn that another process has a chat.

        Returns:
            What is on its way there, by the conversations of it.
        """
        lost = (self._by_chat or {}).get(screen.partition("/")[2], ())
        for actor in lost:
            actor.losses += 1
        return [actor.screens for actor in lost]

    @property
    def has_mail(self) -> bool:
        """Whether one of them has mail that is not handled yet."""
        return any(actor.inbox.has_mail for actor in self._actors.values())

    @property
    def screens_busy(self) -> int:
        """How many screens have a view on its way; callable from any thread."""
        return sum(
            screen.is_busy
            for actor in list(self._actors.values())
            for screen in list(actor.screens.values())
        )

    async def let_all_go(self) -> None:
        """Let every actor go; return when they have gone."""
        self._is_closing = True
        if self._timer is not None:
            self._timer.cancel()
        for actor in list(self._actors.values()):
            actor.passivate()
        while self._actors:
            empty = asyncio.get_running_loop().create_future()
            self._empty.append(empty)
            await empty

    def _activate(self, key: str) -> DialogActor:
        with self._system.own_loop():
            ref = self._system.start(DialogActor, key, self._run_turn, self._gone)
        actor = ref.actor_inbox.actor
        assert isinstance(actor, DialogActor)  # noqa: S101  # it has just started
        actor.used = self._clock.time()
        self._actors[key] = actor
        if self._by_chat is not None:
            self._by_chat.setdefault(_chat_of(key), []).append(actor)
        self._observer.count("activations", actor=self.actor_name)
        if self._timer is None and not self._is_closing:
            self._timer = self._clock.call_later(self._idle_after, self._sweep)
        return actor

    def _gone(self, actor: DialogActor) -> None:
        """Forget an actor that has stopped; the next one takes over its mail."""
        if self._actors.get(actor.key) is actor:
            del self._actors[actor.key]
            if self._by_chat is not None:
                self._leave_chat(actor, self._by_chat)
        self._observer.count("passivations", actor=self.actor_name)
        if actor.inbox.has_mail and not self._is_closing:
            self.ready(actor.key)
            heir = self._actors.get(actor.key)
            if heir is not None:
                heir.following = actor.following
        if not self._actors:
            for empty in self._empty:
                if not empty.done():
                    empty.set_result(None)
            self._empty.clear()

    @staticmethod
    def _leave_chat(actor: DialogActor, chats: dict[str, list[DialogActor]]) -> None:
        chat = _chat_of(actor.key)
        chats[chat].remove(actor)
        if not chats[chat]:
            del chats[chat]

    def _sweep(self) -> None:
        """Let go of the actors that have been idle for long enough, oldest first."""
        self._timer = None
        now = self._clock.time()
        for _ in range(min(len(self._actors), _SWEEP_BATCH)):
            actor = next(iter(self._actors.values()))
            if actor.used + self._idle_after > now + _ROUNDING:
                break
            actor.used = now  # whoever is busy, or has been asked, is looked at later
            self._actors.move_to_end(actor.key)
            if actor.is_idle:
                actor.passivate()
        if self._actors:
            oldest = next(iter(self._actors.values())).used
            delay = max(oldest + self._idle_after - now, 0.0)
            self._timer = self._clock.call_later(delay, self._sweep)


def _chat_of(key: str) -> str:
    """The chat of an address, such as `max.1:42`."""
    bot, _, rest = key.partition("/")[2].partition(":")
    return f"{bot}:{rest.partition(':')[0]}"
