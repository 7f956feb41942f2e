"""Units are found in whichever shard they are, however few there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.conftest import Desk, letter
from tests.servers import TestedEngine, server, valkey_program


@pytest.fixture(scope="module")
def url() -> str:
    return server(valkey_program()).url


@pytest.mark.parametrize("slots", [1, 4, 100])
async def test_what_waits_is_found_in_all_shards_by_those_with_few_slots(
    url: str, tmp_path: Path, slots: int
) -> None:
    wanted = sorted(f"m{number}" for number in range(60))
    async with TestedEngine(url, namespace=tmp_path.name, shards=16) as engine:
        for name in wanted:
            await engine.enqueue([letter(f"x/{name}", name)])

        found = await Desk(engine, slots=slots).rest()

    assert sorted(found) == wanted
