"""The bot of `bench_remote.py`, in a process of its own: `remote_bot.py ENGINE PORT`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

from duologue import Dispatcher, Runtime
from duologue.messages import message
from duologue.testing import RecordingBot
from duologue.transport._server import serve
from duologue.transport.redis import RedisEngine

SCOPES = ("tell:*", "ask:*", "message:*")


@message("bench.paid.v1")
@dataclass(frozen=True)
class Paid:
    """A message."""

    order: int
    total: str = "19.90"


@message("bench.ask.v1")
@dataclass(frozen=True)
class Ask:
    """A question."""


dispatcher = Dispatcher()


@dispatcher.told(Paid)
async def paid(_: Paid) -> None:
    """Do nothing: the way there is what is measured."""


@dispatcher.asked(Ask)
async def ask(_: Ask) -> int:
    return 1


async def main(engine: str, port: int) -> None:
    runtime = Runtime(dispatcher, [RecordingBot()], engine=engine, polling=None)
    async with runtime:
        door = runtime.refs(loopback=True, strangers=True)
        async with serve(door, port=port):
            if isinstance(runtime.engine, RedisEngine):
                async with runtime.stream_refs(unsigned=SCOPES, strangers=True):
                    await asyncio.Event().wait()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
