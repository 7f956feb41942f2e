"""Messages of other programs while the bot is killed: nothing is lost, doubled, disordered."""

from __future__ import annotations

import pytest

from tests.remote.campaign import campaign

pytestmark = [pytest.mark.real_time, pytest.mark.slow]


@pytest.mark.parametrize(
    ("door", "kills"), [("http", 2), ("http-redis", 1), ("stream", 1)]
)
async def test_nothing_is_lost_or_doubled_and_the_order_is_kept(
    door: str, kills: int
) -> None:
    report = await campaign(door, 200, kills=kills, lost=0.05, pace=0.05)

    assert report.faults == []
    assert report.messages == 200
    assert report.kills == kills
