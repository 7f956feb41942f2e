"""Turns of which nobody knows whether they were committed: the engine did not answer.

Such a turn stays with its actor (`DialogActor.unsure`) and the engine is asked again
after a pause. The next mail that it hands out tells: the same message once more means
that the commit had no effect, anything else that it had.
"""

from __future__ import annotations

from functools import partial

from duologue.actors import Clock, Opened
from duologue.dialogs._delivery._outage import PAUSE, Outage
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._turns._dialog_actors import DialogActor, Unsure
from duologue.errors import EngineUnavailableError, OutcomeUnknownError


class UnsureTurns:
    """Finds out what became of turns that the engine did not answer.

    Args:
        post: Knows who waits for a message.
        clock: Tells how long to pause.
        outage: Told when the engine fails and when it answers again.
    """

    def __init__(self, post: Post, *, clock: Clock, outage: Outage) -> None:
        self._post = post
        self._clock = clock
        self._outage = outage

    def keep(self, actor: DialogActor, opened: Opened) -> None:
        """Note a turn that has prepared nothing, unless more of it is noted."""
        if actor.unsure is None:
            fail = partial(self._fail_unknown, actor.key, opened.mail.id)
            actor.unsure = Unsure(opened.mail.id, fail, _nothing)

    def ask_again(self, actor: DialogActor, error: EngineUnavailableError) -> None:
        """Leave a turn whose outcome is unknown, and ask the engine again later."""
        self._outage.note(error)
        actor.is_asking = True
        self._clock.call_later(PAUSE, actor.ask_again)

    def find_out(
        self, actor: DialogActor, unsure: Unsure, opened: Opened | None
    ) -> None:
        """Learn whether the last commit had its effect: then its mail is gone."""
        actor.unsure = None
        self._outage.is_over()
        if opened is not None and opened.mail.id == unsure.mail_id:
            unsure.withdraw()
        else:
            unsure.finish()

    def _fail_unknown(self, key: str, mail_id: str) -> None:
        """Tell whoever waits for a turn that nobody knows how it has failed."""
        pending = self._post.pending.remove(mail_id)
        if pending is not None:
            pending.fail(OutcomeUnknownError(key))


def _nothing() -> None:
    """Nothing is to be withdrawn."""
