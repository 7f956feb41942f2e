"""One campaign: a bot, its users, and a row of kills between its calls."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from duologue.transport.sandbox import AddGroup, AddUser
from duologue.transport.sqlite._inspect import numbers
from tests.reliability.bot import Start
from tests.reliability.messenger import Messenger, Moment, Trap
from tests.reliability.programs import Nursery
from tests.reliability.users import Crowd, User
from tests.reliability.verdict import Verdict, judge, names_in

BACKLOG = 300  # updates that users run ahead of the bot
QUIET = 0.5  # seconds without a call
LATE = 8.0  # seconds in which something may still come when all seems done
BURSTS = (1, 3, 10, 40)
MOMENTS = (Moment.BEFORE, Moment.AFTER, Moment.BETWEEN)
PASSING = ("stop", "outage")
STRIKES = ("kill", "term", *PASSING)
STILL = (0.1, 2.0, 8.0)  # seconds for which a bot is stopped, or its messenger is down
SPARED_AFTER = 2  # deaths alone; with the next one a message would be set aside
_HIT = (
    "SELECT count(*) FROM openings JOIN mail ON mail.number = openings.mail "
    "WHERE deaths >= ?"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign is made of.

    Attributes:
        seed: Decides what users do, and where the bot is struck.
        messages: How many messages users say; presses come on top.
        kills: How often the bot is killed.
        users: How many there are.
        engine: What the bot is told about its engine; the default of the package if empty.
        limits: Whether messenger and bot keep to the limits of MAX.
        patience: Seconds after which a bot that is not done is stuck.
        strike: What the bot is struck with: `kill`, `term`, `stop` for a while, or an
            `outage` of the messenger.
        spares: Whether no kill is made while a message waits that two have hit alone;
            with the third one it would be set aside, as documented.
    """

    seed: str
    messages: int = 2_000
    kills: int = 20
    users: int = 100
    engine: str = ""
    limits: bool = False
    patience: float = 60.0
    strike: str = "kill"
    spares: bool = False


C = TypeVar("C", bound=Crowd)


def gather(messenger: Messenger, rng: random.Random, number: int, crowd: type[C]) -> C:
    """Bring users into a messenger, and groups that they may write to."""
    act = messenger.say_or_press
    users: list[User] = []
    for each in range(number):
        user_id = act(AddUser(f"User {each}")).user_id
        assert user_id is not None
        users.append(User(user_id, messenger.service.world.dialog_with(user_id).id))
    first = users[0].user_id
    groups = [act(AddGroup(f"Board {n}", [first])).chat_id for n in range(3)]
    boards = [group for group in groups if group is not None]
    return crowd(rng, users, boards)


