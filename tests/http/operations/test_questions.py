"""What an operation asks for is shown to whoever watches it, and answered over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from duologue.actors import Operation, Workers
from tests.http.operations.conftest import Client, named


async def ask(operation: Operation) -> object:
    operation.report(0.5, "half")
    return await operation.ask("Which month?")


async def test_an_operation_that_asks_is_answered_once(
    program: Client, workers: Workers
) -> None:
    place = f"/operations/{(await workers.start(ask)).id}"
    await asyncio.sleep(1)

    asking = await program.get(place)
    links = asking["links"]
    assert isinstance(links, dict)
    answered = await program.ask(
        "POST", links["answer"].removeprefix("/actions"), {"answer": "May"}
    )
    await asyncio.sleep(1)
    ended = await program.get(place)
    late = await program.ask("POST", f"{place}/answer", {"answer": "June"})

    assert (asking["state"], asking["isActive"]) == ("input_required", True)
    assert (asking["question"], asking["text"]) == ("Which month?", "Which month?")
    assert (answered.status, answered["state"]) == (200, "running")
    assert (answered["question"], answered["text"]) == ("", "half")
    assert (ended["result"], ended["links"]) == (
        "May",
        {name: to for name, to in links.items() if name != "answer"}
        | {"result": f"/actions{place}/result"},
    )
    assert late.status == 409


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("importer", {"answer": "May"}, 200),
        ("importer", {"say": "May"}, 422),
        ("watcher", {"answer": "May"}, 404),  # it is not theirs
    ],
)
async def test_an_answer_needs_its_field_and_the_right_to_start(
    program: Client, workers: Workers, who: str, body: dict[str, str], status: int
) -> None:
    worker = await workers.start(ask, owner="importer")
    await asyncio.sleep(1)

    said = await named(program, who).ask(
        "POST", f"/operations/{worker.id}/answer", body
    )

    assert said.status == status
