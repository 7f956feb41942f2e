"""Programs that call: task queues, a view, scripts of other languages; as real programs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from duologue.testing import Playground
from duologue.transport._server import serve
from duologue.transport.http import AccessTokens
from duologue.transport.http._tokens import new_token, write_tokens
from tests.dialogs.test_told import Shop, shop
from tests.programs import installed
from tests.remote.test_stream import REF, beside

pytestmark = [pytest.mark.real_time, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SCOPES = ("tell:dialog/*", "ask:dialog/*", "dialog:dialog/*", "message:shop.*")
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "//shop",
    "type": "shop.order_paid.v1",
    "subject": REF,
    "data": {"order": 7},
}


@asynccontextmanager
async def bot() -> AsyncGenerator[tuple[Playground, dict[str, str]]]:
    """A bot with a door, and what its callers find in their environment."""
    secret, token = new_token("shop", SCOPES)
    async with Playground(shop()) as chat:
        await (await chat.dialog(1).start(Shop.cart)).drawn()
        async with serve(chat.runtime.refs(AccessTokens([token]))) as place:
            yield chat, {**os.environ, "BOT_URL": place.url, "BOT_TOKEN": secret}


async def run(environment: dict[str, str], *words: str) -> str:
    """Run a program, and give what it says."""
    process = await asyncio.create_subprocess_exec(
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, problems = await process.communicate()
    assert process.returncode == 0, problems.decode()[-3000:]
    return said.decode().strip()


@pytest.mark.parametrize("queue", ["celery", "taskiq"])
async def test_a_task_of_a_queue_reports_its_progress_to_a_dialog(queue: str) -> None:
    pytest.importorskip(queue)
    async with bot() as (chat, environment):
        program = str(EXAMPLES / f"remote_{queue}.py")
        said = await run(environment, sys.executable, program, REF)
        await chat.settled()

        assert said.endswith("exported")
        assert chat.screen(1).text == "cart {'progress': 100}"


async def test_a_view_of_django_tells_a_dialog_that_an_order_is_paid() -> None:
    pytest.importorskip("django")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with bot() as (chat, environment), aiohttp.ClientSession() as http:
        words = (
            str(EXAMPLES / "remote_django.py"),
            "runserver",
            "--noreload",
            str(port),
        )
        server = await asyncio.create_subprocess_exec(
            sys.executable, *words, env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}/paid/88123/{REF}"
            answers: list[object] = []
            while len(answers) < 2:
                try:
                    async with http.post(url) as answer:
                        answers.append(await answer.json())
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.1)
        finally:
            server.terminate()
            await server.wait()
        await chat.settled()

        assert answers == [{"status": "told", "id": "order-88123-paid"}] * 2
        assert chat.screen(1).text == "cart {'orders': [88123]}"


async def test_a_script_of_node_tells_and_asks() -> None:
    async with bot() as (_, environment):
        assert (
            await run(environment, installed("node"), str(EXAMPLES / "remote.mjs"), REF)
            == "7"
        )


async def test_curl_tells_something() -> None:
    async with bot() as (chat, environment):
        url = f"{environment['BOT_URL']}/v1/actors/{REF}/messages"
        words = (installed("curl"), "-sS", "-X", "POST", url, "-H", "Prefer: wait=10")
        token = f"Authorization: Bearer {environment['BOT_TOKEN']}"
        kind = "Content-Type: application/cloudevents+json"
        said = await run(
            environment, *words, "-H", token, "-H", kind, "-d", json.dumps(EVENT)
        )
        await chat.settled()

        assert json.loads(said)["status"] == "committed"
        assert chat.screen(1).text == "cart {'orders': [7]}"


async def test_redis_cli_writes_to_the_stream() -> None:
    async with beside(unsigned=SCOPES) as program:
        (place,) = [program.chat.runtime.engine.place]  # type: ignore[attr-defined] # it is one of Redis
        words = (
            installed("redis-cli", "valkey-cli"),
            "-s",
            place.removeprefix("unix://"),
            "XADD",
        )
        key = program.key("in")
        await run({**os.environ}, *words, key, "*", "ce", json.dumps(EVENT))
        await program.empty()
        await program.chat.settled()

        assert program.chat.screen(1).text == "cart {'orders': [7]}"


async def test_a_process_of_actors_alone_is_reached(tmp_path: Path) -> None:
    secret, token = new_token("bot", ("tell:Resizer/*", "ask:Resizer/*", "message:*"))
    path = tmp_path / "tokens.json"
    await asyncio.to_thread(write_tokens, path, [token])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "remote_worker.py"),
        env={**os.environ, "TOKENS": str(path), "PORT": port},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    try:
        async with aiohttp.ClientSession() as http:
            kind = {"Content-Type": "application/cloudevents+json"}
            headers = {"Authorization": f"Bearer {secret}", **kind}
            shown: object = None
            for number, (tag, to) in enumerate(
                (("resize", "messages"), ("get_size", "asks"))
            ):
                event = {
                    "specversion": "1.0",
                    "id": str(number),
                    "source": "//bot",
                    "type": f"pictures.{tag}.v1",
                    "data": {"width": 200},
                }
                target = f"{url}/v1/actors/Resizer/pictures/7/{to}"
                async with http.post(target, json=event, headers=headers) as answer:
                    assert answer.status < 300
                    shown = (await answer.json()).get("data")
            assert shown == {"width": 200}
    finally:
        process.terminate()
        await process.wait()
