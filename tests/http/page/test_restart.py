"""`<operation-bar>` before a server that is killed and starts again, as a real process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import Tabs, Watch

PROGRAM = '''
import asyncio
import sys
from aiohttp import web
from duologue import Dispatcher, Runtime
from duologue.actors import Operation
from duologue.testing import RecordingBot
from duologue.transport.http import (
    BackgroundOperationBar, actions_application, allow_actions,
)

dispatcher = Dispatcher()

@dispatcher.task(attempts=9)
async def work(operation: Operation) -> str:
    done = operation.resumed or 0
    for step in range(done, 60):
        operation.report(step / 60, f"step {step}")
        operation.checkpoint(step + 1)
        await asyncio.sleep(0.2)
    return "all"

runtime = Runtime(
    dispatcher, [RecordingBot()], engine="sqlite", state_dir="state", polling=None
)

async def page(request):
    bar = BackgroundOperationBar("Work", url="/actions/work", boundary="b")
    response = web.Response(
        content_type="text/html",
        text=f"""<!doctype html><link rel="icon" href="data:,">
        <script type="module" src="/actions/operation-bar.js"></script>{bar}""",
    )
    allow_actions(response, "a secret", owner="alice", path="/actions")
    return response

async def run(app):
    async with runtime:
        print("ready", flush=True)
        yield

app = web.Application()
app.router.add_get("/", page)
app.cleanup_ctx.append(run)
app.add_subapp("/actions", actions_application(runtime, [work], token="a secret"))
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
'''


@contextmanager
def served(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "program.py", str(port)],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def step(page: Page) -> int:
    found = re.search(r"step (\d+)", page.locator("output").inner_text())
    return 0 if found is None else int(found.group(1))


def test_the_bar_goes_on_after_a_kill_and_after_an_orderly_restart(
    tmp_path: Path, tabs: Tabs, free_port: int, watch: Watch
) -> None:
    watch.expected += ["ERR_", "503", "EventSource", "Failed to load"]
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    url = f"http://127.0.0.1:{free_port}"
    with served(tmp_path, free_port) as process:
        page = tabs.open(url)
        bar = page.locator("operation-bar")
        page.evaluate("document.querySelector('operation-bar').start()")
        expect(page.locator("output")).to_contain_text(re.compile("step [3-9]"))
        process.kill()
        process.wait()
        expect(bar).to_have_attribute("offline", "")
        seen = [step(page)]
    with served(tmp_path, free_port) as process:
        expect(bar).not_to_have_attribute("offline", "")
        page.wait_for_function(
            "last => Number(/step (\\d+)/.exec(document.querySelector('output').value)?.[1]) > last",
            arg=seen[0] + 3,
        )
        seen.append(step(page))
        process.send_signal(signal.SIGTERM)
        process.wait()
        expect(bar).to_have_attribute("offline", "")
        assert bar.get_attribute("state") == "running"
    with served(tmp_path, free_port):
        expect(bar).to_have_attribute("state", "succeeded")

    assert 0 < seen[0] < seen[1]
    assert page.evaluate("document.querySelector('operation-bar').snapshot.result") == (
        "all"
    )
