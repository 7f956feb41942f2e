"""What is to happen in a simulation, as far as its seed decides it beforehand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from duologue._redis import Durability

BOT: Final = "b"
KINDS: Final = ("x", f"dialog/{BOT}", f"screen/{BOT}")

MOST: Final = 1000
"""How many messages a mailbox holds where that does not matter."""

_SECONDS: Final = 3.0  # for which messages come for each of the strikes

Deed = Literal["note", "tell", "remind", "take back", "owe", "raise", "again", "slow"]
"""What a message has its actor do."""

_DEEDS: Final[Sequence[Deed]] = (
    *("note", "note", "note", "tell", "tell", "remind", "remind", "take back"),
    *("owe", "owe", "raise", "again", "slow"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """What a user writes.

    Attributes:
        id: Its id.
        key: The actor that it is for.
        deed: What that one does.
        to: Whom it tells, in order.
        seconds: Until what it is reminded of, or how long its turn takes.
    """

    id: str
    key: str
    deed: Deed
    to: Sequence[str] = ()
    seconds: float = 0.0

    def sent(self) -> list[tuple[str, str]]:
        """The mail that its turn sends: each a key and an id."""
        return [(key, f"{self.id}>{n}") for n, key in enumerate(self.to)]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that a source brings at once.

    Attributes:
        at: When they are there, in virtual seconds.
        messages: The messages.
    """

    at: float
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Plan:
    """A simulation.

    Attributes:
        seed: All its random numbers come from this.
        processes: How many processes there are.
        shards: How many hash tags the actors are spread over.
        durability: When something counts as kept.
        capacity: How many messages a mailbox holds.
        slots: How many turns of a process may run at once.
        strikes: The names of what is done to them, in order.
        seconds: How long messages come.
        sources: What each source brings, in order.
    """

    seed: str
    processes: int
    shards: int
    durability: Durability
    capacity: int
    slots: int
    strikes: Sequence[str]
    seconds: float
    sources: Sequence[Sequence[Batch]]

    @property
    def messages(self) -> dict[str, Message]:
        """All messages by their ids."""
        return {
            message.id: message
            for source in self.sources
            for batch in source
            for message in batch.messages
        }


def plan_of(
    seed: str, faults: Sequence[str], *, messages: int, chosen: Sequence[str] = ()
) -> Plan:
    """Decide what is to happen.

    Args:
        seed: The seed.
        faults: What may be done to processes, network and server.
        messages: About how many messages users write; more if there are few actors.
        chosen: What is done in any case, instead of what the seed says.
    """
    source = random.Random(f"plan {seed}")  # noqa: S311  # the same ones each time
    some = source.sample(list(faults), source.randint(1, 3))
    strikes = source.choices(some, k=source.randint(3, 5))
    if chosen:
        strikes = [*chosen] * max(1, 4 // len(chosen))
    seconds = _SECONDS * len(strikes)
    # Some that are busy: more messages than the engine knows the ids of.
    few = source.random() < 0.12
    messages *= 4 if few else 1
    actors = _actors(source, source.randint(4, 6) if few else source.randint(20, 200))
    number = source.randint(2, 5)
    sources = [
        _batches(source, f"s{n}", messages // number, seconds, actors)
        for n in range(number)
    ]
    return Plan(
        seed=seed,
        processes=source.randint(3, 7),
        shards=source.choice((1, 2, 3)),
        durability=source.choice(("fast", "fast", "safe")),
        capacity=source.choice((MOST, MOST, 5)),
        slots=source.choice((2, 8, 50)),
        strikes=strikes,
        seconds=seconds,
        sources=sources,
    )


def _actors(source: random.Random, number: int) -> list[str]:
    """Some actors by themselves, and some that share chats."""
    plain = source.randint(number // 4, number // 2)
    chats = [
        f"dialog/{BOT}:{chat}:{one}"
        for chat in range((number - plain) // 2)
        for one in (1, 2)
    ]
    return [f"x/{n}" for n in range(plain)] + chats


def _batches(
    source: random.Random,
    name: str,
    number: int,
    seconds: float,
    actors: Sequence[str],
) -> list[Batch]:
    """What one source brings: half of it for a quarter of the actors."""
    popular = source.sample(actors, max(1, len(actors) // 8))
    times = sorted(source.uniform(0, seconds) for _ in range(number))
    batches: list[Batch] = []
    waiting: list[Message] = []
    for n, at in enumerate(times):
        waiting.append(_message(source, f"{name}.{n}", actors, popular))
        if n + 1 == number or source.random() < 0.8:
            batches.append(Batch(at, tuple(waiting)))
            waiting.clear()
    return batches


def _message(
    source: random.Random, name: str, actors: Sequence[str], popular: Sequence[str]
) -> Message:
    key = source.choice(popular if source.random() < 0.5 else actors)
    deed = source.choice(_DEEDS)
    if deed == "owe" and not key.startswith("dialog"):
        deed = "note"  # it has no screen
    to = source.choices(actors, k=source.randint(1, 3)) if deed == "tell" else []
    seconds = source.uniform(0.1, 3.0) if deed in {"remind", "slow"} else 0.0
    return Message(name, key, deed, tuple(to), seconds)
