"""Several processes on one server that are hurt lose nothing: the short form."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign, Plan
from tests.chaos.cells import CELLS
from tests.chaos.power import forget_since
from tests.chaos.run import faults_of
from tests.servers import RedisServer, valkey_program

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("name", ["F1", "F4", "F5", "F10", "F12c", "F18"])
async def test_nothing_is_lost_doubled_or_out_of_order(
    tmp_path: Path, name: str
) -> None:
    plan = Plan(CELLS[name], "short", valkey_program(), 200, strikes=1, users=20)

    verdict = await Campaign(plan, tmp_path / name).run()

    assert faults_of(verdict) == {}, verdict.examples
    assert verdict.counts["messages"] >= 200
    assert verdict.counts["strikes"] == 1
    assert not verdict.counts["invalid"], verdict.examples


def test_a_power_cut_takes_the_last_seconds_and_leaves_the_rest_whole(
    tmp_path: Path,
) -> None:
    options = ("--appendfsync", "always", "--aof-timestamp-enabled", "yes")
    server = RedisServer(valkey_program(), *options, folder=tmp_path)
    server.start()
    try:
        server.ask("SET", "before", "1")
        time.sleep(1.1)  # its notes of the time are of whole seconds
        when = time.time()
        server.ask("SET", "after", "1")
        server.kill()

        forgotten = forget_since(when, tmp_path)

        server.start()
        assert forgotten > 0
        assert server.ask("EXISTS", "before") == b":1\r\n"
        assert server.ask("EXISTS", "after") == b":0\r\n"
    finally:
        server.stop()
