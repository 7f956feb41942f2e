"""A bot whose messenger brings the updates: in an application, and as a program."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from duologue import Dispatcher, LongPolling, Runtime, Webhook
from duologue.dialogs import CommentCreated, MessageCreated
from duologue.errors import (
    BadRequestError,
    RuntimeSettingError,
    UnauthorizedError,
    WebhookSetError,
)
from duologue.testing import RecordingBot
from duologue.transport._server import serve
from duologue.transport.max import Bot, Subscription
from duologue.transport.sandbox import Control, FaultKind, Sandbox
from tests.webhooks.conftest import HEADER, SECRET, delivered, has_webhook

ENGINES = ["memory", "sqlite"]


def message(text: str, number: int = 1) -> dict[str, object]:
    """An update of a private chat, as MAX writes it."""
    user = {"user_id": 7, "name": "Ann", "first_name": "Ann", "is_bot": False}
    return {
        "update_type": "message_created",
        "timestamp": number,
        "message": {
            "recipient": {"chat_id": 500, "chat_type": "dialog", "user_id": 1},
            "timestamp": number,
            "body": {"mid": f"mid.{number}", "seq": number, "text": text},
            "sender": user,
        },
    }


class Caller:
    """Calls a webhook as the messenger does, or as somebody else."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def __call__(
        self, body: object, *, secret: str | None = SECRET, data: bytes | None = None
    ) -> int:
        headers = {} if secret is None else {HEADER: secret}
        sent = BytesIO(json.dumps(body).encode() if data is None else data)
        async with self.session.post(self.url, headers=headers, data=sent) as response:
            self.headers = response.headers
            return response.status


@asynccontextmanager
async def mounted(runtime: Runtime, bot: Bot) -> AsyncGenerator[Caller]:
    """Mount the webhook of a bot, without starting the runtime."""
    app = web.Application()
    app.add_subapp("/max", runtime.webhook(bot, secret=SECRET))
    async with serve(app) as place, aiohttp.ClientSession() as session:
        yield Caller(session, f"{place.url}/max")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def runtime(dispatcher: Dispatcher, bot: Bot, engine: str, tmp_path: Path) -> Runtime:
    return Runtime(dispatcher, [bot], engine=engine, state_dir=tmp_path)


async def test_a_dialog_goes_by_webhook_from_its_start_to_a_press(
    runtime: Runtime, bot: Bot, control: Control, ann: int
) -> None:
    async with mounted(runtime, bot) as call, runtime:
        await bot.subscribe(call.url, secret=SECRET)

        said = await control.say(ann, "/start")
        shown = await control.wait_for(lambda entry: entry.text == "pressed 0")
        await control.click(ann, str(shown.message_id), text="+")
        await control.wait_for(lambda entry: entry.text == "pressed 1")
        await delivered(control, 2)

    assert said.chat_id == shown.chat_id
    assert [one.attempts for one in await control.deliveries()] == [(200,), (200,)]


async def test_a_webhook_with_an_address_is_set_for_what_is_handled(
    dispatcher: Dispatcher, bot: Bot, control: Control, ann: int, tmp_path: Path
) -> None:
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    app = web.Application()
    async with serve(app) as place:
        url = f"{place.url}/max"
        door = runtime.webhook(bot, url=url)
        answers = web.Application()
        answers.add_subapp("/max", door)
    async with serve(answers, port=place.port), runtime:
        await control.say(ann, "too early, perhaps")
        await has_webhook(control)
        await control.say(ann, "hello")
        await control.wait_for(lambda entry: entry.text == "heard hello")

    (hook,) = await control.webhooks()
    assert hook.url == url
    assert hook.has_secret
    assert set(hook.update_types) == {"message_created", "message_callback"}
    assert ("GET", "/updates") not in {
        (one.method, one.path) for one in await control.requests()
    }


@pytest.mark.parametrize("secret", [None, "", "wrong-secret", "wrong-\u043a\u043b"])
async def test_whoever_does_not_know_the_secret_stays_outside(
    runtime: Runtime, bot: Bot, heard: list[str], secret: str | None
) -> None:
    async with mounted(runtime, bot) as call, runtime:
        status = await call(message("let me in"), secret=secret)
        await runtime.settled()

    assert status == 401
    assert heard == []


