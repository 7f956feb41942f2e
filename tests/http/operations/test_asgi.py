"""The same door in an ASGI application, spoken to as its servers do."""

from __future__ import annotations

import json

import pytest
from fastapi import FastAPI

from duologue import Runtime
from duologue.transport.http import ActionsASGI, actions_cookie, get_action_url
from tests.asgi import Browser, Message
from tests.http.operations.conftest import OFFERED, TOKEN

BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    app = FastAPI()
    door = ActionsASGI(runtime, OFFERED, token=TOKEN, path="/ops/actions")
    app.mount("/ops/actions", door)
    return app


async def test_an_operation_runs_from_start_to_result(app: FastAPI) -> None:
    body = json.dumps({"name": "count", "parameters": {"rows": 3}}).encode()
    kind = {"content-type": "application/json"}
    begun = await Browser(app).ask(
        "POST", "/ops/actions/operations", body, headers=BEARER | kind
    )
    place = begun.headers["location"]
    told = await Browser(app).ask("GET", f"{place}/events", headers=BEARER)
    result = await Browser(app).ask("GET", f"{place}/result", headers=BEARER)

    assert begun.status == 202
    assert place == f"/ops/actions/operations/{begun.json['id']}"
    assert told.headers["content-type"].startswith("text/event-stream")
    assert told.body.count(b"data: ") == 4
    assert result.body == b'"3 rows"\n'
    assert get_action_url("count") == "/ops/actions/count"


async def test_a_stream_ends_when_the_browser_leaves(app: FastAPI) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    begun = await Browser(app).ask(
        "POST",
        "/ops/actions/waiting",
        b"command=start&boundary=b",
        headers=BEARER | form,
    )
    told = await Browser(app).ask(
        "GET",
        f"/ops/actions/operations/{begun.json['id']}/events",
        until=lambda body: b"data: " in body,
        headers=BEARER,
    )

    assert b'"waiting"' in told.body


async def test_a_page_is_known_by_its_cookie(app: FastAPI, runtime: Runtime) -> None:
    cookie = f"duologue-actions={actions_cookie(TOKEN, owner='alice')}"
    page = {"cookie": cookie, "host": "bot.example", "origin": "https://bot.example"}
    begun = await Browser(app).ask(
        "POST", "/ops/actions/waiting", b"command=start", headers=page
    )
    foreign = await Browser(app).ask(
        "POST",
        "/ops/actions/waiting",
        b"command=start",
        headers={**page, "origin": "https://evil.example"},
    )
    broken = await Browser(app).ask(
        "GET", "/ops/actions/waiting", headers={"cookie": "a=\x01"}
    )

    assert begun.status == 200
    assert [one.snapshot.kind for one in runtime.workers.of("alice")] == ["Wait"]
    assert (foreign.status, broken.status) == (401, 401)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b"[]", {"content-type": "application/json"}, 400),
        (b"\xff", {}, 400),
        (b"x" * 20_000, {}, 413),
        (b"x", {"content-encoding": "gzip"}, 415),
        (b"x", {"content-type": "multipart/form-data; boundary=x"}, 415),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    app: FastAPI, body: bytes, headers: dict[str, str], status: int
) -> None:
    said = await Browser(app).ask(
        "POST", "/ops/actions/waiting", body, headers=BEARER | headers
    )

    assert said.status == status
    assert said.headers["content-type"].startswith("application/problem+json")


async def test_what_is_no_request_is_left_alone(runtime: Runtime) -> None:
    async def never(*_: object) -> Message:
        raise AssertionError

    door = ActionsASGI(runtime, OFFERED, token=TOKEN)

    await door({"type": "websocket"}, never, never)  # type: ignore[arg-type]  # it does nothing


async def test_a_door_that_is_closed_streams_no_more(
    app: FastAPI, runtime: Runtime
) -> None:
    door = ActionsASGI(runtime, OFFERED, token=TOKEN)
    app.mount("/closed", door)
    begun = await Browser(app).ask(
        "POST", "/closed/waiting", b"command=start", headers=BEARER
    )
    door.close()
    told = await Browser(app).ask(
        "GET", f"/closed/operations/{begun.json['id']}/events", headers=BEARER
    )

    assert told.status == 503
