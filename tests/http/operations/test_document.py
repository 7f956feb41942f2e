"""What the door says of itself is a valid document, and true."""

from __future__ import annotations

import re

from openapi_schema_validator import validate as validate_value
from openapi_spec_validator import validate

from tests.http.operations.conftest import Client


async def test_the_document_is_valid_and_has_a_schema_that_operations_meet(
    program: Client,
) -> None:
    document = (await program.get("/openapi.json")).json
    begun = await program.start("count", parameters={"rows": 1})
    ended = await program.get(f"/operations/{begun['id']}", Prefer="wait=9")
    idle = await program.get("/waiting")

    validate(document)
    components = document["components"]
    assert isinstance(components, dict)
    for said in (begun, ended, idle):
        validate_value(said.json, components["schemas"]["Operation"])
    assert set(ended.json) == set(components["schemas"]["Operation"]["properties"])
    assert document["servers"] == [{"url": "/actions"}]


async def test_the_document_knows_the_parameters_of_a_task(program: Client) -> None:
    document = (await program.get("/openapi.json")).json
    paths = document["paths"]
    assert isinstance(paths, dict)
    body = paths["/operations"]["post"]["requestBody"]["content"]["application/json"]
    wishes = {one["title"]: one for one in body["schema"]["oneOf"]}

    assert wishes["count"]["properties"]["parameters"] == {
        "type": "object",
        "additionalProperties": False,
        "required": ["rows"],
        "properties": {"rows": {"type": "integer"}, "word": {"type": "string"}},
    }
    assert wishes["count"]["description"].startswith("Count rows")


async def test_the_door_has_every_path_of_the_document(program: Client) -> None:
    document = (await program.get("/openapi.json")).json
    paths = document["paths"]
    assert isinstance(paths, dict)
    begun = await program.start("waiting")

    for path, verbs in paths.items():
        real = re.sub(r"\{id\}", str(begun["id"]), path)
        refused = await program.ask("PATCH", real)
        allowed = set(refused.headers["Allow"].lower().split(", ")) - {"head"}
        assert allowed == set(verbs) - {"parameters"}, path
