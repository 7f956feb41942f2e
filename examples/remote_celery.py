"""A Celery task that reports its progress to a dialog of a bot in another program.

    BOT_URL=https://bot.internal/refs BOT_TOKEN=… python examples/remote_celery.py dialog/max.42:5:5

The broker is in memory here; the task is the same with any other. A call is named after the
task and its step, so one that Celery runs again reports nothing twice.
"""

from __future__ import annotations

import os
import sys

from celery import Celery, Task
from celery.contrib.testing.worker import start_worker

from duologue.remote import RemoteRuntime

app = Celery("shop", broker="memory://", backend="cache+memory://")
# Its thread begins with the first call, which is after the fork of a worker.
bot = RemoteRuntime(
    os.environ["BOT_URL"], token=os.environ["BOT_TOKEN"], source="//shop/celery"
).blocking()


@app.task(bind=True)  # type: ignore[untyped-decorator] # Celery has no types
def export(self: Task, ref: str, rows: int) -> str:
    dialog = bot.ref(ref)
    for row in range(1, rows + 1):
        percent = 100 * row // rows
        dialog.update({"progress": percent}, id=f"{self.request.id}-{percent}")
    return "exported"


def main() -> None:
    with start_worker(app, perform_ping_check=False, pool="solo"):
        print(export.delay(sys.argv[1], 4).get(timeout=60))
    bot.close()


if __name__ == "__main__":
    main()
