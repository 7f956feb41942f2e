"""examples/report.py: one operation in the chat and in the browser, from either side."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect

from duologue.transport.sandbox import LogEntry, Sandbox
from tests.browser import Tabs

ROOT = Path(__file__).parents[3]


@contextmanager
def running(
    folder: Path, sandbox: Sandbox, port: int, rows: int
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, str(ROOT / "examples/report.py")],
        cwd=folder,
        env={
            **os.environ,
            "DUOLOGUE_MAX_TOKEN": sandbox.token,
            "DUOLOGUE_MAX_URL": sandbox.url,
            "PORT": str(port),
            "ROWS": str(rows),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # `run_app` says that it runs
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("begins", ["chat", "browser"])
def test_what_one_side_starts_the_other_one_sees_with_its_picture(
    tmp_path: Path, portal: BlockingPortal, tabs: Tabs, free_port: int, begins: str
) -> None:
    with (
        portal.wrap_async_context_manager(Sandbox(limits=False)) as sandbox,
        running(tmp_path, sandbox, free_port, 300_000),
    ):
        control = portal.call(sandbox.control)
        ann = portal.call(control.add_user, "Ann")
        portal.call(control.say, ann, "/start")

        def shown(what: str) -> LogEntry:
            async def wait() -> LogEntry:
                return await control.wait_for(
                    lambda entry: re.search(what, entry.text or "") is not None,
                    timeout=60,
                )

            return portal.call(wait)

        first = shown("In the browser")
        link = re.search(r"http://\S+", first.text or "")
        assert link is not None
        page = tabs.open(link.group())
        bar = page.locator("operation-bar")
        expect(page.locator("output")).to_have_text("ready")

        async def press() -> None:
            await control.click(ann, first.message_id or "", text="Make it")

        if begins == "chat":
            portal.call(press)
        else:
            page.get_by_role("button", name="Make it").click()
            expect(bar).to_have_attribute("state", "running")
            portal.call(press)
        expect(bar).to_have_attribute("state", re.compile("running|succeeded"))
        shown("%")
        expect(bar).to_have_attribute("state", "succeeded")
        shown("done")
        picture = page.locator("img")
        expect(picture).to_be_visible()

    assert picture.get_attribute("src") is not None