class Campaign:
    """Carries out a plan against a nursery's bot.

    Args:
        plan: What to do.
        nursery: Starts the bots.
        folder: Where the bots keep their state.
    """

    def __init__(self, plan: Plan, nursery: Nursery, folder: Path) -> None:
        self._plan = plan
        self._nursery = nursery
        self._folder = folder
        self._rng = random.Random(plan.seed)  # noqa: S311  # to be repeated, not to be secret
        self._messenger = Messenger(limits=plan.limits)
        self.verdict = Verdict()

    async def run(self) -> Verdict:
        """Run all of it, and judge what there is in the end."""
        async with self._messenger:
            crowd = gather(self._messenger, self._rng, self._plan.users, Crowd)
            each = self._plan.messages / (self._plan.kills + 1)
            for number in range(self._plan.kills):
                await self._live_and_die(crowd, round(each * (number + 1)), each)
            await self._live_on(crowd)
            self.verdict.counts["messages"] = crowd.said
            self.verdict.counts["presses"] = crowd.presses
        return self.verdict

    async def _live_and_die(self, crowd: Crowd, until: int, each: float) -> None:
        """Let a bot work until the trap, or until nothing is left to be done."""
        trap = Trap(
            calls=self._rng.randrange(max(2, int(each))),
            moment=self._rng.choice(MOMENTS),
            delay=self._rng.random() * 0.05,
            strike=partial(self._strike, self._still()),
            sprung=asyncio.Event(),
            is_final=self._plan.strike == "kill",
        )
        await self._start()
        self._messenger.trap = trap
        goes_on = self._plan.strike in PASSING
        await self._work(crowd, until, asyncio.Event() if goes_on else trap.sprung)
        await self._end_life(trap, goes_on=goes_on)
        self._note(trap)

    async def _end_life(self, trap: Trap, *, goes_on: bool) -> None:
        """See to it that the bot is gone, whether it was struck or not."""
        if not trap.sprung.is_set():
            is_sprung_soon = self._messenger.trap is not trap
            self._messenger.trap = None
            if is_sprung_soon:
                await trap.sprung.wait()
            else:
                trap.moment = Moment.IDLE
                await self._nursery.kill()
                return
        if goes_on:
            await self._nursery.kill()
        elif self._plan.strike == "term" and await self._nursery.ended():
            self.verdict.add("ends", "the bot did not end with 0")

    async def _strike(self, still: float) -> None:
        match self._plan.strike:
            case "term":
                self._nursery.send(signal.SIGTERM)
            case "stop":
                self._nursery.send(signal.SIGSTOP)
                await asyncio.sleep(still)
                self._nursery.send(signal.SIGCONT)
            case "outage":
                self._messenger.is_down = True
                await asyncio.sleep(still)
                self._messenger.is_down = False
            case _:
                await self._kill()

    def _still(self) -> float:
        is_needed = self._plan.strike in PASSING  # else seeds keep what they mean
        return self._rng.choice(STILL) if is_needed else 0.0

    async def _kill(self) -> None:
        # What is in the file cannot change between the look and the kill.
        self._nursery.send(signal.SIGSTOP)
        while self._plan.spares and await asyncio.to_thread(self._is_hit):
            self._nursery.send(signal.SIGCONT)
            await asyncio.sleep(0.02)
            self._nursery.send(signal.SIGSTOP)
        await self._nursery.kill()

    def _note(self, trap: Trap) -> None:
        counts = self.verdict.counts
        counts["kills"] += 1
        counts[f"kills {trap.moment}"] += 1
        if trap.hit:
            counts[f"kills {trap.moment} {trap.hit}"] += 1

    async def _work(self, crowd: Crowd, until: int, over: asyncio.Event) -> None:
        """Let users act in bursts, and the bot work that off."""
        while crowd.said < until:
            for _ in range(self._rng.choice(BURSTS)):
                crowd.act(self._messenger)
                if crowd.said >= until:
                    break
            await asyncio.sleep(self._rng.random() * 0.02)
            await self._caught_up(over)
        await self._settled(over)

    async def _caught_up(self, over: asyncio.Event) -> None:
        messenger = self._messenger
        while messenger.backlog > BACKLOG and not over.is_set():
            await messenger.service.bell.wait(0.05)

    async def _settled(self, over: asyncio.Event) -> None:
        loop, messenger = asyncio.get_running_loop(), self._messenger
        messenger.last_call = loop.time()
        end = loop.time() + self._plan.patience
        while not over.is_set() and loop.time() < end:
            if not messenger.backlog and loop.time() - messenger.last_call > QUIET:
                return
            await asyncio.sleep(0.02)

    async def _live_on(self, crowd: Crowd) -> None:
        """Let a last bot finish everything; then judge."""
        loop = asyncio.get_running_loop()
        await self._start()
        never = asyncio.Event()
        await self._work(crowd, self._plan.messages, never)
        end = loop.time() + self._plan.patience
        while loop.time() < end:
            await self._settled(never)
            if await self._is_done():
                if not (await self._judge(crowd)).faults:
                    break
                end = min(end, loop.time() + LATE)
        self._nursery.send(signal.SIGTERM)
        if await self._nursery.ended():
            self.verdict.add("ends", "the bot did not end with 0")
        self.verdict.merge(await self._judge(crowd))

    async def _judge(self, crowd: Crowd) -> Verdict:
        states = await asyncio.to_thread(lambda: names_in(self._state))
        return judge(self._messenger, crowd.users, states)

    async def _is_done(self) -> bool:
        return await asyncio.to_thread(self._is_at_rest)

    def _is_at_rest(self) -> bool:
        if self._state is None:
            return True
        held = numbers(self._state)
        return not held["mail"] and not held["owed drawings"]

    def _is_hit(self) -> bool:
        return _is_hit(self._state)

    @property
    def _state(self) -> Path | None:
        return next(self._folder.glob("*.db"), None)

    async def _start(self) -> None:
        start = Start(
            url=self._messenger.url,
            token=self._messenger.token,
            state=str(self._folder),
            engine=self._plan.engine,
            limits=self._plan.limits,
            drain=10.0,
        )
        self._messenger.life += 1
        await self._nursery.start(start)


def _is_hit(state: Path | None) -> bool:
    """Whether a message waits that the next death may set aside."""
    if state is None:
        return False
    place = f"{state.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(place, uri=True, timeout=0)) as db:
            (number,) = db.execute(_HIT, (SPARED_AFTER,)).fetchone()
    except sqlite3.OperationalError as error:
        # Stopped while it opens the file, or before there were tables.
        return "locked" in str(error)
    return bool(number)