async def test_what_is_brought_twice_is_handled_once(
    runtime: Runtime, bot: Bot, heard: list[str]
) -> None:
    async with mounted(runtime, bot) as call, runtime:
        statuses = [await call(message("once")) for _ in range(3)]
        await runtime.settled()

    assert statuses == [200, 200, 200]
    assert heard == ["once"]


async def test_in_memory_a_delivery_waits_for_its_turn_and_comes_again_after_25_s(
    dispatcher: Dispatcher, bot: Bot, heard: list[str], tmp_path: Path
) -> None:
    runtime = Runtime(dispatcher, [bot], engine="memory", state_dir=tmp_path)
    now = asyncio.get_running_loop().time
    async with mounted(runtime, bot) as call, runtime:
        began = now()
        first = await call(message("wait 28"))
        waited = now() - began
        second = await call(message("wait 28"))
        in_all = now() - began

    assert (first, second) == (503, 200)
    assert waited == pytest.approx(25, abs=0.5)
    assert in_all == pytest.approx(28, abs=0.5)
    assert heard == ["wait 28"]


async def test_on_a_durable_engine_no_delivery_waits_for_a_turn(
    dispatcher: Dispatcher, bot: Bot, heard: list[str], tmp_path: Path
) -> None:
    runtime = Runtime(dispatcher, [bot], engine="sqlite", state_dir=tmp_path)
    now = asyncio.get_running_loop().time
    async with mounted(runtime, bot) as call, runtime:
        began = now()
        statuses = [await call(message(f"wait {n}", n)) for n in (3, 4)]
        took = now() - began
        await runtime.settled()

    assert statuses == [200, 200]
    assert took < 1
    assert heard == ["wait 3", "wait 4"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"update_type": 5}',
        b'{"update_type": "message_created", "timestamp": 1, "message": {}}',
        b'{"update_type": "of_tomorrow", "timestamp": 1}',
    ],
)
async def test_what_nobody_can_read_is_set_aside_and_does_not_come_again(
    runtime: Runtime, bot: Bot, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    async with mounted(runtime, bot) as call, runtime:
        statuses = [await call(None, data=body) for _ in range(2)]

    assert statuses == [200, 200]
    assert caplog.text.count("was set aside") == 1


async def test_a_runtime_that_does_not_run_asks_to_come_again(
    runtime: Runtime, bot: Bot
) -> None:
    async with mounted(runtime, bot) as call:
        before = await call(message("early"))
        async with runtime:
            during = await call(message("now", 2))
        after, headers = await call(message("late", 3)), call.headers

    assert (before, during, after) == (503, 200, 503)
    assert headers["Retry-After"] == "5"
    assert headers["Connection"] == "close"  # the next one may find another process


async def test_too_long_and_compressed_bodies_are_refused(
    runtime: Runtime, bot: Bot
) -> None:
    async with mounted(runtime, bot) as call, runtime:
        long = await call(None, data=b" " * (1024 * 1024 + 1))
        async with call.session.post(
            call.url,
            data=b"x",
            headers={HEADER: SECRET, "Content-Encoding": "gzip"},
        ) as response:
            compressed = response.status

    assert (long, compressed) == (413, 415)


async def test_a_body_that_does_not_end_is_given_up(runtime: Runtime, bot: Bot) -> None:
    async with mounted(runtime, bot) as call, runtime:
        _, _, place = call.url.partition("://")
        host, _, port = place.partition("/")[0].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /max HTTP/1.1\r\nHost: x\r\n{HEADER}: {SECRET}\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        answer = await reader.read()
        writer.close()

    assert b" 408 " in answer.splitlines()[0]


async def test_a_connection_that_says_nothing_is_closed() -> None:
    app = web.Application()
    async with serve(app, silence=20) as place:
        reader, writer = await asyncio.open_connection(place.host, place.port)
        began = asyncio.get_running_loop().time()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow:")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()

    assert asyncio.get_running_loop().time() - began == pytest.approx(20, abs=1)


async def test_an_engine_that_is_away_asks_to_come_again(
    dispatcher: Dispatcher, bot: Bot, tmp_path: Path
) -> None:
    runtime = Runtime(dispatcher, [bot], engine="sqlite", state_dir=tmp_path)
    async with mounted(runtime, bot) as call, runtime:
        runtime.engine.close()
        status = await call(message("hello"))

    assert status == 503


async def test_a_webhook_that_is_dropped_is_set_again(
    dispatcher: Dispatcher,
    bot: Bot,
    control: Control,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        await asyncio.sleep(1)
        await control.drop_webhooks()
        await asyncio.sleep(301)
        hooks = await control.webhooks()

    assert [hook.url for hook in hooks] == ["https://bot.example/max"]
    assert "max has dropped the webhook of max.777001" in caplog.text


async def test_a_webhook_that_somebody_sets_for_other_types_is_set_again(
    dispatcher: Dispatcher,
    bot: Bot,
    control: Control,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = "https://bot.example/max"
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url=url)
    async with runtime:
        await asyncio.sleep(1)
        (before,) = await control.webhooks()
        await bot.subscribe(url, types=["bot_stopped"])
        await asyncio.sleep(301)
        after = await control.webhooks()

    assert [hook.update_types for hook in after] == [before.update_types]
    assert "other types of updates" in caplog.text


class Forgetful(Bot):
    """A bot whose messenger brings less than it was asked for."""

    async def subscriptions(self) -> tuple[Subscription, ...]:
        return tuple(
            Subscription(one.url, ("message_callback",))
            for one in await super().subscriptions()
        )


async def test_types_that_the_messenger_does_not_list_are_told_once(
    dispatcher: Dispatcher,
    sandbox: Sandbox,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Forgetful(sandbox.token, base_url=sandbox.url)
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        await asyncio.sleep(601)

    told = [one for one in caplog.messages if "does not list message_created" in one]
    assert len(told) == 1
    assert "set again" not in caplog.text


async def test_a_webhook_that_cannot_be_set_yet_is_tried_again(
    dispatcher: Dispatcher, bot: Bot, control: Control, tmp_path: Path
) -> None:
    await control.fault(FaultKind.STATUS, path="/subscriptions", seconds=20)
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        await asyncio.sleep(120)
        hooks = await control.webhooks()

    assert len(hooks) == 1


async def test_a_messenger_that_asks_for_a_pause_is_left_alone_so_long(
    dispatcher: Dispatcher, bot: Bot, control: Control, tmp_path: Path
) -> None:
    await control.fault(
        FaultKind.STATUS, path="/subscriptions", status=429, retry_after=200, count=1
    )
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        await asyncio.sleep(190)
        before = await control.webhooks()
        await asyncio.sleep(20)
        after = await control.webhooks()

    assert (len(before), len(after)) == (0, 1)


async def test_another_webhook_of_the_bot_is_told_without_its_secrets(
    dispatcher: Dispatcher,
    bot: Bot,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await bot.subscribe("https://shop.example/very-secret")
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        await asyncio.sleep(1)

    assert "brings the updates of max.777001 to shop.example, too" in caplog.text
    assert "very-secret" not in caplog.text


async def test_a_webhook_that_the_messenger_does_not_want_ends_the_work(
    dispatcher: Dispatcher, bot: Bot, control: Control, tmp_path: Path
) -> None:
    await control.fault(
        FaultKind.STATUS, method="POST", path="/subscriptions", status=400
    )
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        with pytest.raises(BadRequestError):
            await runtime.wait()


async def test_a_token_that_is_not_known_any_more_ends_the_work(
    dispatcher: Dispatcher, bot: Bot, control: Control, tmp_path: Path
) -> None:
    await control.fault(FaultKind.STATUS, path="/subscriptions", status=401)
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        with pytest.raises(UnauthorizedError):
            await runtime.wait()


@pytest.mark.parametrize(
    "url",
    [
        "bot.example/max",
        "http://bot.example/max",
        "https://bot.example:8443/max",
        "https://bot.example/max?token=1",
        "https://bot.example/max#a",
        "https://me:pass@bot.example/max",
        "https://bot.example:x/",
        "https:///max",
        "https://bot.example/{bot}/max",
        None,
    ],
)
async def test_an_address_that_nobody_can_call_is_refused(
    dispatcher: Dispatcher, bot: Bot, url: str
) -> None:
    webhook = Webhook(dispatcher)

    with pytest.raises(RuntimeSettingError, match="url=") as refused:
        await webhook.start(bot, url=url)

    assert "pass" not in str(refused.value)


@pytest.mark.parametrize("secret", ["abc", "under_score", "a" * 257, "with space", 5])
async def test_a_secret_that_max_does_not_take_is_refused_and_not_shown(
    dispatcher: Dispatcher, bot: Bot, secret: str
) -> None:
    with pytest.raises(RuntimeSettingError, match="secret=") as refused:
        Runtime(dispatcher, [bot]).webhook(bot, secret=secret)

    assert str(secret) not in str(refused.value).replace("5 to 256", "")


async def test_what_is_no_bot_of_the_runtime_gets_no_door(
    dispatcher: Dispatcher, bot: Bot
) -> None:
    runtime = Runtime(dispatcher, [bot], polling=None)

    with pytest.raises(RuntimeSettingError, match="with bots that it has"):
        runtime.webhook(Bot("another"))
    with pytest.raises(RuntimeSettingError, match="with bots that it has"):
        runtime.webhook()
    async with runtime:
        with pytest.raises(RuntimeSettingError, match="before the runtime starts"):
            runtime.webhook(bot)


async def test_a_messenger_without_webhooks_is_named(dispatcher: Dispatcher) -> None:
    bot = RecordingBot()

    with pytest.raises(RuntimeSettingError, match="RecordingBot brings no updates"):
        Runtime(dispatcher, [bot]).webhook(bot)


async def test_two_processes_of_a_bot_have_the_same_secret_and_two_bots_have_not(
    bot: Bot, sandbox: Sandbox
) -> None:
    same, other = Bot(sandbox.token), Bot("another-token")

    assert bot.own_secret() == same.own_secret() != other.own_secret()
    assert sandbox.token not in bot.own_secret()


async def test_a_program_has_its_updates_brought_until_it_is_cancelled(  # noqa: PLR0917  # fixtures
    dispatcher: Dispatcher,
    bot: Bot,
    control: Control,
    ann: int,
    tmp_path: Path,
    unused_tcp_port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    url = f"http://127.0.0.1:{unused_tcp_port}/deep/max"
    program = Webhook(dispatcher, state_dir=tmp_path)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(program.start(bot, url=url, port=unused_tcp_port))
        await has_webhook(control)
        await control.say(ann, "hello")
        await control.wait_for(lambda entry: entry.text == "heard hello")
        task.cancel()

    assert [hook.url for hook in await control.webhooks()] == [url]
    assert f"are brought to 127.0.0.1:{unused_tcp_port}" in caplog.text


async def test_several_bots_of_a_program_have_an_address_each(
    dispatcher: Dispatcher, tmp_path: Path, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/hooks/{{bot}}"
    async with Sandbox(bot_id=1) as one, Sandbox(bot_id=2) as two:
        both = [one, two]
        bots = [Bot(each.token, base_url=each.url) for each in both]
        program = Webhook(dispatcher, state_dir=tmp_path)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(
                program.start(*bots, url=url, port=unused_tcp_port)
            )
            for number, each in enumerate(both, start=1):
                control = each.control()
                await has_webhook(control)
                ann = await control.add_user("Ann")
                await control.say(ann, f"hello {number}")
                await control.wait_for(
                    lambda entry, number=number: entry.text == f"heard hello {number}"  # type: ignore[misc]  # bound now
                )
            async with aiohttp.ClientSession() as session:
                path = f"http://127.0.0.1:{unused_tcp_port}/hooks/max.3"
                async with session.post(path) as response:
                    unknown = response.status
            task.cancel()
        hooks = [(await each.control().webhooks())[0].url for each in both]

    assert [hook.rpartition("/")[2] for hook in hooks] == ["max.1", "max.2"]
    assert unknown == 404


async def test_several_bots_need_an_address_each(dispatcher: Dispatcher) -> None:
    with pytest.raises(RuntimeSettingError, match=r"end in /\{bot\}"):
        await Webhook(dispatcher).start(
            Bot("one"), Bot("two"), url="https://bot.example/max"
        )


async def test_without_a_bot_there_is_no_program(dispatcher: Dispatcher) -> None:
    with pytest.raises(RuntimeSettingError, match="Webhook"):
        await Webhook(dispatcher).start(url="https://bot.example/max")


async def test_a_certificate_that_is_none_is_named(
    dispatcher: Dispatcher, bot: Bot, tmp_path: Path
) -> None:
    url = "https://bot.example/max"
    webhook = Webhook(dispatcher)

    with pytest.raises(RuntimeSettingError, match=r"certificate=.*nowhere.pem"):
        await webhook.start(bot, url=url, certificate=tmp_path / "nowhere.pem")
    with pytest.raises(RuntimeSettingError, match="key="):
        await webhook.start(bot, url=url, key=tmp_path / "nowhere.pem")


async def test_polling_for_a_bot_with_a_webhook_ends_and_says_where_updates_go(
    dispatcher: Dispatcher, bot: Bot, tmp_path: Path
) -> None:
    await bot.subscribe("https://bot.example/max")

    with pytest.raises(WebhookSetError, match=r"max.777001.*\(bot.example\)"):
        await LongPolling(dispatcher, state_dir=tmp_path).start(bot)


@pytest.mark.parametrize("engine", ["memory"])
async def test_two_programs_of_a_folder_may_be_brought_updates_of_one_bot(
    runtime: Runtime,
    sandbox: Sandbox,
    bot: Bot,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    other_bot = Bot(sandbox.token, base_url=sandbox.url)
    other = Runtime(Dispatcher(), [other_bot], engine="memory", state_dir=tmp_path)
    other.webhook(other_bot)
    runtime.webhook(bot)
    now = asyncio.get_running_loop().time
    began = now()
    async with runtime, other:
        took = now() - began

    assert took < 1
    assert "an update is acknowledged when its turn has ended" in caplog.text


async def test_a_comment_reaches_its_own_handler_and_no_dialog(
    bot: Bot, tmp_path: Path
) -> None:
    heard: list[str] = []
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def talk(event: MessageCreated) -> None:
        heard.append(f"message {event.text}")

    @dispatcher.comment()
    async def note(event: CommentCreated) -> None:
        heard.append(f"comment on {event.post_id}: {event.text}")

    comment = message("nice", 2)
    recipient = {"chat_id": -5, "chat_type": "channel", "post_id": "mid.post"}
    comment["message"] = {**dict(comment["message"]), "recipient": recipient}  # type: ignore[call-overload]  # it is one
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    async with mounted(runtime, bot) as call, runtime:
        await call(message("hello"))
        await call(comment)
        await runtime.settled()

    assert heard == ["message hello", "comment on mid.post: nice"]


async def test_whoever_handles_comments_has_both_of_their_types_brought(
    bot: Bot, control: Control, tmp_path: Path
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.comment()
    async def note(event: CommentCreated) -> None: ...

    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    runtime.webhook(bot, url="https://bot.example/max")
    async with runtime:
        await has_webhook(control)
        (hook,) = await control.webhooks()

    assert set(hook.update_types) == {"comment_created", "message_created"}


async def test_a_program_speaks_tls_itself_with_a_certificate(
    dispatcher: Dispatcher,
    bot: Bot,
    control: Control,
    tmp_path: Path,
    unused_tcp_port: int,
) -> None:
    certificates = Path(__file__).parents[1] / "transport/tls"
    url = f"https://127.0.0.1:{unused_tcp_port}/"
    program = Webhook(dispatcher, state_dir=tmp_path, engine="memory")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            program.start(
                bot,
                url=url,
                port=unused_tcp_port,
                certificate=certificates / "localhost.pem",
                key=certificates / "localhost.key",
            )
        )
        await has_webhook(control)
        await control.say(await control.add_user("Ann"), "hello")
        await control.wait_for(lambda entry: entry.text == "heard hello")
        task.cancel()

    assert [hook.url for hook in await control.webhooks()] == [url]
