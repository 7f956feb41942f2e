"""Every path of the sandbox, one by one: who may use it, and how it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from duologue.transport.sandbox import NoMarker, Profile, Sandbox
from duologue.transport.sandbox._people._origin import CONTENT_POLICY, own_hosts
from duologue.transport.sandbox._people._page import TYPES
from duologue.transport.sandbox._world._files import Files
from duologue.transport.sandbox._world._service import Service

WITHOUT_TOKEN = {"/", "/page/{name}", "/files/{token}"}
FOREIGN = [
    ({"Host": "evil.example"}, "foreign.host"),
    ({"Host": "127.0.0.1:1"}, "foreign.host"),
    ({"Origin": "http://evil.example"}, "foreign.origin"),
    ({"Origin": "null"}, "foreign.origin"),
]


def _all_routes(sandbox: Sandbox) -> list[tuple[str, str]]:
    """List what the sandbox really serves, so that no route can be forgotten."""
    service = Service(
        "t", Profile.LATEST, no_marker=NoMarker.LAST_ONLY, limits=True, files=Files()
    )
    routes = sandbox._application(service).router.routes()
    return [(r.method, r.resource.canonical) for r in routes if r.resource is not None]


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "1", path)


async def _ask(
    sandbox: Sandbox, method: str, path: str, headers: Mapping[str, str]
) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, URL(sandbox.url + path, encoded=True), headers=headers
        ) as response,
    ):
        if response.content_type.endswith("json") and method != "HEAD":
            return response.status, str((await response.json()).get("code"))
        return response.status, ""


async def test_every_path_but_the_page_asks_for_a_token(sandbox: Sandbox) -> None:
    routes = _all_routes(sandbox)

    opened = {
        path
        for method, path in routes
        if (await _ask(sandbox, method, _filled(path), {}))[0] != 401
    }

    assert len(routes) > 40
    assert opened == WITHOUT_TOKEN


@pytest.mark.parametrize(("headers", "code"), FOREIGN)
async def test_every_path_for_people_is_closed_to_other_sites(
    sandbox: Sandbox, headers: dict[str, str], code: str
) -> None:
    port = urlsplit(sandbox.url).port
    given = {
        k: v.replace("evil.example", f"evil.example:{port}") for k, v in headers.items()
    }
    given["Authorization"] = f"Bearer {sandbox.control_token}"
    people = [
        (method, path)
        for method, path in _all_routes(sandbox)
        if path.startswith("/control/") or path in WITHOUT_TOKEN
    ]

    answers = {
        await _ask(sandbox, method, _filled(path), given)
        for method, path in people
        if method != "HEAD"
    }

    assert len(people) > 25
    assert answers == {(403, code)}


async def test_every_loopback_address_is_one_of_the_own() -> None:
    async with Sandbox(host="127.0.0.2") as sandbox:
        assert await _ask(sandbox, "GET", "/", {}) == (200, "")
        assert await sandbox.control().users() == []


def test_a_browser_leaves_out_port_80() -> None:
    assert own_hosts("127.0.0.1", 80) >= {"localhost", "127.0.0.1:80", "[::1]"}
    assert "localhost" not in own_hosts("127.0.0.1", 8080)


def test_an_address_in_the_network_is_not_one_of_the_own() -> None:
    assert own_hosts("192.0.2.1", 9) == own_hosts("127.0.0.1", 9)


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/control/me", "/files/no"])
async def test_answers_for_people_carry_the_headers_that_protect_them(
    sandbox: Sandbox, path: str
) -> None:
    headers = {"Authorization": f"Bearer {sandbox.control_token}"}

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(sandbox.url + path) as response,
    ):
        given = response.headers

    assert given["Content-Security-Policy"] == CONTENT_POLICY
    assert given["X-Content-Type-Options"] == "nosniff"
    assert given["Referrer-Policy"] == "no-referrer"
    assert given["Cache-Control"] == "no-store"
    assert given["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_policy_lets_nothing_in_from_outside() -> None:
    assert CONTENT_POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


async def test_exactly_the_files_of_the_page_are_served(sandbox: Sandbox) -> None:
    folder = resources.files("duologue.transport.sandbox") / "page"
    there = {file.name for file in folder.iterdir()}

    answers = {
        name: await _ask(sandbox, "GET", f"/page/{name}", {}) for name in sorted(there)
    }

    assert there == set(TYPES)
    assert {status for status, _ in answers.values()} == {200}


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/nothing.js",
        "/page/../_page.py",
        "/page/..%2f_page.py",
        "/page/%2e%2e/_page.py",
        "/page/%2fetc%2fpasswd",
        "/page/..%5c_page.py",
        "/page/app.js%00.css",
    ],
)
async def test_nothing_else_can_be_asked_for(sandbox: Sandbox, path: str) -> None:
    status, _ = await _ask(sandbox, "GET", path, {})

    assert status in {401, 404}


async def test_the_page_is_there_without_a_token_and_knows_none(
    sandbox: Sandbox,
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(sandbox.url) as response,
    ):
        text = await response.text()

    assert (response.status, response.content_type) == (200, "text/html")
    assert sandbox.control_token not in text
    assert sandbox.token not in text
    assert "http://" not in text
    assert "https://" not in text


async def test_at_all_addresses_page_and_control_door_are_named_as_they_answer() -> (
    None
):
    everywhere = "0.0.0.0"  # noqa: S104  # all of them
    async with Sandbox(host=everywhere) as sandbox, aiohttp.ClientSession() as client:
        async with client.get(sandbox.page_url) as page:
            status = page.status
        user = await sandbox.control().add_user("Ann")

    assert (status, user > 0) == (200, True)
    assert sandbox.page_url.startswith(f"http://127.0.0.1:{sandbox.port}/#")
    assert sandbox.control_url == f"http://127.0.0.1:{sandbox.port}/control"


async def test_the_address_of_the_page_ends_with_the_token(sandbox: Sandbox) -> None:
    assert sandbox.page_url == f"{sandbox.url}/#token={sandbox.control_token}"


async def test_a_token_of_any_kind_fits_into_the_address() -> None:
    async with Sandbox(control_token="a b#c&d") as sandbox:  # noqa: S106 - made up here
        assert sandbox.page_url.endswith("/#token=a%20b%23c%26d")


async def test_the_page_does_not_count_as_a_request_of_the_bot(
    sandbox: Sandbox,
) -> None:
    await _ask(sandbox, "GET", "/", {})

    assert await sandbox.control().requests() == []
