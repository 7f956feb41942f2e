"""Async tests run in virtual time; those marked `real_time` on an ordinary loop."""

from __future__ import annotations

import asyncio
import inspect
import signal
import sys
from collections.abc import Callable, Iterator

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

from duologue.actors.testing import virtual_loop_factory

# How long an example takes depends on the machine, not on the code.
settings.register_profile("duologue", deadline=None)
settings.load_profile("duologue")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "real_time: run an async test on an ordinary event loop"
    )
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Shells start jobs in the background this way, and programs inherit it;
        # those that the tests start are to hear Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
def busy_threads() -> Iterator[None]:
    """Let threads take turns after every few steps, so that they meet."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
