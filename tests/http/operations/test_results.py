"""Results as files, as JSON, and those that are neither."""

from __future__ import annotations

import pytest

from duologue.actors import Workers
from tests.http.operations.conftest import Client


async def _given(result: object, workers: Workers, program: Client) -> Client:
    async def give() -> object:
        return result

    worker = await workers.start(give, id="the-one")
    await worker.finished()
    return program


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF1234WEBP", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"<script>", "application/octet-stream"),
        (
            {"content_type": "text/csv; charset=utf-8", "data": "a,b"},
            "text/csv; charset=utf-8",
        ),
        ({"content_type": "image/svg+xml", "data": b"<svg/>"}, "image/svg+xml"),
    ],
)
async def test_a_file_has_its_type_and_is_not_taken_for_another(
    workers: Workers, program: Client, result: object, kind: str
) -> None:
    await _given(result, workers, program)

    said = await program.get("/operations/the-one/result")

    assert (said.status, said.headers["Content-Type"]) == (200, kind)
    assert said.headers["X-Content-Type-Options"] == "nosniff"
    inline = kind.startswith("image/")
    assert said.headers["Content-Disposition"] == ("inline" if inline else "attachment")
    assert said.headers["Content-Security-Policy"].startswith("sandbox;")


async def test_a_file_may_have_a_name_in_any_language(
    workers: Workers, program: Client
) -> None:
    file = {"content_type": "text/csv", "data": "a", "name": "отчёт \r\n.csv"}
    await _given(file, workers, program)

    said = await program.get("/operations/the-one/result")

    assert said.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82%20%0D%0A.csv"
    )


@pytest.mark.parametrize(
    "result",
    [
        {"content_type": "text/html\r\nX: y", "data": "a"},
        {"content_type": "text/csv", "data": 7},
        {"content_type": "text/csv"},
        {"a": [1, None, "ä"]},
        None,
    ],
)
async def test_everything_else_that_can_be_is_json(
    workers: Workers, program: Client, result: object
) -> None:
    await _given(result, workers, program)

    told = await program.get("/operations/the-one")
    said = await program.get("/operations/the-one/result")

    assert (told["result"], told["result_type"]) == (result, "application/json")
    assert said.headers["Content-Type"].startswith("application/json")


async def test_a_long_result_is_told_of_and_not_sent_with_each_answer(
    workers: Workers, program: Client
) -> None:
    await _given("x" * 20_000, workers, program)

    told = await program.get("/operations/the-one")
    said = await program.get("/operations/the-one/result")

    assert (told["result"], told["result_type"]) == (None, "application/json")
    assert len(said.body) > 20_000


@pytest.mark.parametrize("result", [object(), float("nan"), {1: {2}}])
async def test_what_is_neither_is_not_sent(
    workers: Workers, program: Client, result: object
) -> None:
    await _given(result, workers, program)

    told = await program.get("/operations/the-one")
    said = await program.get("/operations/the-one/result")

    assert (told["state"], told["result_type"]) == ("succeeded", None)
    assert "result" not in str(told["links"])
    assert said.status == 406
