"""Errors of actors, their messages and their directories."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class BlockingCallError(DuologueError):
    """A call would have made a thread that runs actors wait for one of them.

    Attributes:
        call: The call that was refused.
        instead: The awaitable form to use.
    """

    call: str
    instead: str
    template = (
        "{call} would block this thread, which runs actors, and could wait for ever; "
        "write `{instead}`"
    )


class OwnEndError(DuologueError):
    """An actor would have waited for its own end, which comes after its message.

    Attributes:
        actor: The actor.
    """

    actor: str
    template = (
        "{actor} would wait for ever for its own end, which comes after the message "
        "that it handles now; call `self.stop()` and return"
    )


class MessageCancelledError(DuologueError):
    """The coroutine that handled a message was cancelled; its actor lives on.

    Attributes:
        actor: The actor.
        message: The class of the message.
    """

    actor: str
    message: str
    template = (
        "{actor} was cancelled while it handled a message of class {message}; send it "
        "again if it may be handled twice"
    )


class MessageDroppedError(DuologueError):
    """A message left its mailbox for a newer one before it was handled.

    Attributes:
        actor: The class of the actor.
        message: The class of the message.
        reason: Why: `dropped` or `superseded`.
    """

    actor: str
    message: str
    reason: str
    template = (
        "a message of class {message} to {actor} was {reason} for a newer one; send it "
        "again if it still matters"
    )


class MailboxSettingError(DuologueError, ValueError):
    """The mailbox of a class of actors cannot be as it was asked for.

    Attributes:
        setting: What was set.
        value: To what, as its repr.
        expected: What it may be.
    """

    setting: str
    value: str
    expected: str
    template = "{setting} cannot be {value}; make it {expected}"


class ActorClassError(DuologueError):
    """A directory cannot do what was asked with a class of actors.

    Attributes:
        actor: The name of the class.
    """

    actor: str


class NoActorClassError(DuologueError, TypeError):
    """Something was to be started or registered that is no class of actors.

    Attributes:
        actor: What was given for a class, as its repr.
        call: The call that was refused.
    """

    actor: str
    call: str
    template = (
        "{call} cannot take {actor}; give it the class itself, one that derives from "
        "AsyncActor, not its name and not an instance"
    )


class UnknownActorClassError(ActorClassError):
    """A directory was asked for an actor of a class that it does not know."""

    template = (
        "the directory does not know how to make {actor}; call "
        "`directory.register({actor}, factory)` first"
    )


class ActorClassTakenError(ActorClassError):
    """A class was registered in a directory for a second time."""

    template = (
        "{actor} is registered in this directory already; register each class once, or "
        "a subclass of it"
    )


class IdleTimeError(DuologueError, ValueError):
    """A directory was told to let go of actors after a time that is none.

    Attributes:
        actor: The name of their class.
        idle_after: What it was told.
    """

    actor: str
    idle_after: str
    template = (
        "no {actor} can be idle for {idle_after} seconds; make idle_after= a finite "
        "number above 0, or None to keep them"
    )


class ActorKeyError(DuologueError, TypeError):
    """A directory was asked for an actor by a key that is none.

    Attributes:
        actor: The name of the class of the actor.
        key: What was given for a key.
    """

    actor: str
    key: str
    template = (
        "{key} is no key for a {actor}; keys are strings, so write `str({key})` or the "
        "like"
    )


class LocalRefError(DuologueError):
    """The ref of an actor was to be pickled.

    Attributes:
        ref: The ref.
    """

    ref: str
    template = (
        "{ref} means nothing outside of its process; send a key instead, and get a ref "
        "there with `directory.ref(actor_class, key)`"
    )


class ActivationError(DuologueError):
    """A directory could not bring an actor to life.

    Attributes:
        actor: The class of the actor.
        key: Its key.
        reason: What its factory or its first hook raised.
    """

    actor: str
    key: str
    reason: str
    template = (
        "{actor} with key {key!r} could not be activated ({reason}); its messages have "
        "failed, the next one tries again"
    )


class ActorInitError(DuologueError):
    """An actor was to be used whose own `__init__` has not called that of its base.

    Attributes:
        actor: The name of its class.
    """

    actor: str
    template = (
        "{actor}.__init__() has not called super().__init__(); make that its first line"
    )


class OutsideMailError(DuologueError):
    """A message was sent to an actor that takes its mail from an engine.

    Attributes:
        actor: The class of the actor.
    """

    actor: str
    template = (
        "a {actor} takes no messages by its ref; send to the dialog with "
        "runtime.dialog(...) or bg(), which put mail into its mailbox"
    )


class OutsideTurnError(DuologueError):
    """An actor was made to do from outside what belongs into its turns.

    Attributes:
        actor: The actor.
        call: The call that was refused.
    """

    actor: str
    call: str
    template = (
        "{call} of {actor} was not called in one of its turns; do it in on_start or "
        "while the actor handles a message"
    )


class WatchError(DuologueError, TypeError):
    """An actor was to watch something that cannot be watched.

    Attributes:
        actor: The actor that was to watch.
        watched: What it was to watch.
    """

    actor: str
    watched: str
    template = (
        "{actor} cannot watch {watched}; give the ref of another AsyncActor, as "
        "start() returns it"
    )


class TimerSettingError(DuologueError, ValueError):
    """A timer was given a time that it cannot wait for.

    Attributes:
        setting: The name of the setting.
        value: What it was given.
    """

    setting: str
    value: str
    template = (
        "{value} is no {setting} for a timer; give a finite number of seconds: a "
        "period above 0, a delay of 0 or more"
    )


class NotReceivedError(DuologueError):
    """A probe waited for a message that did not come.

    Attributes:
        expected: The class of the message.
        seconds: How long the probe waited.
        received: The classes of all the messages that it has received.
    """

    expected: str
    seconds: float
    received: tuple[str, ...]

    def __str__(self) -> str:
        came = ", ".join(self.received) or "nothing"
        return (
            f"the probe received no {self.expected} within {self.seconds:g} seconds"
            f" that it could take; received: {came}; check who tells its ref, or"
            " raise timeout="
        )
