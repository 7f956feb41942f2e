"""A bot whose door is killed and started again: `python tests/remote/bot.py ENGINE PORT LOST`.

Each of its dialogs counts what it is told, and notes what comes twice, late or never.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from duologue import Dispatcher, Runtime
from duologue.dialogs import Dialog, DialogManager, State, StatesGroup, Window
from duologue.dialogs.widgets.text import Const
from duologue.messages import Signer, message
from duologue.testing import RecordingBot
from duologue.transport._server import serve
from duologue.transport.redis import RedisEngine

SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105  # of this test
SCOPES = ("tell:*", "ask:*", "dialog:*", "message:*")


@message("campaign.step.v1")
@dataclass(frozen=True)
class Step:
    number: int


@message("campaign.count.v1")
@dataclass(frozen=True)
class GetCount:
    pass


@message("campaign.counted.v1")
@dataclass(frozen=True)
class Count:
    number: int
    faults: list[str]


class Main(StatesGroup):
    counting = State()


dispatcher = Dispatcher()
dispatcher.include_router(Dialog(Window(Const("counting"), state=Main.counting)))


@dispatcher.told(Step)
async def step(told: Step, manager: DialogManager) -> None:
    if not manager.has_context():
        await manager.start(Main.counting)
    data = manager.dialog_data
    expected = data.get("number", 0) + 1
    if told.number != expected:
        faults = data.setdefault("faults", [])
        faults.append(f"{told.number} came in the place of {expected}")
    data["number"] = max(told.number, expected - 1)


@dispatcher.asked(GetCount)
async def count(_: GetCount, manager: DialogManager) -> Count:
    data = manager.dialog_data if manager.has_context() else {}
    return Count(data.get("number", 0), data.get("faults", []))


def losing(share: float) -> web.Application:
    """An application in front of the door that loses some answers."""

    @web.middleware
    async def lose(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.transport is not None and random.random() < share:  # noqa: S311  # no secret
            request.transport.close()
        return response

    return web.Application(middlewares=[lose])


async def main(engine: str, port: int, lost: float) -> None:
    runtime = Runtime(
        dispatcher, [RecordingBot()], engine=engine, polling=None, drain=2.0
    )
    app = losing(lost)
    app.add_subapp("/refs", runtime.refs(loopback=True, strangers=True))
    async with runtime:
        if isinstance(runtime.engine, RedisEngine):
            streams = runtime.stream_refs(
                Signer("campaign", [SECRET], SCOPES), strangers=True
            )
            async with streams, serve(app, port=port):
                await asyncio.Event().wait()
        async with serve(app, port=port):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
