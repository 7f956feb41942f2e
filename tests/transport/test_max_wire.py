"""What goes over the wire, seen by servers that say what the sandbox never says."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from duologue.dialogs import CallbackButton, LinkButton, View
from duologue.errors import (
    BadRequestError,
    ForbiddenError,
    MessageGoneError,
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    UnauthorizedError,
    UnexpectedAnswerError,
)
from duologue.transport._server import serve
from duologue.transport.max import Bot, Subscription


class Wire:
    """Gives one answer to everything, and keeps what it was asked."""

    def __init__(
        self,
        status: int = 200,
        body: object = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[object] = []
        self._status = status
        self._text = body if isinstance(body, str) else json.dumps(body)
        self._headers = headers or {}

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.bodies.append(await request.json() if request.can_read_body else None)
        return web.Response(status=self._status, text=self._text, headers=self._headers)


@asynccontextmanager
async def talking_to(wire: Wire) -> AsyncGenerator[Bot, None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", wire.handle)
    async with serve(app) as address:
        bot = Bot("s3cret", base_url=address.url)
        yield bot
        await bot.close()


OK: dict[str, object] = {"success": True}


async def test_the_token_travels_in_a_header_and_never_in_the_address() -> None:
    wire = Wire(body=OK)

    async with talking_to(wire) as bot:
        await bot.delete_now(1, "mid.1")

    assert wire.requests[0].headers["Authorization"] == "s3cret"
    assert "s3cret" not in str(wire.requests[0].url)


async def test_an_answer_without_end_is_not_read_to_the_end() -> None:
    wire = Wire(body="x" * (16 * 1024 * 1024 + 1))

    async with talking_to(wire) as bot:
        with pytest.raises(UnexpectedAnswerError, match="more than 16777216 bytes"):
            await bot.me()


async def test_a_long_complaint_does_not_fill_the_log() -> None:
    wire = Wire(500, {"code": "proto", "message": "no " * 100_000})

    async with talking_to(wire) as bot:
        with pytest.raises(MessengerUnavailableError, match="proto: no no") as caught:
            await bot.me()

    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"code": "s3cret", "message": "for s3cret"},
        {"success": False, "message": "x" * 497 + "s3cret"},
        '{"success": false, "message": "\\u0073\\u0033cret"}',
        "x" * 117 + "s3cret",
        "it is s3cret",
    ],
    ids=["json", "cut json", "escaped", "cut text", "text"],
)
async def test_the_token_is_in_no_error_whatever_the_messenger_says(
    status: int, body: object
) -> None:
    async with talking_to(Wire(status, body)) as bot:
        try:
            await bot.me()
        except MessengerError as error:
            told = "".join(traceback.format_exception(error))
        else:
            told = ""

    assert "s3c" not in told


async def test_a_redirect_is_not_followed() -> None:
    wire = Wire(302, headers={"Location": "/elsewhere"})

    async with talking_to(wire) as bot:
        with pytest.raises(UnexpectedAnswerError, match="302"):
            await bot.me()

    assert len(wire.requests) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[]", "[" * 100_000])
async def test_an_answer_that_is_no_object_is_unexpected(body: str) -> None:
    async with talking_to(Wire(200, body)) as bot:
        with pytest.raises(UnexpectedAnswerError, match="not a JSON object"):
            await bot.send_now(1, View("text"))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "proto.payload", BadRequestError),
        (400, "chat.not.found", MessageGoneError),
        (401, "verify.token", UnauthorizedError),
        (401, None, UnauthorizedError),
        (403, "access.denied", ForbiddenError),
        (403, "verify.token", UnauthorizedError),
        (404, "not.found", MessageGoneError),
        (405, None, BadRequestError),
        (408, None, MessengerUnavailableError),
        (422, "comments.timeout_exceeded", BadRequestError),
        (429, "too.many.requests", RateLimitedError),
        (400, "too.many.requests", RateLimitedError),
        (500, "internal.error", MessengerUnavailableError),
        (503, "service.unavailable", MessengerUnavailableError),
        (502, None, MessengerUnavailableError),
        (204, None, UnexpectedAnswerError),
    ],
)
async def test_each_refusal_has_its_error(
    status: int, code: str | None, expected: type[MessengerError]
) -> None:
    wire = Wire(status, "" if code is None else {"code": code, "message": "because"})

    async with talking_to(wire) as bot:
        with pytest.raises(MessengerError, match=code or str(status)) as caught:
            await bot.send_now(1, View("text"))

    assert type(caught.value) is expected
    assert caught.value.method == "POST /messages"


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "3"}, {"retry_after": 9}, 3.0),
        ({}, {"retry_after": 9}, 9.0),
        ({}, {}, 1.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {}, 1.0),
        ({"Retry-After": "-5"}, {}, 1.0),
        ({"Retry-After": "nan"}, {"retry_after": "inf"}, 1.0),
        ({}, {"retry_after": 10**400}, 1.0),
        ({"Retry-After": "999999999"}, {}, 3600.0),
    ],
)
async def test_the_time_to_wait_is_taken_from_where_it_stands(
    headers: dict[str, str], body: object, seconds: float
) -> None:
    async with talking_to(Wire(429, body, headers)) as bot:
        with pytest.raises(RateLimitedError) as caught:
            await bot.send_now(1, View("text"))

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [
        "<html>maintenance</html>",
        "[]",
        "null",
        {},
        {"message": {"body": {"mid": None}}},
    ],
)
async def test_an_answer_without_an_id_for_the_message_is_unexpected(
    body: object,
) -> None:
    async with talking_to(Wire(body=body)) as bot:
        with pytest.raises(UnexpectedAnswerError, match="POST /messages"):
            await bot.send_now(1, View("text"))


GROUP: dict[str, object] = {"chat_id": -7, "type": "chat"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, r"GET /chats/\{chatId\}"),
        ({"chat_id": "-7", "type": "chat"}, r"GET /chats/\{chatId\}"),
        ({**GROUP, "dialog_with_user": {}}, r"GET /chats/\{chatId\}"),
        ({**GROUP, "members": "Ann"}, r"GET /chats/\{chatId\}/members"),
        ({**GROUP, "members": [{"name": "Ann"}]}, r"GET /chats/\{chatId\}/members"),
    ],
)
async def test_a_look_up_that_names_no_chat_or_no_people_is_unexpected(
    body: dict[str, object], named: str
) -> None:
    async with talking_to(Wire(body=body)) as bot:
        with pytest.raises(UnexpectedAnswerError, match=named):
            await bot.look_up_now(-7, 5)


async def test_a_look_up_takes_nobody_else_for_the_member() -> None:
    wire = Wire(body={**GROUP, "members": [None, {"user_id": 6, "first_name": "Bob"}]})

    async with talking_to(wire) as bot:
        with pytest.raises(BadRequestError, match="user 5 is no member"):
            await bot.look_up_now(-7, 5)

    assert [request.query_string for request in wire.requests] == ["", "user_ids=5"]


@pytest.mark.parametrize(
    "body", [{}, {"updates": None}, {"updates": [], "marker": "5"}, {"updates": {}}]
)
async def test_a_poll_without_a_list_and_a_number_is_unexpected(body: object) -> None:
    async with talking_to(Wire(body=body)) as bot:
        with pytest.raises(UnexpectedAnswerError, match="GET /updates"):
            await bot.get_updates(marker=1, limit=1, timeout=0, types=None)


async def test_a_place_without_a_bot_api_is_unexpected_not_a_missing_message() -> None:
    async with talking_to(Wire(404, "Not Found")) as bot:
        with pytest.raises(UnexpectedAnswerError, match="GET /me"):
            await bot.start()


async def test_a_bot_without_a_number_is_unexpected() -> None:
    async with talking_to(Wire(body={"first_name": "Bot"})) as bot:
        with pytest.raises(UnexpectedAnswerError, match="user_id"):
            await bot.start()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("not.found", MessageGoneError),
        ("access.denied", ForbiddenError),
        ("too.many.requests", RateLimitedError),
        ("service.unavailable", MessengerUnavailableError),
        ("proto.payload", BadRequestError),
    ],
)
async def test_a_failure_inside_a_success_is_the_error_of_its_code(
    code: str, kind: type[MessengerError]
) -> None:
    wire = Wire(body={"success": False, "code": code, "message": "why"})

    async with talking_to(wire) as bot:
        with pytest.raises(MessengerError, match=f"{code}: why") as caught:
            await bot.delete_now(1, "mid.1")

    assert type(caught.value) is kind


async def test_a_failure_of_an_upload_host_inside_a_success_is_a_bad_request() -> None:
    wire = Wire(body={"error_code": 4, "error_data": "INVALID"})

    async with talking_to(wire) as bot:
        with pytest.raises(BadRequestError, match="4: INVALID"):
            await bot.delete_now(1, "mid.1")


async def test_a_bot_is_asked_who_it_is_only_once() -> None:
    wire = Wire(body={"user_id": 7, "name": "Bot", "is_bot": True})

    async with talking_to(wire) as bot:
        await bot.start()
        await bot.start()
        shown = repr(bot)

    assert len(wire.requests) == 1
    assert "id=7" in shown


async def test_a_poll_says_exactly_what_it_wants() -> None:
    wire = Wire(body={"updates": [], "marker": 5})

    async with talking_to(wire) as bot:
        await bot.get_updates(marker=4, limit=9, timeout=3.0, types=["a", "b"])
        await bot.get_updates(marker=None, limit=1, timeout=0.0, types=None)

    first, second = (dict(request.query) for request in wire.requests)
    assert first == {"marker": "4", "limit": "9", "timeout": "3", "types": "a,b"}
    assert second == {"limit": "1", "timeout": "0"}


async def test_a_poll_asks_for_no_more_than_the_messenger_gives() -> None:
    wire = Wire(body={"updates": []})

    async with talking_to(wire) as bot:
        await bot.get_updates(marker=None, limit=1000, timeout=90.0, types=None)

    assert dict(wire.requests[0].query) == {"limit": "100", "timeout": "30"}


async def test_links_are_left_unexpanded_where_the_view_says_so() -> None:
    wire = Wire(body={"message": {"body": {"mid": "mid.1"}}})
    quiet = View("text", show_link_preview=False)

    async with talking_to(wire) as bot:
        await bot.send_now(1, quiet)
        await bot.answer_now(1, "press", view=quiet)
        await bot.send_now(1, View("text"))

    flags = [request.query.get("disable_link_preview") for request in wire.requests]
    assert flags == ["true", "true", None]


async def test_what_a_chat_shares_goes_out_with_a_mark_where_there_is_room() -> None:
    wire = Wire(body={"message": {"body": {"mid": "mid.1"}}})

    async with talking_to(wire) as bot:
        for view in (
            View("text"),
            View("text", is_shared=True),
            View("t" * 3999, is_shared=True),
        ):
            await bot.send_now(1, view)

    texts = [body["text"] for body in wire.bodies if isinstance(body, dict)]
    assert texts == ["text", "text\u2063\u2064", "t" * 3999]


async def test_buttons_go_out_in_the_documented_form() -> None:
    wire = Wire(body=OK)
    view = View(
        "t", ((CallbackButton("A", "a"), LinkButton("B", "https://b.example")),)
    )

    async with talking_to(wire) as bot:
        await bot.edit_now(1, "mid.1", view)

    buttons = [
        [
            {"type": "callback", "text": "A", "payload": "a"},
            {"type": "link", "text": "B", "url": "https://b.example"},
        ]
    ]
    assert wire.bodies[0] == {
        "text": "t",
        "attachments": [{"type": "inline_keyboard", "payload": {"buttons": buttons}}],
    }


async def test_webhooks_are_listed() -> None:
    hook = {"url": "https://a.example", "time": 1, "update_types": None}
    narrow = {"url": "https://b.example", "time": 2, "update_types": ["bot_started"]}

    async with talking_to(Wire(body={"subscriptions": [hook, narrow]})) as bot:
        found = await bot.subscriptions()

    assert found == (
        Subscription("https://a.example"),
        Subscription("https://b.example", ("bot_started",)),
    )


async def test_webhooks_that_cannot_be_read_are_unexpected() -> None:
    async with talking_to(Wire(body={"subscriptions": [{"url": 1}]})) as bot:
        with pytest.raises(UnexpectedAnswerError, match="url"):
            await bot.subscriptions()


async def test_a_bot_asked_too_often_for_itself_does_not_pause_a_chat() -> None:
    async with talking_to(Wire(429, {})) as bot:
        with pytest.raises(RateLimitedError):
            await bot.get_updates(marker=None, limit=1, timeout=0, types=None)

        assert bot.ready_now(1)


class Slow(Wire):
    """Gets the first request late, and keeps when it got each."""

    def __init__(self, late_by: float) -> None:
        super().__init__(body={"message": {"body": {"mid": "mid.1"}}})
        self.arrivals: list[float] = []
        self._late_by = late_by

    async def handle(self, request: web.Request) -> web.Response:
        delay, self._late_by = self._late_by, 0.0
        await asyncio.sleep(delay)
        self.arrivals.append(asyncio.get_running_loop().time())
        return await super().handle(request)


async def test_a_call_that_arrives_late_does_not_break_the_limit_of_its_chat() -> None:
    wire = Slow(late_by=0.15)

    async with talking_to(wire) as bot:
        for number in range(4):
            await bot.ready(1, "send")
            await bot.send_now(1, View(str(number)))

    first, _, third, fourth = wire.arrivals
    assert third - first > 1
    assert fourth - third < 1
