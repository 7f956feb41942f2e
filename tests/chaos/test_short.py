"""Several processes on one server that are hurt lose nothing: the short form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign, Plan
from tests.chaos.cells import CELLS
from tests.chaos.run import faults_of
from tests.servers import valkey_program

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("name", ["F1", "F5", "F10"])
async def test_nothing_is_lost_doubled_or_out_of_order(
    tmp_path: Path, name: str
) -> None:
    plan = Plan(CELLS[name], "short", valkey_program(), 200, strikes=1, users=20)

    verdict = await Campaign(plan, tmp_path / name).run()

    assert faults_of(verdict) == {}, verdict.examples
    assert verdict.counts["messages"] == 200
    assert verdict.counts["strikes"] == 1
    assert not verdict.counts["invalid"], verdict.examples
