"""Errors of actors, their messages and their directories."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class BlockingCallError(DuologueError):
    """A call would have made a thread that runs actors wait for one of them.

    Attributes:
        call: The call that was refused.
        instead: The awaitable form to use.
    """

    def __init__(self, call: str, instead: str) -> None:
        super().__init__(call, instead)
        self.call = call
        self.instead = instead

    def __str__(self) -> str:
        return (
            f"{self.call} would block this thread, which runs actors, and could wait"
            f" for ever; write `{self.instead}`"
        )


class MessageCancelledError(DuologueError):
    """The coroutine that handled a message was cancelled; its actor lives on.

    Attributes:
        actor: The actor.
        message: The class of the message.
    """

    def __init__(self, actor: str, message: str) -> None:
        super().__init__(actor, message)
        self.actor = actor
        self.message = message

    def __str__(self) -> str:
        return (
            f"{self.actor} was cancelled while it handled a message of class"
            f" {self.message}; send it again if it may be handled twice"
        )


class MessageDroppedError(DuologueError):
    """A message left its mailbox for a newer one before it was handled.

    Attributes:
        actor: The class of the actor.
        message: The class of the message.
        reason: Why: `dropped` or `superseded`.
    """

    def __init__(self, actor: str, message: str, reason: str) -> None:
        super().__init__(actor, message, reason)
        self.actor = actor
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"a message of class {self.message} to {self.actor} was {self.reason} for a"
            " newer one; send it again if it still matters"
        )


class MailboxSettingError(DuologueError):
    """The mailbox of a class of actors cannot be as it was asked for.

    Attributes:
        setting: What was set.
        value: To what, as its repr.
        expected: What it may be.
    """

    def __init__(self, setting: str, value: str, expected: str) -> None:
        super().__init__(setting, value, expected)
        self.setting = setting
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.setting} cannot be {self.value}; make it {self.expected}"


class ActorClassError(DuologueError):
    """A directory cannot do what was asked with a class of actors.

    Attributes:
        actor: The name of the class.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor


class NoActorClassError(DuologueError):
    """Something was to be started or registered that is no class of actors.

    Attributes:
        actor: What was given for a class, as its repr.
        call: The call that was refused.
    """

    def __init__(self, actor: str, call: str) -> None:
        super().__init__(actor, call)
        self.actor = actor
        self.call = call

    def __str__(self) -> str:
        return (
            f"{self.call} cannot take {self.actor}; give it the class itself, one that"
            " derives from AsyncActor, not its name and not an instance"
        )


class UnknownActorClassError(ActorClassError):
    """A directory was asked for an actor of a class that it does not know."""

    def __str__(self) -> str:
        return (
            f"the directory does not know how to make {self.actor}; call"
            f" `directory.register({self.actor}, factory)` first"
        )


class ActorClassTakenError(ActorClassError):
    """A class was registered in a directory for a second time."""

    def __str__(self) -> str:
        return (
            f"{self.actor} is registered in this directory already; register each"
            " class once, or a subclass of it"
        )


class IdleTimeError(DuologueError):
    """A directory was told to let go of actors after a time that is none.

    Attributes:
        actor: The name of their class.
        idle_after: What it was told.
    """

    def __init__(self, actor: str, idle_after: str) -> None:
        super().__init__(actor, idle_after)
        self.actor = actor
        self.idle_after = idle_after

    def __str__(self) -> str:
        return (
            f"no {self.actor} can be idle for {self.idle_after} seconds; make"
            " idle_after= a finite number above 0, or None to keep them"
        )


class ActorKeyError(DuologueError):
    """A directory was asked for an actor by a key that is none.

    Attributes:
        actor: The name of the class of the actor.
        key: What was given for a key.
    """

    def __init__(self, actor: str, key: str) -> None:
        super().__init__(actor, key)
        self.actor = actor
        self.key = key

    def __str__(self) -> str:
        return (
            f"{self.key} is no key for a {self.actor}; keys are strings, so write"
            f" `str({self.key})` or the like"
        )


class LocalRefError(DuologueError):
    """The ref of an actor was to be pickled.

    Attributes:
        ref: The ref.
    """

    def __init__(self, ref: str) -> None:
        super().__init__(ref)
        self.ref = ref

    def __str__(self) -> str:
        return (
            f"{self.ref} means nothing outside of its process; send a key instead, and"
            " get a ref there with `directory.ref(actor_class, key)`"
        )


class ActivationError(DuologueError):
    """A directory could not bring an actor to life.

    Attributes:
        actor: The class of the actor.
        key: Its key.
        reason: What its factory or its first hook raised.
    """

    def __init__(self, actor: str, key: str, reason: str) -> None:
        super().__init__(actor, key, reason)
        self.actor = actor
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.actor} with key {self.key!r} could not be activated"
            f" ({self.reason}); its messages have failed, the next one tries again"
        )


class ActorInitError(DuologueError):
    """An actor was to be used whose own `__init__` has not called that of its base.

    Attributes:
        actor: The name of its class.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor

    def __str__(self) -> str:
        return (
            f"{self.actor}.__init__() has not called super().__init__(); make that its"
            " first line"
        )


class OutsideMailError(DuologueError):
    """A message was sent to an actor that takes its mail from an engine.

    Attributes:
        actor: The class of the actor.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor

    def __str__(self) -> str:
        return (
            f"a {self.actor} takes no messages by its ref; send to the dialog with "
            "runtime.dialog(...) or bg(), which put mail into its mailbox"
        )


class OutsideTurnError(DuologueError):
    """An actor was made to do from outside what belongs into its turns.

    Attributes:
        actor: The actor.
        call: The call that was refused.
    """

    def __init__(self, actor: str, call: str) -> None:
        super().__init__(actor, call)
        self.actor = actor
        self.call = call

    def __str__(self) -> str:
        return (
            f"{self.call} of {self.actor} was not called in one of its turns; do it in"
            " on_start or while the actor handles a message"
        )


class WatchError(DuologueError):
    """An actor was to watch something that cannot be watched.

    Attributes:
        actor: The actor that was to watch.
        watched: What it was to watch.
    """

    def __init__(self, actor: str, watched: str) -> None:
        super().__init__(actor, watched)
        self.actor = actor
        self.watched = watched

    def __str__(self) -> str:
        return (
            f"{self.actor} cannot watch {self.watched}; give the ref of another"
            " AsyncActor, as start() returns it"
        )


class TimerSettingError(DuologueError):
    """A timer was given a time that it cannot wait for.

    Attributes:
        setting: The name of the setting.
        value: What it was given.
    """

    def __init__(self, setting: str, value: str) -> None:
        super().__init__(setting, value)
        self.setting = setting
        self.value = value

    def __str__(self) -> str:
        return (
            f"{self.value} is no {self.setting} for a timer; give a finite number of"
            " seconds: a period above 0, a delay of 0 or more"
        )


class NotReceivedError(DuologueError):
    """A probe waited for a message that did not come.

    Attributes:
        expected: The class of the message.
        seconds: How long the probe waited.
        received: The classes of all the messages that it has received.
    """

    def __init__(
        self, expected: str, seconds: float, received: tuple[str, ...]
    ) -> None:
        super().__init__(expected, seconds, received)
        self.expected = expected
        self.seconds = seconds
        self.received = received

    def __str__(self) -> str:
        came = ", ".join(self.received) or "nothing"
        return (
            f"the probe received no {self.expected} within {self.seconds:g} seconds"
            f" that it could take; received: {came}; check who tells its ref, or"
            " raise timeout="
        )
