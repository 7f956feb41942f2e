"""Replies: what becomes of a message that another process has sent.

Whoever handles a message knows by its id which process has sent it, and tells that what
became of it: once when its turn has ended, and once more when its view is on the screen.
What is told in one tick of the loop goes together. A reply may be lost with a connection;
so nobody waits for one for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from duologue import errors
from duologue.actors import Clock, Engine
from duologue.dialogs._chat._data import Json, dump_bytes, load
from duologue.dialogs._delivery._pending import PendingMail
from duologue.dialogs._delivery._receipts import (
    Answered,
    Committed,
    Covered,
    DrawnView,
    Duplicate,
    Outcome,
    Pending,
    nobody,
)
from duologue.dialogs._delivery._tasks import Tasks
from duologue.errors import (
    DuologueError,
    ElsewhereError,
    OutcomeUnknownError,
)

_LOOK = 10.0  # seconds between two looks at those who wait for too long
_PATIENCE = 60.0  # seconds: a turn, a lease that has to end, and another turn
_OUTCOMES: dict[str, type[Committed | Covered]] = {
    "done": Committed,
    "covered": Covered,
}
_logger = logging.getLogger("duologue.dialogs")


class ForeignPending(Pending):
    """A message that another process has sent, and waits for.

    Args:
        id: The message.
        since: When it was opened here, by the clock.
        tell: Tells that process.
        tasks: Owns the waiting for the view.

    Attributes:
        press: The press that it is, whose answer is the duty of this process by its end.
    """

    __slots__ = ("_tasks", "_tell", "press")
    is_foreign = True

    def __init__(
        self,
        id: str,  # noqa: A002  # the name of the attribute
        since: float,
        tell: Callable[[list[Json]], None],
        tasks: Tasks,
    ) -> None:
        super().__init__(id, since)
        self.press: str | None = None
        self._tell = tell
        self._tasks = tasks

    def resolve(self, outcome: Outcome, view: DrawnView | None = None) -> None:
        """Note the outcome, and tell whoever waits."""
        if self.done():
            return
        super().resolve(outcome, view)
        self._tell_of_press()
        self._tell([self.id, *_outcome_form(outcome), view is not None])
        if view is not None:
            self._tasks.start(self._tell_of(view), "a view that is awaited elsewhere")

    def fail(self, error: BaseException) -> bool:
        """Note that the message was not handled, and tell whoever waits."""
        if not self.done():
            self._tell_of_press()
            self._tell([self.id, "failed", *_error_form(error)])
        return super().fail(error)

    def _tell_of_press(self) -> None:
        if self.press is not None:
            self._tell([self.id, "pressed", self.press])

    async def _tell_of(self, view: DrawnView) -> None:
        try:
            await view.wait()
        except Exception as error:  # noqa: BLE001  # whoever waits is told
            self._tell([self.id, "undrawn", *_error_form(error)])
        else:
            self._tell([self.id, "drawn"])


class DistantView(DrawnView):
    """A view that another process draws."""

    __slots__ = ("_drawn",)

    def __init__(self) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self._drawn: asyncio.Future[None] = loop.create_future()

    async def wait(self) -> None:
        """Wait until it, or a newer view in its place, is on the screen.

        Raises:
            MessengerError: The messenger refused it for good.
        """
        await asyncio.shield(self._drawn)

    def finish(self, error: BaseException | None) -> None:
        """It is drawn, or never will be."""
        if self._drawn.done():
            return
        if error is None:
            self._drawn.set_result(None)
        else:
            self._drawn.set_exception(error)
            self._drawn.exception()


class Replies:
    """Tells other processes what became of their messages, and hears of our own.

    Args:
        engine: Carries what is told.
        pending: Those who wait here.
        taken: Told of presses that another process answers.
        clock: Tells for how long somebody waits.
        tasks: Owns the waiting for views.
        lost: Told of screens on which another process draws from now on.
    """

    def __init__(
        self,
        engine: Engine,
        pending: PendingMail,
        *,
        taken: Callable[[str], object],
        clock: Clock,
        tasks: Tasks,
        lost: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._pending = pending
        self._taken = taken
        self._clock = clock
        self._tasks = tasks
        self._said: dict[str, list[Json]] = {}
        self._views: dict[str, DistantView] = {}
        self._is_looking = False
        engine.listen(self._heard, lost)

    def of(self, mail_id: str) -> Pending | None:
        """Whoever waits for a message that is handled here now."""
        pending = self._pending.get(mail_id)
        if pending is not None or not self._engine.shared:
            return pending
        process = mail_id.partition(".")[0]
        if process == self._engine.name or "/" in process:
            return None

        def tell(reply: list[Json]) -> None:
            self._say(process, reply)

        pending = ForeignPending(mail_id, self._clock.time(), tell, self._tasks)
        self._pending.add(pending)
        return pending

    def begin(self) -> None:
        """Begin to look after those who wait for too long."""
        if self._engine.shared and not self._is_looking:
            self._is_looking = True
            self._clock.call_later(_LOOK, self._look)

    def stop(self) -> None:
        """Look after nobody any more."""
        self._is_looking = False

    def _say(self, process: str, reply: list[Json]) -> None:
        said = self._said.get(process)
        if said is None:
            said = self._said[process] = []
            asyncio.get_running_loop().call_soon(self._send, process)
        said.append(reply)

    def _send(self, process: str) -> None:
        self._engine.tell(process, dump_bytes(self._said.pop(process)))

    def _heard(self, message: bytes) -> None:
        try:
            replies = cast("list[list[Json]]", load(message))
            for reply in replies:
                self._take(*reply)
        except (ValueError, TypeError, KeyError) as error:
            _logger.warning("a reply is of no version that is known here: %r", error)

    def _take(self, mail_id: str, what: str, *rest: Json) -> None:
        if what in ("drawn", "undrawn"):
            view = self._views.pop(mail_id, None)
            if view is not None:
                view.finish(None if what == "drawn" else _error(*rest))
            return
        if what == "pressed":
            self._taken(*cast("list[str]", rest))
            return
        pending = self._pending.get(mail_id)
        if pending is None or pending.is_foreign:
            return
        self._pending.remove(mail_id)
        if what == "failed":
            pending.fail(_error(*rest))
            return
        view = None
        if rest[-1] and pending.reader is not nobody:
            view = self._views[mail_id] = DistantView()
        number = rest[0]
        outcome: Outcome
        if what == "duplicate":
            outcome = Duplicate()
        elif what == "answered":
            outcome = Answered(number, *rest[1:3])
        else:
            outcome = _OUTCOMES[what](number)
        pending.resolve(outcome, view)

    def _look(self) -> None:
        """Tell those whose reply must have been lost that nobody knows."""
        if not self._is_looking:
            return
        before = self._clock.time() - _PATIENCE
        for pending in self._pending.older_than(before):
            self._pending.remove(pending.id)
            pending.fail(OutcomeUnknownError(pending.id))
        self._clock.call_later(_LOOK, self._look)


def _outcome_form(outcome: Outcome) -> list[Json]:
    if isinstance(outcome, Answered):
        return ["answered", outcome.version, outcome.tag, outcome.data]
    if isinstance(outcome, Committed):
        return ["done", outcome.version]
    if isinstance(outcome, Covered):
        return ["covered", outcome.version]
    return ["duplicate", 0]


def _error_form(error: BaseException) -> list[Json]:
    """What another process is told of an error: its class and what it holds."""
    if isinstance(error, DuologueError):
        try:
            dump_bytes(list(error.args))
        except (TypeError, ValueError):
            pass
        else:
            return [type(error).__name__, *error.args]
    return [ElsewhereError.__name__, repr(error)]


def _error(name: str, *args: Json) -> BaseException:
    """The error that another process has told of."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, DuologueError):
        try:
            return kind(*args)
        except TypeError:
            pass
    return ElsewhereError(f"{name}: {args}")
