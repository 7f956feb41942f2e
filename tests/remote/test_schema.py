"""The door against its own description: whatever that allows is answered as it says."""

from __future__ import annotations

import asyncio
import sys

import pytest

from duologue.testing import Playground
from duologue.transport._server import serve
from duologue.transport.http import AccessTokens
from duologue.transport.http._tokens import new_token
from tests.dialogs.test_told import Shop, shop

pytestmark = [pytest.mark.real_time, pytest.mark.slow]

SCOPES = ("tell:*", "ask:*", "dialog:*", "message:*")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


async def test_the_door_does_what_its_description_says() -> None:
    pytest.importorskip("schemathesis")
    secret, token = new_token("shop", SCOPES)
    async with Playground(shop()) as chat:
        await (await chat.dialog(1).start(Shop.cart)).drawn()
        door = chat.runtime.refs(AccessTokens([token]), strangers=True)
        async with serve(door) as place:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"{place.url}/v1/openapi.json",
                *("--header", f"Authorization: Bearer {secret}"),
                *("--checks", CHECKS, "--max-examples", "25", "--seed", "1"),
                *("--phases", "examples,coverage,fuzzing"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
        chat.take_errors()

    assert process.returncode == 0, said.decode()[-6000:]
    assert "3 passed" in said.decode()
