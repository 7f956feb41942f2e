"""Async tests run in virtual time; those marked `real_time` on an ordinary loop."""

from __future__ import annotations

import asyncio
import inspect
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

from duologue.actors.testing import virtual_loop_factory

pytest_plugins = ("tests.browser",)

# What a bot says whose end takes longer than a second, on a busy machine.
LONG_END = "finishing what has begun; a second signal ends the program at once"

# Files and folders whose tests take half of the time of all: they start programs, kill
# them, and drive a browser. CI runs these on the oldest Python and on the newest one.
SLOW = (
    "benchmarks",
    "chaos",
    "demo/test_demo.py",
    "docs/test_examples.py",
    "http/page",
    "mutants",
    "newcomers/test_first_bot.py",
    "newcomers/test_terminal.py",
    "processes",
    "reliability",
    "sandbox/page",
    "simulation",
    "webhooks/test_kills.py",
)
HERE = Path(__file__).parent

# How long an example takes depends on the machine, not on the code.
settings.register_profile("duologue", deadline=None)
settings.load_profile("duologue")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "real_time: run an async test on an ordinary event loop"
    )
    config.addinivalue_line(
        "markers", "in_memory: it is about the engine in memory, and no other"
    )
    config.addinivalue_line("markers", "long_time: weeks of virtual time go by")
    config.addinivalue_line("markers", "server: a promise, kept once more on a server")
    config.addinivalue_line(
        "markers", "slow: it is in one of the files and folders that take long"
    )
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Shells start jobs in the background this way, and programs inherit it;
        # those that the tests start are to hear Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(HERE / name) for name in SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.get_closest_marker("real_time") is not None:
        return {"real": asyncio.new_event_loop}
    return {"virtual": virtual_loop_factory}


@pytest.fixture(autouse=True)
def _no_blocking_on_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail async tests whose own code blocks the loop."""
    if not inspect.iscoroutinefunction(getattr(request.node, "function", None)):
        yield
        return
    with blockbuster_ctx("duologue") as watch:
        # The actors share short locks with other threads, and so does coverage.
        for name in ("threading.Lock.acquire", "threading.Lock.acquire_lock"):
            watch.functions[name].deactivate()
        yield


@pytest.fixture
def between_steps() -> Callable[[Callable[[], object]], AbstractContextManager[None]]:
    """Let something happen between any two steps of a block, as another thread may."""
    return _between_steps


@contextmanager
def _between_steps(act: Callable[[], object]) -> Iterator[None]:
    def step(frame: FrameType, _event: str, _argument: object) -> object:
        if "/duologue/" not in frame.f_code.co_filename:
            return None
        act()  # untraced: Python traces no tracer
        return step

    before = sys.gettrace()
    sys.settrace(step)  # type: ignore[arg-type] # a recursive type has no name here
    try:
        yield
    finally:
        sys.settrace(before)
