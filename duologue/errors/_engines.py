"""Errors of mailboxes and snapshots."""

from __future__ import annotations

from duologue.errors._root import DialogsError, DuologueError


class EngineError(DuologueError):
    """Something about mailboxes or snapshots went wrong.

    Attributes:
        key: Whose mailbox it is.
    """

    key: str


class EngineClosedError(EngineError):
    """The engine takes no mail any more."""

    template = (
        "nothing can be sent to {key}: the runtime is stopping; send it to a running "
        "one"
    )


class EngineUnavailableError(EngineError):
    """The engine did not answer; whether the call had its effect is unknown.

    The runtime asks again: nothing that was accepted is lost.

    Attributes:
        reason: What is wrong with it.
    """

    reason: str
    template = (
        "the engine did not answer for {key} ({reason}); what was asked for may have "
        "happened or not, and is found out when it answers again"
    )


class EngineServerError(DuologueError):
    """A server is not what an engine needs.

    Attributes:
        server: Where it is, without what is secret.
        problem: What is wrong with it.
        advice: What to do.
    """

    server: str
    problem: str
    advice: str
    template = "{server}: {problem}. {advice}"


class ElsewhereError(DuologueError):
    """A message has failed in the process that handled it.

    Attributes:
        said: What that process says of it.
    """

    said: str
    template = "the process that handled the message says: {said}"


class OutcomeUnknownError(EngineError):
    """Nobody can tell what became of a message."""

    template = (
        "what became of a message to {key} is unknown: the engine did not answer when "
        "its turn ended. Look at the state before you send it again"
    )


class FencedError(EngineError):
    """A turn lost its right to commit because somebody else opened the key."""

    template = (
        "the turn of {key} was taken over by another worker; its changes are dropped "
        "and the message is handled there"
    )


class EngineNameError(EngineError, ValueError):
    """A name has half of a character (a lone surrogate), which cannot be written.

    Attributes:
        name: The key of a mailbox, the id of a message, or the name of a timer.
    """

    name: str
    template = (
        "{name!a} cannot be a name in {key!a}: it has half of a character, which "
        "nothing can store; make it of whole ones"
    )


class MailboxFullError(EngineError):
    """A mailbox has no room left; the message has not been sent.

    Attributes:
        capacity: How many messages it can hold.
        instead: What the sender could write, if anything helps.
    """

    capacity: int
    instead: str | None = None

    def __str__(self) -> str:
        advice = "slow the sender down or raise capacity="
        if self.instead is not None:
            advice = f"write `{self.instead}` to wait for room"
        messages = "1 message" if self.capacity == 1 else f"{self.capacity} messages"
        return f"the mailbox of {self.key} is full ({messages}); {advice}"


class SnapshotTooLargeError(EngineError):
    """The state of one conversation grew beyond the limit.

    Attributes:
        size: Its size in bytes.
        limit: How many bytes are allowed.
    """

    size: int
    limit: int
    template = (
        "the state of {key} has {size} bytes, {limit} are allowed; keep large data in "
        "a store of your own and its key here"
    )


class EngineNotAvailableError(DuologueError, ValueError):
    """No engine of this kind comes with this version.

    Attributes:
        engine: What was asked for, without anything that may be secret.
        variable: The environment variable that asked, if the program did not.
    """

    engine: str
    variable: str | None = None

    def __post_init__(self) -> None:
        self.engine = self.engine.partition(":")[0]
        super().__post_init__()

    def __str__(self) -> str:
        named = "" if self.variable is None else f", which {self.variable} names"
        return (
            f"this version has no {self.engine!r} engine{named}; write 'memory', "
            "'sqlite', 'sqlite:///path/of/state.db' or 'redis://host'"
        )


class SnapshotVersionError(DialogsError):
    """State was written by another version of duologue.

    Attributes:
        found: The version of its format.
        known: The version that this program reads.
    """

    found: int
    known: int
    template = (
        "the stored state has format {found}, this version reads {known}; run the "
        "version that wrote it, or a newer one"
    )


class SchemaNewerError(EngineError):
    """State was written by a newer version of the author's program.

    Attributes:
        found: The schema number of the state.
        known: That of this program.
    """

    found: int
    known: int
    template = (
        "the state of {key} has schema {found}, this program has {known}; nothing is "
        "lost, and a program with Settings(schema={found}) goes on with it"
    )


class UnknownCommandError(DialogsError):
    """A message in a mailbox is none that this version knows.

    Attributes:
        reason: What is wrong with it.
    """

    reason: str
    template = (
        "a message in the mailbox cannot be read ({reason}); it is kept as a dead "
        "letter. Did a newer version write it?"
    )


class StateFileError(DuologueError):
    """The file that keeps the state cannot be used.

    Attributes:
        path: The file.
    """

    path: str


class StateFolderError(StateFileError):
    """The file of the state cannot be made or written where it is to be.

    Attributes:
        reason: What is in the way.
    """

    reason: str
    template = (
        "the state cannot be kept in {path} ({reason}); make room on its disk or let "
        "this user write the file and its folder, or choose another one with state_dir=, DUOLOGUE_STATE_DIR or "
        "engine='sqlite:///path'; engine='memory' loses everything with the process"
    )


class NetworkFileSystemError(StateFileError):
    """The file of the state would be on a network file system, where locks fail.

    Attributes:
        kind: Which one, such as `nfs4`.
    """

    kind: str
    template = (
        "the state cannot be kept in {path}: it is on a network file system ({kind}), "
        "where SQLite loses data; name a local disk: engine='sqlite:///path', or "
        "engine='memory' to lose everything with the process"
    )


class StateInUseError(StateFileError):
    """Another process has the file of the state, or another engine of this one.

    Attributes:
        process: Which one.
    """

    process: str
    template = (
        "{path} is used by {process}; end that one first, since one process alone "
        "keeps a state file, or give this one a file of its own: "
        "engine='sqlite:///path'"
    )


class StateDamagedError(StateFileError):
    """The file of the state cannot be read.

    Attributes:
        reason: What is wrong with it.
        backup: The newest backup beside it, if there is one.
    """

    reason: str
    backup: str | None = None

    def __str__(self) -> str:
        advice = "there is no backup beside it"
        if self.backup is not None:
            advice = f"the newest backup is {self.backup}"
        return (
            f"the state file {self.path} is damaged ({self.reason}); {advice}. It is "
            "left as it is: see `duologue state check`, put a backup in its place or "
            "move it away to begin anew"
        )


class StateLayoutError(StateFileError):
    """The file of the state was written by a newer version of duologue.

    Attributes:
        found: The version of its layout.
        known: The newest that this program reads.
    """

    found: int
    known: int
    template = (
        "the state file {path} has layout {found}, this version reads up to {known}; "
        "run the version that wrote it, or a newer one"
    )


class StateCopyError(StateFileError):
    """A copy of the state was to go where something is already.

    Attributes:
        to: Where it was to go.
    """

    to: str
    template = "{to} exists already, so {path} is not copied there; name a new file"


class NoStateFileError(StateFileError):
    """There is no file of a state where one was looked for.

    Attributes:
        reason: What is there instead.
    """

    reason: str
    template = "no state to look at in {path}: {reason}"
