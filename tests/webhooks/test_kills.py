"""Nothing that was acknowledged is lost when the program is killed, however."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import RedisServer, valkey_program
from tests.webhooks.campaign import campaign

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_nothing_acknowledged_is_lost_or_doubled_when_the_bot_is_killed(
    tmp_path: Path, engine: str
) -> None:
    verdict = await campaign(engine, updates=300, users=10, kills=2, folder=tmp_path)

    assert verdict.updates == 300
    assert verdict.repeated > 0
    assert verdict.lost == ()
    assert verdict.doubled == ()
    assert verdict.disordered == ()


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_or_doubled_with_two_copies_of_the_bot(
    tmp_path: Path,
) -> None:
    server = RedisServer(valkey_program())
    server.start()
    try:
        verdict = await campaign(
            server.url, updates=300, users=10, kills=2, folder=tmp_path
        )
    finally:
        server.stop()

    assert verdict.updates == 300
    assert verdict.repeated > 0
    assert verdict.lost == ()
    assert verdict.doubled == ()
    assert verdict.disordered == ()
