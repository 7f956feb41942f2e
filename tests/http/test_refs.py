"""The door for other programs, over real sockets: what it takes, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest
from aiohttp import web

from duologue.actors import Engine, MemoryEngine
from duologue.dialogs import Dispatcher
from duologue.errors import EngineUnavailableError, RuntimeSettingError
from duologue.messages import Signer
from duologue.messages._recipients import Result
from duologue.messages._signatures import sign, signed_content
from duologue.testing import Playground
from duologue.transport._server import serve
from duologue.transport.http import AccessToken, AccessTokens
from duologue.transport.http._refs._access import _is_loopback
from duologue.transport.http._refs._receipts import Receipts
from duologue.transport.http._tokens import new_token
from tests.dialogs.test_told import Shop, shop
from tests.messages.shop import GetCart

pytestmark = pytest.mark.real_time

ALL = ("tell:dialog/*", "ask:dialog/*", "dialog:dialog/*", "message:*")
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  # of this test
EVENT: Mapping[str, object] = {
    "specversion": "1.0",
    "id": "1",
    "source": "//shop",
    "type": "shop.order_paid.v1",
    "data": {"order": 7},
}


class Answer:
    """An answer: its status, what it says, and its headers."""

    def __init__(self, status: int, said: object, headers: Mapping[str, str]) -> None:
        self.status = status
        self.said: dict[str, object] = said if isinstance(said, dict) else {}
        self.headers = headers

    def __repr__(self) -> str:
        return f"<{self.status} {self.said}>"


class Shopkeeper:
    """Another program, which knows where the door is."""

    def __init__(self, chat: Playground, http: aiohttp.ClientSession, url: str) -> None:
        self.chat = chat
        self.http = http
        self.url = url
        self.token = ""

    async def post(  # all that a request may be
        self,
        event: object = None,
        *,
        ref: str = "dialog/test.1:1:1",
        to: str = "messages",
        kind: str = STRUCTURED,
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        sent = {
            "Content-Type": kind,
            **{n.replace("_", "-"): v for n, v in headers.items()},
        }
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        data = json.dumps({**EVENT} if event is None else event).encode()
        url = f"{self.url}/v1/actors/{ref}/{to}"
        async with self.http.post(
            url, data=data if body is None else body, headers=sent
        ) as answer:
            return Answer(
                answer.status, await answer.json(content_type=None), answer.headers
            )

    async def get(self, path: str, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        async with self.http.get(self.url + path, headers=sent) as answer:
            return Answer(
                answer.status, await answer.json(content_type=None), answer.headers
            )

    async def cart(self) -> object:
        """What the dialog answers."""
        event = {**EVENT, "type": "shop.get_cart.v1", "data": {}}
        return (await self.post(event, to="asks")).said["data"]


@asynccontextmanager
async def shopkeeper(
    http: aiohttp.ClientSession,
    *scopes: str,
    dispatcher: Dispatcher | None = None,
    engine: Engine | None = None,
    signers: tuple[Signer, ...] = (),
    strangers: bool = False,
) -> AsyncGenerator[Shopkeeper]:
    secret, token = new_token("shop", scopes or ALL)
    engine = MemoryEngine() if engine is None else engine
    async with Playground(dispatcher or shop(), engine=engine) as chat:
        app = web.Application()
        tokens = AccessTokens([token])
        door = chat.runtime.refs(tokens, signers=signers, strangers=strangers)
        app.add_subapp("/refs", door)
        async with serve(app) as place:
            await (await chat.dialog(1).start(Shop.cart)).drawn()
            keeper = Shopkeeper(chat, http, f"{place.url}/refs")
            keeper.token = secret
            yield keeper


async def test_a_message_in_each_mode_is_one_turn_of_the_dialog(
    http: aiohttp.ClientSession,
) -> None:
    async with shopkeeper(http) as shop:
        structured = await shop.post()
        binary = await shop.post(
            kind="application/json",
            body=b'{"order": 8, "total": "2.50"}',
            ce_id="2%20",
            ce_source="//shop",
            ce_type="shop.order_paid.v1",
            ce_specversion="1.0",
            traceparent="00-1",
        )
        batch = await shop.post(
            [{**EVENT, "id": "3", "data": {"order": n}} for n in (9, 10)]
            + [{**EVENT, "id": "4", "data": {"order": 11}}],
            kind=BATCH,
        )

        assert (structured.status, structured.said) == (
            202,
            {"id": "1", "status": "accepted"},
        )
        assert (binary.status, binary.said["id"]) == (202, "2 ")
        assert [batch.status, batch.said] == [
            202,
            {
                "accepted": [
                    {"id": "3", "status": "accepted"},
                    {"id": "3", "status": "accepted"},
                    {"id": "4", "status": "accepted"},
                ]
            },
        ]
        assert await shop.cart() == {"items": ["7", "8", "9", "11"]}


async def test_what_comes_again_is_a_duplicate_and_handled_once(
    http: aiohttp.ClientSession,
) -> None:
    async with shopkeeper(http) as shop:
        first, again = await shop.post(), await shop.post()
        waited = await shop.post(Prefer="wait=5")

        assert (first.said["status"], again.said["status"]) == ("accepted", "duplicate")
        assert (waited.status, waited.said["status"]) == (200, "duplicate")
        assert await shop.cart() == {"items": ["7"]}


async def test_who_wants_to_know_waits_for_the_commit(
    http: aiohttp.ClientSession,
) -> None:
    async with shopkeeper(http) as shop:
        waited = await shop.post(Prefer="respond-async, wait=5")
        closed = await shop.post(
            {**EVENT, "id": "2", "type": "duologue.done.v1", "data": {}},
            Prefer="wait=5",
        )

        assert (waited.status, waited.said["status"]) == (200, "committed")
        assert closed.status == 200, closed
        late = await shop.post({**EVENT, "id": "9"}, Prefer="wait=5")
        assert (late.status, late.said["error"]) == (409, "NoContextError")
        assert late.said["values"] == ["dialog/test.1:1:1"]


async def test_an_outcome_may_be_asked_for_later(http: aiohttp.ClientSession) -> None:
    begin, go_on = asyncio.Event(), asyncio.Event()
    dispatcher = shop()

    @dispatcher.told.outer_middleware
    async def slowly(handler, event, data):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        begin.set()
        await go_on.wait()
        return await handler(event, data)

    async with shopkeeper(http, dispatcher=dispatcher) as shopper:
        accepted = await shopper.post(Prefer="respond-async")
        path = accepted.headers["Location"].removeprefix("/refs")
        await begin.wait()
        still = await shopper.get(path)
        go_on.set()
        done = await shopper.get(path, Prefer="wait=5")
        unknown = await shopper.get("/v1/receipts/none")

        assert (accepted.status, still.status, done.status) == (202, 202, 200)
        assert done.said["status"] == "committed"
        assert (unknown.status, unknown.said["error"]) == (404, "OutcomeUnknownError")


async def test_a_question_is_answered_or_its_time_is_over(
    http: aiohttp.ClientSession,
) -> None:
    go_on = asyncio.Event()
    dispatcher = Dispatcher()

    @dispatcher.asked(GetCart)
    async def cart(_: GetCart) -> str:
        await go_on.wait()
        return "late"

    question = {**EVENT, "type": "shop.get_cart.v1", "data": {}}
    secret, token = new_token("shop", ALL)
    async with Playground(dispatcher) as chat:
        door = chat.runtime.refs(AccessTokens([token]), strangers=True)
        async with serve(door) as place:
            keeper = Shopkeeper(chat, http, place.url)
            keeper.token = secret
            late = await keeper.post(question, to="asks", Prefer="wait=1")
            second = asyncio.get_running_loop().create_task(
                keeper.post(
                    {**question, "expiretime": "2026-01-01T00:00:00Z"}, to="asks"
                )
            )
            await asyncio.sleep(0.05)
            go_on.set()
            expired = await second
            await chat.settled()

            assert (late.status, late.said["error"]) == (504, "AskTimeoutError")
            assert (expired.status, expired.said["error"]) == (
                410,
                "MessageExpiredError",
            )
            assert chat.counts.of("messages_told", outcome="late") == 1


def tell(**fields: object) -> dict[str, object]:
    return {**EVENT, **fields}


@pytest.mark.parametrize(
    ("event", "more", "status", "error"),
    [
        (tell(specversion="0.3"), {}, 400, "EnvelopeError"),
        (tell(subject="dialog/test.1:2:2"), {}, 400, "EnvelopeError"),
        (tell(), {"ref": "dialog/a%20b"}, 400, "InvalidRefError"),
        (tell(), {"body": b"{"}, 400, "EnvelopeError"),
        (tell(), {"body": b"[]"}, 400, "EnvelopeError"),
        (tell(), {"ref": "dialog/test.1:2:2"}, 404, "UnknownRefError"),
        (tell(), {"ref": "dialog/test.1"}, 404, "UnknownRefError"),
        (tell(data="x" * 65536), {}, 413, "MessageTooLargeError"),
        (tell(), {"kind": "text/plain"}, 415, "Unsupported"),
        (tell(), {"kind": "application/json"}, 415, "Unsupported"),
        (tell(type="shop.unknown.v1"), {}, 422, "UnknownMessageError"),
        (tell(data={"order": "7"}), {}, 422, "MessageShapeError"),
        (
            tell(type="duologue.start.v1", data={"state": "?"}),
            {},
            422,
            "UnknownStateError",
        ),
        (tell(type="duologue.update.v1", data=[]), {}, 422, "MessageShapeError"),
        ([tell()], {"to": "asks", "kind": BATCH}, 422, "UnknownMessageError"),
        ([tell(), tell()], {"to": "asks", "kind": BATCH}, 400, "EnvelopeError"),
        (tell(), {"to": "asks"}, 422, "UnknownMessageError"),
        (tell(data={"order": -1}), {"Prefer": "wait=9"}, 500, "ValueError"),
        (
            tell(expiretime="2026-01-01T00:00:00Z"),
            {"Prefer": "wait=9"},
            410,
            "MessageExpiredError",
        ),
    ],
)
async def test_bad_input_has_a_typed_answer(
    http: aiohttp.ClientSession,
    event: object,
    more: dict[str, str],
    status: int,
    error: str,
) -> None:
    async with shopkeeper(http) as shop:
        refused = await shop.post(event, **more)  # type: ignore[arg-type] # of the table

        assert (refused.status, refused.said["error"]) == (status, error)
        assert refused.said["detail"]
        assert refused.headers["Content-Type"].startswith("application/problem+json")
        assert await shop.cart() == {"items": []}


async def test_the_place_of_what_is_wrong_is_a_json_pointer(
    http: aiohttp.ClientSession,
) -> None:
    async with shopkeeper(http) as shop:
        refused = await shop.post(tell(data={"order": "7"}))

        assert refused.said["values"] == [
            "shop.order_paid.v1",
            "/order",
            "a whole number belongs here",
        ]


async def test_an_empty_batch_is_nothing(http: aiohttp.ClientSession) -> None:
    async with shopkeeper(http) as shop:
        assert (await shop.post([], kind=BATCH)).said == {"accepted": []}


async def test_a_full_mailbox_and_an_engine_that_is_away_ask_for_later(
    http: aiohttp.ClientSession,
) -> None:
    class Away(MemoryEngine):
        is_away = False

        @property
        def durable(self) -> bool:
            return False

        async def enqueue(self, letters) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
            if self.is_away:
                raise EngineUnavailableError(letters[0].key, "it is away")
            await super().enqueue(letters)

    go_on, engine, dispatcher = asyncio.Event(), Away(capacity=1), shop()

    @dispatcher.told.outer_middleware
    async def slowly(handler, event, data):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        await go_on.wait()
        return await handler(event, data)

    async with shopkeeper(http, engine=engine, dispatcher=dispatcher) as shopper:
        answers = [await shopper.post(tell(id=str(n))) for n in range(2)]
        engine.is_away = True
        answers.append(await shopper.post(tell(id="3")))
        engine.is_away = False
        go_on.set()

        assert [one.status for one in answers] == [202, 429, 503]
        assert [one.headers.get("Retry-After") for one in answers] == [None, "1", "5"]
        again = await shopper.post(tell(id="1"))
        assert again.said["status"] == "accepted"


async def test_a_caller_brings_as_many_messages_as_the_rate_allows(
    http: aiohttp.ClientSession,
) -> None:
    pairs = [new_token(name, ALL) for name in ("shop", "bank")]
    async with Playground(shop()) as chat:
        await (await chat.dialog(1).start(Shop.cart)).drawn()
        tokens = AccessTokens([token for _, token in pairs])
        async with serve(chat.runtime.refs(tokens, rate=0.5)) as place:
            shopper, bank = (Shopkeeper(chat, http, place.url) for _ in pairs)
            shopper.token, bank.token = (secret for secret, _ in pairs)
            answers = [await shopper.post(tell(id=str(n))) for n in range(2)]
            asked = await shopper.post(tell(), to="asks")
            other = await bank.post(tell(id="9"))

    assert [one.status for one in (*answers, asked, other)] == [202, 429, 429, 202]
    assert answers[1].headers["Retry-After"] == "2"
    assert answers[1].said["error"] == "TooMany"
    with pytest.raises(RuntimeSettingError, match="rate="):
        chat.runtime.refs(tokens, rate=0)


async def test_a_door_without_a_runtime_asks_for_later(
    http: aiohttp.ClientSession,
) -> None:
    chat = Playground(shop())
    secret, token = new_token("shop", ALL)
    door = chat.runtime.refs(AccessTokens([token]))
    async with serve(door) as place:
        keeper = Shopkeeper(chat, http, place.url)
        keeper.token = secret
        before = await keeper.post()
        async with chat:
            await chat.say(1, "hello")
            await chat.settled()
            during = await keeper.post()
        after = await keeper.post(tell(id="2"))

        assert [one.status for one in (before, during, after)] == [503, 202, 503]


async def test_nobody_comes_in_without_a_token(http: aiohttp.ClientSession) -> None:
    async with shopkeeper(http) as shop:
        for given in ("Bearer no", "Basic c2hvcDo=", "Bearer", "Bearer é"):
            refused = await shop.post(Authorization=given)
            assert (refused.status, refused.headers["WWW-Authenticate"]) == (
                401,
                "Bearer",
            )
        shop.token = ""
        assert (await shop.post()).status == 401
        assert (
            shop.chat.counts.of("messages_offered", source="http", outcome="forbidden")
            == 5
        )


async def test_a_token_that_has_expired_opens_nothing(
    http: aiohttp.ClientSession,
) -> None:
    async with Playground(shop()) as chat:
        secret, token = new_token("shop", ALL, expires_at=time.time() - 1)
        async with serve(chat.runtime.refs(AccessTokens([token]))) as place:
            keeper = Shopkeeper(chat, http, place.url)
            keeper.token = secret
            assert (await keeper.post()).status == 401


VERBS: Mapping[str, tuple[Mapping[str, object], str]] = {
    "tell": ({}, "messages"),
    "call": ({"type": "duologue.update.v1", "data": {"data": {}}}, "messages"),
    "ask": ({"type": "shop.get_cart.v1", "data": {}}, "asks"),
}
NEEDED = {
    "tell": {"tell:dialog/test.1:1:1", "message:shop.order_paid.v1"},
    "call": {"dialog:dialog/test.1:1:1"},
    "ask": {"ask:dialog/test.1:1:1", "message:shop.get_cart.v1"},
}
OTHERS = [
    "tell:dialog/test.1:1:1",
    "tell:dialog/test.1:*",
    "tell:dialog/test.2:*",
    "tell:state/*",
    "ask:dialog/test.1:1:1",
    "ask:dialog/test.1:1:2*",
    "dialog:dialog/test.1:1:1",
    "dialog:dialog/test.11:*",
    "message:shop.order_paid.v1",
    "message:shop.get_cart.v1",
    "message:shop.order*",
    "message:*",
    "operations.read:*",
    "operations.cancel:*",
    "state.read:*",
    "state.write:*",
]


async def test_a_token_reaches_what_its_scopes_name_and_nothing_else(
    http: aiohttp.ClientSession,
) -> None:
    async with shopkeeper(http) as shopper:
        tokens: list[AccessToken] = []
        secrets: dict[tuple[str, ...], str] = {}
        pairs: list[tuple[str, ...]] = [(one,) for one in OTHERS]
        pairs += [(one, two) for one in OTHERS for two in OTHERS if one < two]
        for pair in pairs:
            secrets[pair], token = new_token("shop", pair)
            tokens.append(token)
        door = shopper.chat.runtime.refs(AccessTokens(tokens))
        async with serve(door) as place:
            shopper.url = place.url
            for number, pair in enumerate(pairs):
                shopper.token = secrets[pair]
                token = tokens[number]
                for verb, (fields, to) in VERBS.items():
                    may = all(
                        token.allows(*needed.split(":", 1)) for needed in NEEDED[verb]
                    )
                    event = {**EVENT, "id": f"{number}{verb}", **fields}
                    answer = await shopper.post(event, to=to)
                    assert (answer.status < 300) is may, (pair, verb, answer)
                    assert may or answer.status == 403


async def test_a_batch_is_taken_whole_or_not_at_all(
    http: aiohttp.ClientSession,
) -> None:
    async with shopkeeper(http, *ALL[:2], *ALL[3:]) as shop:
        call = tell(id="2", type="duologue.update.v1", data={"data": {}})
        refused = await shop.post([tell(), call], kind=BATCH)

        assert refused.status == 403
        assert await shop.cart() == {"items": []}


def signed(
    body: bytes, *, at: float | None = None, secret: str = SECRET
) -> dict[str, str]:
    when = str(int(time.time() if at is None else at))
    return {
        "webhook_id": "msg1",
        "webhook_timestamp": when,
        "webhook_signature": f"v1,other {sign(secret, signed_content('msg1', when, body))}",
    }


SIGNED = json.dumps({**EVENT, "id": "msg1"}).encode()
PLAIN = b'{"type": "shop.order_paid.v1", "timestamp": "", "data": {"order": 7}}'


async def test_a_signed_message_needs_no_token(http: aiohttp.ClientSession) -> None:
    signers = (Signer("bank", [SECRET], ALL),)
    async with shopkeeper(http, signers=signers) as shop:
        token, shop.token = shop.token, ""
        event = await shop.post(body=SIGNED, **signed(SIGNED))
        again = await shop.post(body=SIGNED, **signed(SIGNED))
        plain = await shop.post(body=PLAIN, kind="application/json", **signed(PLAIN))

        assert (event.status, again.said["status"]) == (202, "duplicate")
        assert plain.said == {"id": "msg1", "status": "accepted"}
        shop.token = token
        assert await shop.cart() == {"items": ["7", "7"]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (signed(SIGNED + b" "), 401),
        (signed(SIGNED, secret="another secret of many bytes"), 401),  # noqa: S106  # wrong
        (signed(SIGNED) | {"webhook_signature": "v1,"}, 401),
        (signed(SIGNED) | {"webhook_timestamp": "soon"}, 401),
        (signed(SIGNED) | {"webhook_timestamp": "9" * 20}, 401),
        (signed(SIGNED) | {"webhook_id": "msg2"}, 401),
    ],
)
async def test_what_is_not_signed_by_a_signer_is_refused(
    http: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    async with shopkeeper(http, signers=(Signer("bank", [SECRET], ALL),)) as shop:
        shop.token = ""
        assert (await shop.post(body=SIGNED, **headers)).status == status


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_a_clock_that_is_five_minutes_off_is_refused(
    http: aiohttp.ClientSession, seconds: int
) -> None:
    async with shopkeeper(http, signers=(Signer("bank", [SECRET], ALL),)) as shop:
        shop.token = ""
        headers = signed(SIGNED, at=time.time() + seconds)
        refused = await shop.post(body=SIGNED, **headers)

        assert (refused.status, refused.said["error"]) == (401, "SignatureError")
        assert "300 are allowed" in str(refused.said["detail"])


async def test_the_signed_id_is_that_of_the_event(http: aiohttp.ClientSession) -> None:
    async with shopkeeper(http, signers=(Signer("bank", [SECRET], ALL),)) as shop:
        shop.token = ""
        body = json.dumps({**EVENT, "id": "other"}).encode()
        no_object = await shop.post(
            body=b"[]", kind="application/json", **signed(b"[]")
        )

        assert (await shop.post(body=body, **signed(body))).status == 400
        assert no_object.status == 400
        no_type = await shop.post(body=b"{}", kind="application/json", **signed(b"{}"))
        assert no_type.status == 400


async def test_a_signer_reaches_what_its_scopes_name(
    http: aiohttp.ClientSession,
) -> None:
    signers = (Signer("bank", [SECRET], ("tell:dialog/test.2:*", "message:*")),)
    async with shopkeeper(http, signers=signers) as shop:
        shop.token = ""
        assert (await shop.post(body=SIGNED, **signed(SIGNED))).status == 403


def test_a_door_that_nobody_could_come_in_by_is_refused() -> None:
    with pytest.raises(RuntimeSettingError, match="nobody could come in"):
        Playground(shop()).runtime.refs()


async def test_without_tokens_only_programs_of_this_machine_come_in(
    http: aiohttp.ClientSession,
) -> None:
    async with Playground(shop()) as chat:
        door = chat.runtime.refs(loopback=True, strangers=True)
        async with serve(door) as place:
            keeper = Shopkeeper(chat, http, place.url)
            assert (await keeper.post()).status == 202
            proxied = await keeper.post(X_Forwarded_For="192.0.2.1")
            assert proxied.status == 401
            assert (await keeper.post(Authorization="Bearer x")).status == 401


@contextmanager
def _public_address() -> Iterator[str]:
    import socket  # noqa: PLC0415

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            yield str(probe.getsockname()[0])
        except OSError:
            pytest.skip("this machine has no address but its own")


async def test_a_door_on_a_public_address_without_a_token_is_closed(
    http: aiohttp.ClientSession,
) -> None:
    with _public_address() as host:
        async with Playground(shop()) as chat:
            door = chat.runtime.refs(loopback=True, strangers=True)
            async with serve(door, host=host) as place:
                assert (await Shopkeeper(chat, http, place.url).post()).status == 401


async def test_the_door_describes_itself_to_whoever_may_come_in(
    http: aiohttp.ClientSession,
) -> None:
    async with shopkeeper(http, "tell:*", "message:shop.order*") as shop:
        found = await shop.get("/v1/openapi.json")
        shop.token = "no"  # noqa: S105  # that is the point
        assert (await shop.get("/v1/openapi.json")).status == 401

        text = json.dumps(found.said)
        assert found.said["openapi"] == "3.1.0"
        assert "shop.order_paid.v1" in text
        assert "shop.get_cart.v1" not in text


async def test_only_so_many_outcomes_are_remembered() -> None:
    receipts = Receipts(most=2)

    async def outcome() -> Result:
        await asyncio.sleep(0)
        return Result("committed", 1)

    tokens = [receipts.add("shop", str(n), outcome()) for n in range(3)]

    assert [receipts.get(token, "shop") is None for token in tokens] == [
        True,
        False,
        False,
    ]
    assert receipts.get(tokens[2], "bank") is None
    await receipts.close()


@pytest.mark.parametrize(
    ("end", "is_it"),
    [
        (("127.0.0.1", 1), True),
        (("::1%lo", 1, 0, 0), True),
        (("192.0.2.1", 1), False),
        ("/run/door.sock", False),
        (None, False),
    ],
)
def test_this_machine_is_known_by_both_ends(end: object, is_it: object) -> None:
    assert _is_loopback(end) is is_it
