"""A process without a bot: actors that other programs tell and ask, on a box of their own.

    duologue token new bot --scope 'tell:Resizer/*' --scope 'ask:Resizer/*' --scope 'message:*'
    python examples/remote_worker.py

A bot, or anything else, reaches them:

    async with RemoteRuntime("http://127.0.0.1:8090", token=token) as remote:
        resizer = remote.actor("Resizer", "pictures/7")
        await resizer.tell(Resize(width=200))
        print(await resizer.ask(GetSize(), Size))
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from aiohttp import web

from duologue.actors import ActorSystem, AsyncActor
from duologue.messages import message
from duologue.transport.http import AccessTokenFile, refs_application


@message("pictures.resize.v1")
@dataclass(frozen=True)
class Resize:
    width: int


@message("pictures.get_size.v1")
@dataclass(frozen=True)
class GetSize:
    pass


@message("pictures.size.v1")
@dataclass(frozen=True)
class Size:
    width: int


class Resizer(AsyncActor):
    """One picture."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.width = 0

    async def on_receive(self, message: object) -> object:
        match message:
            case Resize(width=width):
                await asyncio.sleep(0)  # here the work is done
                self.width = width
                return None
            case GetSize():
                return Size(self.width)
            case _:
                return None


async def main() -> None:
    async with ActorSystem() as system:
        system.directory.register(Resizer, Resizer, idle_after=None)
        system.directory.expose(Resizer, told=[Resize], asked=[GetSize])
        path = os.environ.get("TOKENS", ".duologue/tokens.json")
        door = refs_application(system.directory, AccessTokenFile(path))
        runner = web.AppRunner(door)
        await runner.setup()
        port = int(os.environ.get("PORT", "8090"))
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print(f"http://127.0.0.1:{port}", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
