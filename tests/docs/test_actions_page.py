"""The page about actions: its program runs, and its page may use it."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from duologue.transport.sandbox import Sandbox
from tests.asgi import Browser
from tests.docs.conftest import running

ROOT = Path(__file__).parents[2]
BLOCKS, BOT = (
    re.findall(
        r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), flags=re.DOTALL
    )
    for page in ("docs/actions.md", "README.md")
)

pytestmark = pytest.mark.real_time


def test_the_page_has_one_program() -> None:
    assert len(BLOCKS) == 1


async def test_the_page_of_the_program_starts_its_import_and_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONS_TOKEN", "a long and secret one")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    (tmp_path / "bot.py").write_text(BOT[0], "utf-8")
    (tmp_path / "app.py").write_text(
        BLOCKS[0].replace("port=8080", f"port={port}"), "utf-8"
    )
    url = f"http://127.0.0.1:{port}"
    jar = aiohttp.CookieJar(unsafe=True)
    states: list[tuple[int, object]] = []

    async with (
        Sandbox() as sandbox,
        running(tmp_path, "app.py", sandbox=sandbox) as process,
        aiohttp.ClientSession(cookie_jar=jar) as browser,
    ):
        assert process.stdout is not None
        await process.stdout.readline()  # `run_app` says that it runs
        async with browser.get(url) as page:
            assert 'src="/actions/import"' in await page.text()
        for command in ("start", "ping", "stop"):
            async with browser.post(
                f"{url}/actions/import",
                data={"command": command},
                headers={"Origin": url},
            ) as said:
                answer = await said.json()
                states.append((said.status, answer["state"]))
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()

    assert states[0][0] == 200
    assert [status for status, _ in states] == [200] * 3
    assert states[1] == (200, "running")
    assert (process.returncode, errors) == (0, b"")


async def test_the_fastapi_example_counts_for_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox() as sandbox:
        for name, value in {
            "ACTIONS_TOKEN": "a long and secret one",
            "DUOLOGUE_MAX_TOKEN": sandbox.token,
            "DUOLOGUE_MAX_URL": sandbox.url,
            "DUOLOGUE_STATE_DIR": str(tmp_path),
        }.items():
            monkeypatch.setenv(name, value)
        place = ROOT / "examples/operations_fastapi.py"
        spec = importlib.util.spec_from_file_location("operations_fastapi", place)
        assert spec is not None
        assert spec.loader is not None
        program = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(program)
        async with program.lifespan(program.app):
            page = await Browser(program.app).ask("GET", "/", headers={})
            cookie = page.headers["set-cookie"].partition(";")[0]
            own = {"cookie": cookie, "host": "x", "origin": "http://x"}
            kind = {"content-type": "application/json"}
            body = json.dumps({"command": "start", "parameters": {"rows": 3}})
            begun = await Browser(program.app).ask(
                "POST", "/actions/count", body.encode(), headers=own | kind
            )
            links = begun.json["links"]
            assert isinstance(links, dict)
            told = await Browser(program.app).ask("GET", links["events"], headers=own)
            script = await Browser(program.app).ask("GET", "/page.js", headers={})

    assert 'src="/actions/count"' in page.body.decode()
    assert b"bar.start(" in script.body
    assert '"result":"3 rows"' in told.body.decode().replace(": ", ":")
