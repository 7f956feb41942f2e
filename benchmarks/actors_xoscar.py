"""The works of the comparison, done by xoscar in one process."""

from __future__ import annotations

import xoscar
from actors import Echoing, Figures, Setup, stopwatch


class Echo(Echoing, xoscar.Actor):  # type: ignore[misc] # xoscar is not looked into
    """Answers."""


def ask_awaited(setup: Setup) -> Figures:
    """Ask on the loop, one question after the other."""
    return setup.run(_ask_awaited(setup.of(20_000)))


async def _ask_awaited(asks: int) -> Figures:
    pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
    async with pool:
        ref = await xoscar.create_actor(Echo, address=pool.external_address)
        await ref.on_receive(0)
        with stopwatch() as watch:
            for number in range(asks):
                await ref.on_receive(number)
    return watch.per_second(asks)
