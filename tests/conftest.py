"""Async tests run in virtual time; those marked `real_time` on an ordinary loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator

import pytest
from blockbuster import blockbuster_ctx

from duologue.actors.testing import virtual_loop_factory


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "real_time: run an async test on an ordinary event loop"
    )


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
