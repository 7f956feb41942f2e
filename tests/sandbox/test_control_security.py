from __future__ import annotations

import asyncio
from io import BytesIO
from urllib.parse import urlsplit

import aiohttp
import pytest

from duologue.transport.sandbox import Sandbox

READS = ["/bot", "/log", "/position", "/requests", "/chats/1/messages"]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _get(sandbox: Sandbox, path: str, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(sandbox.control_url + path, headers=headers) as response,
    ):
        problem = await response.json()
    assert response.content_type == "application/problem+json" or response.ok
    return response.status, str(problem.get("code"))


@pytest.mark.parametrize("path", READS)
async def test_every_path_asks_for_the_token(sandbox: Sandbox, path: str) -> None:
    assert await _get(sandbox, path, {}) == (401, "unauthorized")
    assert await _get(sandbox, path, _bearer("wrong")) == (401, "unauthorized")


@pytest.mark.parametrize("path", ["/control/bot", "/me"])
async def test_a_token_that_is_no_text_is_a_wrong_token(
    sandbox: Sandbox, path: str
) -> None:
    address = urlsplit(sandbox.url)
    request = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: "

    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request.encode() + b"Bearer \xff\r\n\r\n")
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert status == b"HTTP/1.1 401 Unauthorized\r\n"


@pytest.mark.parametrize("path", ["/log", "/nothing"])
async def test_the_bots_token_opens_no_control_door(
    sandbox: Sandbox, path: str
) -> None:
    for headers in ({"Authorization": sandbox.token}, _bearer(sandbox.token)):
        assert await _get(sandbox, path, headers) == (401, "unauthorized")


async def test_the_control_token_opens_no_bot_door(sandbox: Sandbox) -> None:
    headers = {"Authorization": sandbox.control_token}

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(sandbox.url + "/me") as response,
    ):
        assert response.status == 401


@pytest.mark.parametrize("host", ["evil.example:{port}", "127.0.0.1", "127.0.0.1:1"])
async def test_a_foreign_host_is_refused(sandbox: Sandbox, host: str) -> None:
    port = urlsplit(sandbox.url).port
    headers = _bearer(sandbox.control_token) | {"Host": host.format(port=port)}

    assert await _get(sandbox, "/bot", headers) == (403, "foreign.host")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
async def test_loopback_names_are_welcome(sandbox: Sandbox, name: str) -> None:
    host = f"{name}:{urlsplit(sandbox.url).port}"
    headers = _bearer(sandbox.control_token) | {
        "Host": host,
        "Origin": f"http://{host}",
    }

    assert await _get(sandbox, "/bot", headers) == (200, "None")


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://127.0.0.1:1", "https://{own}"]
)
async def test_a_foreign_origin_is_refused(sandbox: Sandbox, origin: str) -> None:
    own = urlsplit(sandbox.url).netloc
    headers = _bearer(sandbox.control_token) | {"Origin": origin.format(own=own)}

    assert await _get(sandbox, "/bot", headers) == (403, "foreign.origin")


async def test_an_origin_that_is_given_twice_is_refused(sandbox: Sandbox) -> None:
    own = f"http://{urlsplit(sandbox.url).netloc}"
    headers = [
        *_bearer(sandbox.control_token).items(),
        ("Origin", own),
        ("Origin", own),
    ]

    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{sandbox.control_url}/bot", headers=headers) as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (403, "foreign.origin")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nothing", 404, "not.found"),
        ("/actions", 405, "method.not.allowed"),
        ("/log?after=x", 400, "bad.request"),
        ("/log?wait=-1", 400, "bad.request"),
        ("/log?wait=nan", 400, "bad.request"),
        ("/chats/1/messages", 404, "chat.not.found"),
        (f"/chats/{'9' * 5000}/messages", 404, "not.found"),
    ],
)
async def test_wrong_requests_get_a_problem(
    sandbox: Sandbox, path: str, status: int, code: str
) -> None:
    answer = await _get(sandbox, path, _bearer(sandbox.control_token))

    assert answer == (status, code)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/actions", b"{", "send JSON"),
        ("/actions", b"[" * 100_000, "send JSON"),
        ("/actions", b"[]", "send a JSON object"),
        ("/actions", b"{}", "iterable"),
        ("/actions", b'{"actions": [5]}', "actions"),
        ("/actions", b'{"actions": [{"act": "fly"}]}', "'fly' is missing or unknown"),
        ("/actions", b'{"actions": [{"act": "start", "user_id": "7"}]}', "user_id"),
        ("/actions", b'{"actions": [{"act": "start", "user_id": true}]}', "user_id"),
        ("/actions", b'{"actions": [{"act": "stop", "user_id": 7, "x": 1}]}', "x"),
        ("/actions", b'{"actions": [{"act": "inject", "update": []}]}', "update"),
        ("/faults", b'{"kind": "meteor"}', "kind"),
        ("/faults", b'{"kind": "slow", "delay": "long"}', "delay"),
    ],
)
async def test_a_malformed_body_is_refused_with_what_is_wrong(
    sandbox: Sandbox, path: str, body: bytes, said: str
) -> None:
    headers = _bearer(sandbox.control_token)

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(sandbox.control_url + path, data=body) as response,
    ):
        problem = await response.json()

    assert (response.status, problem["code"]) == (400, "bad.request")
    assert said in problem["detail"]


async def test_an_oversize_body_is_refused(sandbox: Sandbox) -> None:
    headers = _bearer(sandbox.control_token)
    body = BytesIO(b" " * (1024 * 1024 + 1))

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(sandbox.control_url + "/actions", data=body) as response,
    ):
        problem = await response.json()

    assert (response.status, problem["code"]) == (413, "too.large")
