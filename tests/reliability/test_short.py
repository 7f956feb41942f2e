"""A bot that is killed between its calls loses nothing: the short form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.campaign import Plan
from tests.reliability.run import campaigns, in_calls
from tests.reliability.verdict import Verdict

pytestmark = pytest.mark.real_time


async def test_nothing_is_lost_doubled_or_out_of_order_when_the_bot_is_killed(
    tmp_path: Path,
) -> None:
    plans = [
        Plan(f"short.{number}", 300, kills=10, users=20, spares=True)
        for number in range(2)
    ]
    total = Verdict()

    await campaigns(plans, tmp_path, total)

    assert total.faults == {}, total.examples
    assert total.counts["messages"] == 600
    assert total.counts["kills"] == 20
    assert in_calls(total) > 0


@pytest.mark.parametrize("strike", ["stop", "term"])
async def test_so_it_is_when_the_bot_is_frozen_or_ended_in_order(
    tmp_path: Path, strike: str
) -> None:
    plan = Plan(f"short-{strike}", 40, kills=1, users=10, strike=strike)
    total = Verdict()

    await campaigns([plan], tmp_path, total)

    assert total.faults == {}, total.examples
    assert in_calls(total) == 1


async def test_no_call_is_too_many_when_the_bot_is_killed(tmp_path: Path) -> None:
    plan = Plan("limits", 60, kills=4, users=10, limits=True, spares=True)
    total = Verdict()

    await campaigns([plan], tmp_path, total)

    assert total.faults == {}, total.examples
    assert in_calls(total) > 0


async def test_the_driver_notices_an_engine_that_forgets(tmp_path: Path) -> None:
    plan = Plan("forgets", 200, kills=5, users=10, engine="memory", patience=3)
    total = Verdict()

    await campaigns([plan], tmp_path, total)

    assert total.faults["lost"] > 0
