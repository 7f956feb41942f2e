"""The description of the door, as OpenAPI 3.1 has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from duologue.messages import tag_of
from duologue.messages._recipients import Recipients
from duologue.messages._schemas import schema_of

Allows: TypeAlias = Callable[[str, str], bool]

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_REFUSALS: Final[Mapping[str, str]] = {
    "400": "It is no CloudEvent, or the path is no ref.",
    "401": "No token and no signature, or a wrong one.",
    "403": "The scopes of the token do not name it.",
    "404": "There is no such actor.",
    "409": "No dialog is open, or it has moved on.",
    "410": "Its time was over before its turn.",
    "413": "It is larger than 64 KiB.",
    "415": "The body is of another type.",
    "422": "Nobody takes this type, or its data has another shape.",
    "429": "The mailbox is full; send it again later with the same id.",
    "500": "The handler failed.",
    "503": "The bot does not run, or its engine does not answer; send it again later.",
    "504": "There was no answer in time.",
}
_ATTRIBUTES: Final[dict[str, object]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1, "maxLength": 200},
    "source": {"type": "string", "minLength": 1, "maxLength": 200},
    "type": {"type": "string", "minLength": 1, "maxLength": 200},
    "subject": {"type": "string", "minLength": 1, "maxLength": 200},
    "time": {"type": "string", "format": "date-time"},
    "expiretime": {"type": "string", "format": "date-time"},
    "datacontenttype": {"const": "application/json"},
    "data": {},
}
_EVENT: Final[dict[str, object]] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": _ATTRIBUTES,
}


def described(recipients: Recipients, allows: Allows) -> dict[str, object]:
    """Describe the door.

    Args:
        recipients: Whom messages reach.
        allows: Which types are described: those that the caller may send.
    """
    schemas: dict[str, object] = {}
    tags: dict[bool, list[str]] = {}
    for asked in (False, True):
        found = tags[asked] = list[str]()
        for cls in recipients.classes(asked=asked):
            tag = tag_of(cls)
            if tag not in found and (
                tag.startswith("duologue.") or allows("message", tag)
            ):
                found.append(tag)
                schemas[tag] = schema_of(cls)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Messages to actors", "version": "1"},
        "paths": {
            "/v1/actors/{type}/{key}/messages": {
                "post": _operation(
                    "Tell an actor something", tags[False], "202", "Accepted"
                )
            },
            "/v1/actors/{type}/{key}/asks": {
                "post": _operation("Ask an actor", tags[True], "200", "Answer")
            },
            "/v1/receipts/{token}": {
                "get": {
                    "summary": "Tell what became of a message",
                    "parameters": [_path("token"), _PREFER],
                    "responses": _responses({"200": "Outcome", "202": "Accepted"}),
                }
            },
            "/v1/openapi.json": {
                "get": {
                    "summary": "This description",
                    "responses": _responses({"200": "Description"}),
                }
            },
        },
        "components": {
            "schemas": {**_SCHEMAS, **schemas},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "webhook-signature",
                    "description": "As Standard Webhooks has it, with `webhook-id` and "
                    "`webhook-timestamp`",
                },
            },
        },
        "security": [{"token": []}, {"signature": []}],
    }


_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=10` to wait so many seconds for the outcome; "
    "`respond-async` to be told where to ask for it later",
    "schema": {"type": "string"},
}
_BINARY: Final = [
    {
        "name": f"ce-{name}",
        "in": "header",
        "description": f"The attribute `{name}`, where the body is `application/json`",
        "schema": {"type": "string"},
    }
    for name in ("id", "source", "type", "specversion", "time", "expiretime")
]
_SCHEMAS: Final[dict[str, object]] = {
    "Event": _EVENT,
    "Problem": {
        "type": "object",
        "required": ["title", "status", "detail"],
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "error": {"type": "string"},
            "values": {"type": "array"},
        },
    },
    "Accepted": {"type": "object"},
    "Outcome": {
        "type": "object",
        "required": ["id", "status"],
        "properties": {
            "id": {"type": "string"},
            "status": {"enum": ["committed", "covered", "duplicate", "answered"]},
            "version": {"type": "integer"},
        },
    },
    "Answer": {
        "type": "object",
        "required": ["id", "status", "data"],
        "properties": {"id": {"type": "string"}, "type": {}, "data": {}},
    },
    "Description": {"type": "object"},
}


def _operation(
    summary: str, tags: list[str], status: str, answer: str
) -> dict[str, object]:
    event: dict[str, object] = {
        **_EVENT,
        "properties": {**_ATTRIBUTES, "type": {"enum": sorted(tags)}},
        "allOf": [_data(tag) for tag in sorted(tags)],
    }
    content: dict[str, object] = {"application/cloudevents+json": {"schema": event}}
    # In binary mode the body is the data, and the attributes are headers.
    content["application/json"] = {"schema": {}}
    answers = {status: answer}
    if answer == "Accepted":
        batch: dict[str, object] = {"type": "array", "maxItems": 100, "items": event}
        content["application/cloudevents-batch+json"] = {"schema": batch}
        answers["200"] = "Outcome"
    return {
        "summary": summary,
        "parameters": [_path("type"), _path("key"), _PREFER, *_BINARY],
        "requestBody": {"required": True, "content": content},
        "responses": _responses(answers),
    }


def _data(tag: str) -> dict[str, object]:
    return {
        "if": {"properties": {"type": {"const": tag}}},
        "then": {"properties": {"data": {"$ref": f"#/components/schemas/{tag}"}}},
    }


def _path(name: str) -> dict[str, object]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    }


def _responses(answers: Mapping[str, str]) -> dict[str, object]:
    given = {
        status: {
            "description": schema,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{schema}"}
                }
            },
        }
        for status, schema in answers.items()
    }
    refused = {
        status: {
            "description": said,
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        }
        for status, said in _REFUSALS.items()
    }
    return {**given, **refused}
