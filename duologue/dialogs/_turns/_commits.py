"""The moment at which a turn becomes real: committed and let out, or withdrawn."""

from __future__ import annotations

from duologue.actors import Engine, Observer, Opened
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._handling._discarded import cause_of
from duologue.dialogs._screen._screens import Order
from duologue.dialogs._state._commands import Command
from duologue.dialogs._state._snapshot import Stored
from duologue.dialogs._state._turn import Turn
from duologue.dialogs._turns._dialog_actors import DialogActor
from duologue.dialogs._turns._failed_turns import OnError
from duologue.dialogs._turns._release import Plan, Release


class Commits:
    """Makes what turns have changed real, and counts them.

    Args:
        engine: Keeps the state and the mail.
        post: Knows who waits for what is sent.
        release: Lets out what was committed.
        observer: Counts.
        on_error: Told of errors after a commit, and where they happened.
        schema: The schema of what is written.
    """

    def __init__(
        self,
        engine: Engine,
        post: Post,
        release: Release,
        *,
        observer: Observer,
        on_error: OnError,
        schema: int,
    ) -> None:
        self._engine = engine
        self._post = post
        self._release = release
        self._observer = observer
        self._on_error = on_error
        self._schema = schema

    async def commit(
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn,
        plan: Plan,
        *,
        keep: bool = False,
    ) -> Opened | None:
        """Make what a turn has changed real.

        Returns:
            The next message if there is one and it is to be begun.

        Raises:
            FencedError: Another one has taken the address over.
        """
        stored = self.stored(turn)
        plan.losses = actor.losses
        owing = self._release.owing
        if owing is not None:
            self._release.owe(owing, turn, plan)
        following = await self._engine.commit(
            opened,
            snapshot=None if stored is None else stored.text,
            outbox=turn.outbox,
            owed=plan.owed,
            timed=turn.timed,
            keep=keep,
        )
        if stored is not None:
            actor.stored = stored
        if turn.outbox:
            self._post.released(turn.outbox)
        return following

    def stored(self, turn: Turn) -> Stored | None:
        """The state as a turn leaves it; None if that is as it was."""
        return turn.snapshot.encode(self._schema) if turn.is_changed else None

    def withdraw(self, turn: Turn, error: BaseException) -> None:
        """Take back what a turn without a commit has prepared."""
        for undo in turn.undo:
            undo()
        if turn.outbox:
            self._post.withdraw(turn.outbox, cause_of(error, turn.address.key))

    def let_out(
        self, actor: DialogActor, turn: Turn, plan: Plan, command: Command
    ) -> Order | None:
        """Let out what the commit has made real; what is committed stays so."""
        try:
            self.count(turn, "committed")
            if actor.losses != plan.losses:
                return self._release.let_out_elsewhere(actor, turn, plan)
            return self._release.let_out(actor, turn, plan, command)
        except Exception as error:  # noqa: BLE001  # whatever a bot or an effect raises
            self._on_error(error, actor.key)
            return None

    def count(self, turn: Turn | None, outcome: str) -> None:
        """Count a turn; None for one that could not even be made."""
        observer = self._observer
        dialog = "none" if turn is None else turn.dialog
        observer.count("turns", dialog=dialog, outcome=outcome)
        if turn is not None and turn.fate is not None:
            fate = turn.fate if outcome == "committed" else outcome
            observer.count("updates", bot=turn.address.bot, outcome=fate)
