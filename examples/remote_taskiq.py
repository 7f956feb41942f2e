"""A Taskiq task that reports its progress to a dialog of a bot in another program.

    BOT_URL=https://bot.internal/refs BOT_TOKEN=… python examples/remote_taskiq.py dialog/max.42:5:5

The broker is in memory here; the task is the same with any other.
"""

from __future__ import annotations

import asyncio
import os
import sys

from taskiq import Context, InMemoryBroker, TaskiqDepends

from duologue.remote import RemoteDialog, RemoteRuntime

broker = InMemoryBroker()
bot = RemoteRuntime(
    os.environ["BOT_URL"], token=os.environ["BOT_TOKEN"], source="//shop/taskiq"
)


@broker.task
async def export(
    ref: str,
    rows: int,
    context: Context = TaskiqDepends(),  # noqa: B008  # as Taskiq has it
) -> str:
    dialog = bot.ref(ref)
    if not isinstance(dialog, RemoteDialog):
        raise TypeError(ref)
    for row in range(1, rows + 1):
        percent = 100 * row // rows
        name = f"{context.message.task_id}-{percent}"
        _receipt = await dialog.update({"progress": percent}, id=name)
    return "exported"


async def main() -> None:
    await broker.startup()
    async with bot:
        task = await export.kiq(sys.argv[1], 4)
        result = await task.wait_result(timeout=60)
        print(result.return_value)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
