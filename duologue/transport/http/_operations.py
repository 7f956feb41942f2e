"""Metrics and health of one runtime, from its start to its end."""

from __future__ import annotations

import logging
import platform
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import TypeVar

from aiohttp import web

from duologue.actors import Clock
from duologue.transport._server import ListenAddress, serve
from duologue.transport.http._door import operations_application
from duologue.transport.http._health import (
    REASONS,
    Heart,
    Keeping,
    Phase,
    Polling,
    Problem,
    engine_problem,
    is_polling,
    missing_problem,
    parked_problem,
    phase_problem,
    poller_problem,
    seconds_of_silence,
    webhook_problem,
)
from duologue.transport.http._registry import MetricsRegistry, Reading
from duologue.transport.polling._poller import PollerState

L = TypeVar("L", bound=str)
_logger = logging.getLogger("duologue.metrics")


class Operations:
    """What operators see of a runtime: its numbers, its health, and the door to them.

    It is a `HealthProbe`.

    Args:
        registry: Where the numbers appear; a new one when left out.
        host: What the door binds.
        port: Which port; 0 picks a free one, None opens no door.

    Attributes:
        observer: Takes the numbers.
        address: Where the door is; None while it is closed.
    """

    def __init__(
        self,
        registry: MetricsRegistry | None = None,
        *,
        host: str,
        port: int | None,
    ) -> None:
        from duologue.transport.http._prometheus import (  # noqa: PLC0415  # here, metrics are on
            PrometheusObserver,
            registry_of,
        )

        self.observer: PrometheusObserver = PrometheusObserver(registry_of(registry))
        self.address: ListenAddress | None = None
        self._host = host
        self._port = port
        self._phase = Phase.STOPPED
        self._clock: Clock | None = None
        self._heart: Heart | None = None
        self._pollers: dict[str, tuple[Polling, float]] = {}
        self._keepers: dict[str, Keeping] = {}
        self._missing: Counter[str] = Counter()
        self._engine: Callable[[], str | None] = _no_problem
        self._parked: Callable[[], int] = _none
        self._sampled: dict[str, tuple[Callable[[], Reading], Reading]] = {}

    def application(self) -> web.Application:
        """Make the door, for mounting it in another application."""
        return operations_application(self.observer.registry, self)

    @asynccontextmanager
    async def open(
        self, clock: Clock, *, version: str, engine: str
    ) -> AsyncGenerator[None]:
        """Show numbers and health for as long as the block runs; close the door last.

        Args:
            clock: Tells the time to any thread.
            version: That of duologue.
            engine: The class of the engine.

        Raises:
            AddressInUseError: Another program holds the port.
            RegistryTakenError: Another runtime shows its numbers in the registry.
        """
        with self.observer.registered():
            self._phase = Phase.STARTING
            self._clock = clock
            self._heart = Heart(clock, self.observer, self._sample)
            info = (version, engine, platform.python_version())
            self.observer.watch("build_info", lambda: [(info, 1)])
            self.observer.watch("problems", self._by_reason)
            self._watch_pollers()
            try:
                async with self._door():
                    yield
            finally:
                self._phase = Phase.STOPPED
                self._heart.stop()
                self._heart = None
                self._pollers.clear()
                self._keepers.clear()
                self._missing.clear()
                self._engine, self._parked = _no_problem, _none
                self._sampled.clear()

    def ready(self) -> None:
        """Note that the runtime handles updates."""
        self._phase = Phase.READY

    def drain(self) -> None:
        """Note that the runtime finishes what it has."""
        self._phase = Phase.DRAINING

    def miss(self, messenger: str) -> None:
        """Note that a bot is not connected yet.

        Args:
            messenger: Whose bot it is; its number is not known before.
        """
        self._missing[messenger] += 1

    def find(self, messenger: str) -> None:
        """Note that a bot that was missing is connected."""
        self._missing[messenger] -= 1

    def add_poller(self, bot: str, poller: Polling) -> None:
        """Look after a poller, which polls from now on.

        Args:
            bot: Whose it is, such as `max.42`.
            poller: The poller.
        """
        self._pollers[bot] = (poller, self._now())

    def add_webhook(self, bot: str, keeper: Keeping) -> None:
        """Look after a webhook.

        Args:
            bot: Whose it is, such as `max.42`.
            keeper: Who has the messenger know of it.
        """
        self._keepers[bot] = keeper

    def watch_engine(
        self, problem: Callable[[], str | None], parked: Callable[[], int]
    ) -> None:
        """Look after the engine, on any thread.

        Args:
            problem: Tells why it takes nothing now; None if all is well.
            parked: Tells how many dialogs wait for a newer program.
        """
        self._engine, self._parked = problem, parked

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Have a gauge without labels read at each scrape, on the thread that scrapes."""
        self.observer.watch(name, lambda: [((), read())])

    def watch_each(self, name: str, read: Callable[[], Mapping[L, float]]) -> None:
        """Have a gauge with one label read at each scrape: its values by the label's."""
        self.observer.watch(name, _labelled(read))

    def sample_each(self, name: str, read: Callable[[], Mapping[L, float]]) -> None:
        """Have a gauge with one label read once a second, on the loop.

        For what is not safe to read on the thread that scrapes.
        """
        reading = _labelled(read)
        self._sampled[name] = (reading, reading())
        self.observer.watch(name, lambda: self._sampled[name][1])

    def heartbeat_age(self) -> float | None:
        """Seconds since the event loop last showed a sign of life."""
        heart = self._heart
        return None if heart is None else heart.age

    def problems(self) -> Sequence[Problem]:
        """Why the runtime should not be given work now."""
        now = self._now()
        found = [
            phase_problem(self._phase),
            engine_problem(self._engine()),
            parked_problem(self._parked()),
            *map(missing_problem, self._still_missing()),
            *(
                poller_problem(bot, poller, now=now, since=since)
                for bot, (poller, since) in list(self._pollers.items())
            ),
            *(
                webhook_problem(bot, keeper)
                for bot, keeper in list(self._keepers.items())
            ),
        ]
        return [problem for problem in found if problem is not None]

    def _by_reason(self) -> Reading:
        found = Counter(problem.reason for problem in self.problems())
        return [((reason,), found[reason]) for reason in REASONS]

    def _still_missing(self) -> list[str]:
        return [name for name, number in list(self._missing.items()) if number > 0]

    def _sample(self) -> None:
        for name, (read, _) in self._sampled.items():
            self._sampled[name] = (read, read())

    @asynccontextmanager
    async def _door(self) -> AsyncGenerator[None]:
        if self._port is None:
            yield
            return
        async with serve(self.application(), host=self._host, port=self._port) as place:
            self.address = place
            _warn_if_open(place)
            try:
                yield
            finally:
                self.address = None

    def _now(self) -> float:
        return 0.0 if self._clock is None else self._clock.time()

    def _watch_pollers(self) -> None:
        self._watch_each_poller("poller_pausing_seconds", lambda one, _: one.pause)
        self._watch_each_poller(
            "poller_unfinished_updates", lambda one, _: one.unfinished
        )
        self._watch_each_poller(
            "poller_silence_seconds",
            lambda one, since: seconds_of_silence(one, now=self._now(), since=since),
        )
        self._watch_each_poller("poller_leader", lambda one, _: is_polling(one))
        self.observer.watch("poller_state", self._states)

    def _watch_each_poller(
        self, name: str, read: Callable[[Polling, float], float]
    ) -> None:
        self.observer.watch(
            name,
            lambda: [
                ((bot,), read(poller, since))
                for bot, (poller, since) in list(self._pollers.items())
            ],
        )

    def _states(self) -> Reading:
        return [
            ((bot, state.value), poller.state is state)
            for bot, (poller, _) in list(self._pollers.items())
            for state in PollerState
        ]


def _labelled(read: Callable[[], Mapping[L, float]]) -> Callable[[], Reading]:
    return lambda: [((str(label),), value) for label, value in read().items()]


def _warn_if_open(place: ListenAddress) -> None:
    if not _is_loopback(place.host):
        _logger.warning(
            "metrics and health are open to everybody who can reach %s; they need no "
            "password, so let only your monitoring through",
            place.url,
        )
    else:
        _logger.info("metrics are at %s/metrics", place.url)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _no_problem() -> None:
    """No engine is looked after."""


def _none() -> int:
    return 0
