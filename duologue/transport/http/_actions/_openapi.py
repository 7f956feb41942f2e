"""What a door says of itself: an OpenAPI 3.1 document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from duologue.actors import WorkerState
from duologue.transport.http._actions._offers import Offer

Json: TypeAlias = dict[str, object]

_NUMBER: Json = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT: Json = {"type": "string"}
_DATE: Json = {"type": ["string", "null"], "format": "date-time"}
_MAYBE: Json = {"type": ["number", "null"]}
_OPERATION: Json = {
    "type": "object",
    "description": "An operation. `text`, `value`, `isActive` and `alive` are m3's.",
    "required": ["text", "value", "isActive", "alive", "state"],
    "properties": {
        "text": _TEXT,
        "value": _NUMBER,
        "isActive": {"type": "boolean"},
        "alive": {"type": "boolean"},
        "indeterminate": {"type": "boolean"},
        "id": _TEXT,
        "name": _TEXT,
        "kind": _TEXT,
        "state": {
            "type": "string",
            "enum": ["idle", *(state.value for state in WorkerState)],
        },
        "revision": {"type": "integer"},
        "run": _TEXT,
        "attempt": {"type": "integer"},
        "current": _MAYBE,
        "total": _MAYBE,
        "unit": _TEXT,
        "stage": _TEXT,
        "rate": _MAYBE,
        "eta": _MAYBE,
        "cancellable": {"type": "boolean"},
        "children": {"type": "array", "items": {"type": "object"}},
        "reason": _TEXT,
        "stopped_by": _TEXT,
        "question": _TEXT,
        "error": {
            "type": ["object", "null"],
            "properties": {"type": _TEXT, "message": _TEXT, "traceback": _TEXT},
        },
        "created_at": _DATE,
        "started_at": _DATE,
        "updated_at": _DATE,
        "heartbeat_at": _DATE,
        "finished_at": _DATE,
        "expires_at": _DATE,
        "poll_after_ms": {"type": "integer"},
        "result": True,
        "result_type": {"type": ["string", "null"]},
        "links": {"type": "object", "additionalProperties": _TEXT},
    },
}
_PROBLEM: Json = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
    },
}
_ID: Json = {"name": "id", "in": "path", "required": True, "schema": _TEXT}


def document(offers: Sequence[Offer], base: str) -> Json:
    """Describe a door.

    Args:
        offers: What it offers.
        base: Where it is mounted.
    """
    paths: Json = {
        "/operations": {
            "get": _get(
                "List the operations of the owner, the newest first.",
                _answers("200", _content(_listed())),
                _query("state", _TEXT),
                _query("name", _TEXT),
                _query("owner", _TEXT),
            ),
            "post": _start(offers),
        },
        "/operations/{id}": {
            "parameters": [_ID],
            "get": _get(
                "Tell how far an operation is, or stream its events.",
                _answers("200", _status(), "304", "303", "404", "410"),
                _query("then", {"const": "result"}),
                _header("Prefer", "wait=N: wait up to 30 seconds for the end"),
                _header("If-None-Match", "the ETag that is known"),
            ),
            "delete": _cancel("cancel_by_delete"),
        },
        "/operations/{id}/events": {
            "parameters": [_ID],
            "get": _get(
                "Follow an operation to its end.",
                _answers("200", {"text/event-stream": {"schema": _TEXT}}, "204", "503"),
                _header("Last-Event-ID", "the last event that was seen"),
            ),
        },
        "/operations/{id}/cancel": {
            "parameters": [_ID],
            "post": _cancel("cancel"),
        },
        "/operations/{id}/answer": {
            "parameters": [_ID],
            "post": _answer(),
        },
        "/operations/{id}/result": {
            "parameters": [_ID],
            "get": _get(
                "Give the result: a file as such, everything else as JSON.",
                _answers("200", {"*/*": {"schema": True}}, "404", "406", "409", "410"),
            ),
        },
    }
    for offer in offers:
        paths[offer.url] = _slot(offer)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Operations", "version": "1"},
        "servers": [{"url": base or "/"}],
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": {"Operation": _OPERATION, "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "duologue-actions",
                },
            },
        },
    }


def _start(offers: Sequence[Offer]) -> Json:
    wishes = [
        {
            "type": "object",
            "title": offer.name,
            "description": offer.text,
            "required": ["name"],
            "properties": {
                "name": {"const": offer.name},
                "boundary": _TEXT,
                "parameters": _parameters(offer),
            },
        }
        for offer in offers
    ]
    schema: Json = {"oneOf": wishes} if wishes else {"type": "object"}
    return {
        "summary": "Start an operation.",
        "operationId": "start",
        "parameters": [
            _header("Idempotency-Key", "starts once, however often it is sent"),
            _header("Prefer", "respond-async, wait=N"),
        ],
        "requestBody": {"required": True, "content": _content(schema)},
        "responses": _answers("202", _content(_operation()), "200", "422", "429"),
    }


def _slot(offer: Offer) -> Json:
    fields: Json = {
        "type": "object",
        "required": ["command"],
        "properties": {
            "command": {"enum": ["start", "stop", "ping", "request", "result"]},
            "boundary": _TEXT,
            "parameters": _parameters(offer),
        },
    }
    form = {"application/x-www-form-urlencoded": {"schema": fields}}
    return {
        "get": _get(
            f"Tell how far {offer.name} is.",
            _answers("200", _content(_operation())),
            _query("boundary", _TEXT),
        ),
        "post": {
            "summary": f"Start, stop or ask about {offer.name}, as pages of m3 do.",
            "requestBody": {"required": True, "content": {**_content(fields), **form}},
            "responses": _answers("200", _content(_operation()), "400", "409", "429"),
        },
    }


def _parameters(offer: Offer) -> Json:
    if offer.parameters is None:
        return {"type": "object"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [one.name for one in offer.parameters if one.is_required],
        "properties": {
            one.name: {"type": one.type} if one.type else {} for one in offer.parameters
        },
    }


def _cancel(name: str) -> Json:
    return {
        "summary": "Ask an operation to stop.",
        "operationId": name,
        "requestBody": {
            "content": _content({"type": "object", "properties": {"reason": _TEXT}})
        },
        "responses": _answers(
            "202", _content(_operation()), "200", "404", "409", "410"
        ),
    }


def _answer() -> Json:
    fields: Json = {
        "type": "object",
        "required": ["answer"],
        "properties": {"answer": True},
    }
    return {
        "summary": "Answer what an operation asks for, while it is input_required.",
        "operationId": "answer",
        "requestBody": {"required": True, "content": _content(fields)},
        "responses": _answers(
            "200", _content(_operation()), "404", "409", "410", "422"
        ),
    }


def _get(summary: str, responses: Json, *parameters: Json) -> Json:
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": responses,
    }


def _answers(status: str, content: Mapping[str, object], *more: str) -> Json:
    listed: Json = {status: {"description": "so it is", "content": content}}
    for other in ("401", "403", *more):
        is_problem = other.startswith(("4", "5"))
        listed[other] = {
            "description": "a problem document" if is_problem else "as HTTP means it",
            **({"content": _problem()} if is_problem else {}),
        }
    return listed


def _content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _problem() -> Json:
    return {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


def _operation() -> Json:
    return {"$ref": "#/components/schemas/Operation"}


def _status() -> Json:
    return {**_content(_operation()), "text/event-stream": {"schema": _TEXT}}


def _listed() -> Json:
    return {
        "type": "object",
        "required": ["operations", "total"],
        "properties": {
            "operations": {"type": "array", "items": _operation()},
            "total": {"type": "integer"},
        },
    }


def _query(name: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "schema": schema}


def _header(name: str, description: str) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": _TEXT}
