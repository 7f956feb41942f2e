"""All conversations of a runtime: wires what they need, runs turns, shuts down in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from duologue.actors import ActorSystem, Clock, Engine, Observer, Workers
from duologue.dialogs._chat._address import bot_key
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._outage import Outage
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._replies import Replies
from duologue.dialogs._delivery._tasks import TaskGroup, Tasks
from duologue.dialogs._delivery._told import ToldDialogs
from duologue.dialogs._delivery._unheard import Unheard
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._handling._handling import Handling
from duologue.dialogs._handling._notices import Announcer
from duologue.dialogs._handling._stale import StalePolicy
from duologue.dialogs._progress._feeds import Feeds
from duologue.dialogs._progress._workers import DialogWorkers
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._confirmations import News, take_back
from duologue.dialogs._screen._owed import Owing
from duologue.dialogs._screen._presenter import Presenter
from duologue.dialogs._screen._screens import Screen
from duologue.dialogs._state._turn import Debt, active_turn
from duologue.dialogs._turns._dialog_actors import DialogActors
from duologue.dialogs._turns._failed_turns import FailedTurns, OnError
from duologue.dialogs._turns._intake import Intake
from duologue.dialogs._turns._recovery import Recovery
from duologue.dialogs._turns._release import Release
from duologue.dialogs._turns._runner import TurnRunner
from duologue.dialogs._turns._settings import Settings
from duologue.errors import (
    BotTwiceError,
    FencedError,
    ReentrantCallError,
    RuntimeStoppedError,
)
from duologue.state import States

# How many conversations may have their turn at the same time.
_SLOTS = 10_000
_GRACE = 1.0  # seconds for tasks and workers to end after they were told to
_logger = logging.getLogger("duologue.dialogs")


class Conversations:
    """Everything between a messenger's updates and its screens.

    Args:
        dispatcher: The routers and dialogs.
        bots: The bots, started.
        engine: Mailboxes and snapshots.
        system: Hosts the dialog actors.
        workers: The background workers of the runtime.
        clock: Tells deadlines.
        observer: Counts.
        on_error: Told of errors that nobody awaits, and where they happened.
        settings: How conversations behave.
        states: State that tasks share.
        expected: How many bots there will be, those that are added later included.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        bots: Sequence[Bot],
        *,
        engine: Engine,
        system: ActorSystem,
        workers: Workers,
        clock: Clock,
        observer: Observer,
        on_error: OnError,
        settings: Settings,
        states: States,
        expected: int | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._engine = engine
        self._unheard = Unheard(on_error)
        self._effects = Tasks(on_error)
        self._jobs = Tasks(on_error)
        self._feeds = Feeds(on_error)
        self._workers = workers
        self._calls = Tasks(on_error)
        self._outage = Outage(engine, clock)
        self._callbacks = Callbacks(self._calls, clock, observer, self._pay)
        by_key = self._bots = {bot_key(bot): bot for bot in bots}
        self._names = {bot: key for key, bot in by_key.items()}
        self._post = Post(
            engine,
            by_key,
            expected=len(by_key) if expected is None else expected,
            foreground_timeout=settings.foreground_timeout,
            check_state=dispatcher.state_by_name,
            observer=observer,
            clock=clock,
            outage=self._outage,
        )
        self._replies = Replies(
            engine,
            self._post.pending,
            taken=self._callbacks.take,
            clock=clock,
            tasks=self._calls,
            lost=self._lost,
        )
        self._intake = Intake(
            engine, self._post, self._callbacks, clock=clock, names=self._names
        )
        owing = Owing(dispatcher.state_by_name)
        self._presenter = Presenter(
            self._calls,
            self._callbacks,
            confirm=self._confirm,
            clock=clock,
            observer=observer,
        )
        announcer = Announcer(settings.notices, self._effects)
        self._failed = FailedTurns(
            engine,
            self._post,
            self._callbacks,
            self._unheard,
            observer=observer,
            on_error=on_error,
            announcer=announcer,
        )
        provided: dict[str, Json] = {
            "task_group": TaskGroup(self._jobs),
            "workers": DialogWorkers(workers, self._feeds, clock, states, self._post),
            "states": states,
        }
        handling = Handling(
            dispatcher,
            self._post,
            self._callbacks,
            provided,
            stale=StalePolicy(settings.stale, dispatcher, announcer),
            untaken_text=settings.untaken_text,
            observer=observer,
        )
        self._runner = TurnRunner(
            engine,
            dispatcher,
            by_key,
            post=self._post,
            handling=handling,
            release=Release(
                self._presenter,
                self._callbacks,
                effects=self._effects,
                jobs=self._jobs,
                bots=by_key,
                on_error=on_error,
                owing=owing if engine.durable else None,
                is_mine=engine.mine,
            ),
            failed=self._failed,
            replies=self._replies,
            clock=clock,
            observer=observer,
            on_error=on_error,
            timeout=settings.turn_timeout,
            outage=self._outage,
            schema=settings.schema,
        )
        self._actors = DialogActors(
            system,
            self._runner.run,
            clock=clock,
            observer=observer,
            idle_after=settings.idle_after,
            shared=engine.shared,
        )
        self._recovery = Recovery(
            engine,
            self._actors,
            owing,
            presenter=self._presenter,
            callbacks=self._callbacks,
            bots=by_key,
            tasks=self._calls,
            outage=self._outage,
            now=clock.time,
        )
        self._schema = settings.schema
        self._has_begun = False

    @property
    def problem(self) -> str | None:
        """Why nothing can be accepted or committed now; None if all is well."""
        return self._outage.problem

    @property
    def post(self) -> Post:
        """Takes commands to dialogs."""
        return self._post

    @property
    def intake(self) -> Intake:
        """Takes updates in."""
        return self._intake

    def told(self, *, strangers: bool = False) -> ToldDialogs:
        """The dialogs, as other programs reach them.

        Args:
            strangers: Whether also where the bot has never met anybody.
        """
        return ToldDialogs(
            self._engine,
            self._post,
            self._bots,
            takes=lambda asked: self._dispatcher.messages(asked=asked),
            strangers=strangers,
        )

    def load(self) -> Mapping[str, int]:
        """What waits now, by the names of the gauges; callable from any thread."""
        return {
            "messages_unfinished": len(self._post.pending),
            "screens_busy": len(self._presenter),
            "callbacks_open": len(self._callbacks),
        }

    def add(self, bot: Bot) -> None:
        """Work with a bot, which is started.

        Raises:
            BotTwiceError: There is another one of its account.
        """
        key = bot_key(bot)
        if self._bots.setdefault(key, bot) is not bot:
            raise BotTwiceError(key)
        self._names[bot] = key
        if self._has_begun:
            self._serve(_SLOTS)

    def start(self) -> None:
        """Begin to run turns."""
        self._dispatcher.bg_factory.bind(self._post)
        self._has_begun = True
        self._replies.begin()
        self._serve(_SLOTS)

    def _serve(self, slots: int) -> None:
        """Take the mail of the bots that are here; that of others waits for them."""
        kinds = [f"{kind}/{bot}" for bot in self._bots for kind in ("dialog", "screen")]
        self._engine.serve(kinds, slots, self._recovery.ready, self._schema)

    async def settled(self) -> None:
        """Wait until all mail is handled and everything is drawn.

        Raises:
            ReentrantCallError: Called inside a turn, which it would wait for.
        """
        if active_turn() is not None:
            raise ReentrantCallError
        while self._is_busy():
            await self._post.pending.wait_idle()
            await self._turns_ended()

    async def _turns_ended(self) -> None:
        """Wait for the turns and the calls that are on their way now."""
        await self._runner.wait_idle()
        await self._effects.wait()
        await self._feeds.caught_up()
        await self._calls.wait()
        await asyncio.sleep(0)

    def _is_busy(self) -> bool:
        return bool(self._post.pending) or self._is_at_work()

    def _is_at_work(self) -> bool:
        return bool(
            self._effects
            or self._calls
            or self._feeds.is_behind
            or self._runner.running
            or self._actors.has_mail
        )

    async def stop(self, drain: float) -> None:
        """Handle what is waiting, as far as the time goes, and end the rest.

        Args:
            drain: Seconds until the rest is cancelled.
        """
        try:
            await self._drain(drain)
        finally:  # whoever is cancelled once more leaves nothing behind either
            self._runner.stop()
            self._engine.close()
            self._dispatcher.bg_factory.bind(None)
            self._callbacks.close()
            self._presenter.stop()
            self._replies.stop()
            await self._workers.stop(_GRACE)  # those whom the time did not reach
            for tasks in (
                self._effects,
                self._feeds,
                self._jobs,
                self._calls,
            ):
                await tasks.close(_GRACE)
            self._unheard.close()

    async def _drain(self, drain: float) -> None:
        try:
            async with asyncio.timeout(drain):
                if not self._engine.durable:
                    await self.settled()
                await self._workers.stop(grace=drain / 3)
                await self._feeds.wait()  # the last state of each is shown
                await self._jobs.cancel()
                if self._engine.durable:
                    await self._let_turns_end()
                else:
                    await self.settled()
        except TimeoutError:
            if self._engine.durable:
                _logger.warning("out of time to finish; the next run goes on")
                return
            _logger.warning(
                "out of time to finish: not handled are %d; what the messenger "
                "sent of them comes again",
                len(self._post.pending),
            )

    async def _let_turns_end(self) -> None:
        """Begin nothing any more: mail that waits is safe, and for the next run."""
        self._runner.is_draining = True
        self._serve(0)
        while self._is_at_work():
            await self._turns_ended()

    def fail_rest(self) -> None:
        """Tell everybody who still waits; called when no turn runs any more."""
        self._post.pending.fail_all(RuntimeStoppedError())

    async def _confirm(
        self, screen: Screen, news: News, done: Sequence[str], row: bytes | None
    ) -> None:
        """Tell a conversation what became of its views, and the engine what is paid."""
        if not news and not self._engine.durable:
            return
        key = screen.address.key
        try:
            await self._post.drawn(
                screen.key, key, news, done, row, is_left=lambda: screen.is_left
            )
        except FencedError as error:
            # Another process draws there by now, and this may have come behind it.
            _logger.warning("%s", error)
            if self._engine.shared:
                await take_back(screen, news)
                await self._post.redraw(screen.address, screen.stack_id)

    def _lost(self, screen: str) -> None:
        """Draw no more in a chat that another process has taken over.

        What waits here is owed, and is drawn there; what is on its way may arrive
        behind it, which is mended when it is known (see `_confirm`).
        """
        self._recovery.leave(screen)
        self._presenter.leave(screen, self._actors.lose(screen))

    def _pay(self, debt: Debt) -> None:
        """Note that one part of what is owed has been done."""
        debt.parts -= 1
        if not debt.parts:
            self._calls.start(self._note_paid(debt), "what was owed")

    async def _note_paid(self, debt: Debt) -> None:
        with suppress(FencedError):  # whoever has the chat does it once more
            await self._post.drawn(debt.screen, "", (), [debt.id], None)
