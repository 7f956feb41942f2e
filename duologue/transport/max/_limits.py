"""The rates that the MAX Bot API allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from duologue.actors import Clock
from duologue.dialogs import CallKind
from duologue.errors import BotSettingError
from duologue.transport._limits import Buckets, TokenBucket, take_both, try_take_both
from duologue.transport._shared_limits import Allowance, SharedBucket

_SECOND = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many calls a bot makes in a second at most. By default what MAX allows.

    Source: descriptions of the calls at dev.max.ru, autumn of 2026, and the notice of
    May 2026 about polls.

    Attributes:
        requests: All calls together.
        polls: Polls. They count among all calls and are set aside from them, so that
            no poll ever waits for a message.
        sends: New messages in one chat.
        edits: Changes of messages in one chat, also those that take buttons away.
        deletes: Deleted messages in one chat.
        answers: Answers to presses in one chat.
    """

    requests: int = 30
    polls: int = 2
    sends: int = 2
    edits: int = 2
    deletes: int = 2
    answers: int = 2

    def __post_init__(self) -> None:
        for field in fields(self):
            given: object = getattr(self, field.name)
            if type(given) is not int or given < 1:
                problem = f"{field.name} is {given!r} and must be a whole number from 1"
                raise BotSettingError("limits", problem)
        if self.requests <= self.polls:
            problem = f"of {self.requests} requests {self.polls} polls leave none"
            raise BotSettingError("limits", problem)


class MaxLimits:
    """Keeps one bot within its rates."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.polls = TokenBucket(limits.polls, _SECOND, clock=clock)
        self._others = limits.requests - limits.polls
        self._clock = clock
        self.bot = TokenBucket(self._others, _SECOND, clock=clock)
        rates: Mapping[CallKind, int] = {
            "send": limits.sends,
            "edit": limits.edits,
            "delete": limits.deletes,
            "answer": limits.answers,
        }
        self._chats: dict[str, Buckets[int]] = {
            kind: Buckets(rate, _SECOND, clock=clock) for kind, rate in rates.items()
        }

    async def ready(self, chat_id: int, kind: CallKind) -> None:
        """Wait until a call for this chat is allowed, and count it."""
        await take_both(self._chats[kind].of(chat_id), self.bot)

    def ready_now(self, chat_id: int, kind: CallKind) -> bool:
        """Count a call for this chat if it is allowed without waiting."""
        return try_take_both(self._chats[kind].of(chat_id), self.bot)

    def follow(self, seconds: float) -> None:
        """Come after a process that may have called until so many seconds ago.

        Each call for a chat takes a token of the bot too: who waits for that waits for all.
        """
        self.polls.follow(seconds)
        self.bot.follow(seconds)

    def share(self, name: str, allowance: Allowance) -> None:
        """Keep the limits of the bot together with its other processes.

        Those of a chat are kept by the process that has it, those of polls by the only
        one that polls.
        """
        self.bot = SharedBucket(
            self._others, _SECOND, clock=self._clock, name=name, allowance=allowance
        )

    def arrived(self, chat_id: int, kind: CallKind) -> None:
        """Learn that a call of a kind for this chat has been answered."""
        self._chats[kind].of(chat_id).arrived()
        self.bot.arrived()

    def pause(self, chat_id: int, seconds: float) -> None:
        """Allow no call for this chat for a while: MAX does not say which kind it means."""
        for buckets in self._chats.values():
            buckets.of(chat_id).pause(seconds)


class Limited:
    """A bot that keeps its limits, also together with others of its account."""

    _limits: MaxLimits

    @property
    def id(self) -> int:
        """The number of the account."""
        raise NotImplementedError

    @property
    def messenger(self) -> str:
        """The short name of the messenger."""
        raise NotImplementedError

    def follow(self, seconds: float) -> None:
        """Come after another process of this account, and keep the limits with it.

        Until a second and a quarter after that one's last call no call is made.

        Args:
            seconds: How long ago the other one can have made its last call.
        """
        self._limits.follow(seconds)

    def share(self, allowance: Allowance) -> None:
        """Keep the limits together with the other processes of this account.

        Args:
            allowance: Gives out the calls.

        Raises:
            BotNotStartedError: Nobody has called `start` yet.
        """
        self._limits.share(f"{self.messenger}.{self.id}", allowance)
