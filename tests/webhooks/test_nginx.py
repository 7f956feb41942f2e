"""The configuration of nginx in `deploy/`, run by nginx."""

from __future__ import annotations

import asyncio
import ssl
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from duologue import Dispatcher, Webhook
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control
from tests.programs import installed
from tests.webhooks.conftest import delivered, has_webhook

CERTIFICATES = Path(__file__).parents[1] / "transport/tls"
CONFIGURATION = Path(__file__).parents[2] / "deploy/nginx.conf"

pytestmark = pytest.mark.real_time


@pytest.fixture
def nginx() -> str:
    return installed("nginx")


@asynccontextmanager
async def proxy(nginx: str, folder: Path, port: int, bot: int) -> AsyncGenerator[None]:
    """Run nginx as `deploy/` configures it, with other ports and certificates."""
    text = CONFIGURATION.read_text("utf-8")
    where = "/etc/letsencrypt/live/bot.example/"
    for old, new in (
        ("127.0.0.1:8080", f"127.0.0.1:{bot}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"{where}fullchain.pem", str(CERTIFICATES / "localhost.pem")),
        (f"{where}privkey.pem", str(CERTIFICATES / "localhost.key")),
    ):
        assert old in text
        text = text.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    text = text.replace("http {", f"http {{\naccess_log off;\n{paths}", 1)
    configuration = folder / "nginx.conf"
    configuration.write_text(f"pid {folder}/pid;\ndaemon off;\n{text}", "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(nginx, "-p", folder, "-e", "stderr", "-c", configuration),
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        async with asyncio.timeout(20):
            while not await _is_open(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.communicate()


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture
async def url(  # noqa: PLR0917  # fixtures
    nginx: str,
    dispatcher: Dispatcher,
    bot: Bot,
    control: Control,
    tmp_path: Path,
    unused_tcp_port_factory: Callable[[], int],
) -> AsyncGenerator[str]:
    """Where nginx takes the updates of a bot that runs."""
    front, back = unused_tcp_port_factory(), unused_tcp_port_factory()
    url = f"https://127.0.0.1:{front}/max"
    webhook = Webhook(dispatcher, engine="memory")
    async with proxy(nginx, tmp_path, front, back), asyncio.TaskGroup() as group:
        task = group.create_task(webhook.start(bot, url=url, port=back))
        await has_webhook(control)
        yield url
        task.cancel()


async def test_updates_come_through_nginx_and_nothing_else_does(
    url: str, control: Control, ann: int, heard: list[str]
) -> None:
    await control.say(ann, "hello")
    await delivered(control, 1)
    async with aiohttp.ClientSession() as session:
        statuses = [
            (await session.post(address, data=body, ssl=_trusting())).status
            for address, body in (
                (url, BytesIO(b"{}")),
                (url, BytesIO(b"x" * ((1 << 20) + 1))),
                (f"{url}/more", BytesIO()),
                (url.replace("/max", "/metrics"), BytesIO()),
            )
        ]

    assert heard == ["hello"]
    assert [one.attempts for one in await control.deliveries()] == [(200,)]
    assert statuses == [401, 413, 404, 404]


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "localhost.pem"))
    context.check_hostname = False
    return context
