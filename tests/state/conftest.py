"""States on each engine, without a runtime around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duologue.actors import Engine
from duologue.dialogs._state import _values
from duologue.state import States
from tests.engines.conftest import ENGINES


def bot_name(bot: object) -> str | None:
    return "max.1" if bot is None else str(bot)


def states_on(engine: Engine) -> States:
    return States(engine, codec=_values, bot_name=bot_name)


@pytest.fixture(params=list(ENGINES.values()), ids=list(ENGINES))
async def states(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[States]:
    engine: Engine = request.param(tmp_path, max_snapshot=2000)
    async with engine, states_on(engine) as made:
        yield made
