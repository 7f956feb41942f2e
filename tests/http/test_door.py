"""The door for operators: /metrics, /livez and /readyz over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter
from prometheus_client.openmetrics.exposition import (
    CONTENT_TYPE_LATEST as OPENMETRICS_TYPE,
)
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from duologue import Dispatcher, LongPolling, Runtime
from duologue.actors import Counts
from duologue.dialogs import Bot as BotPort, MessageCreated
from duologue.errors import AddressInUseError, MetricsOffError, RegistryTakenError
from duologue.testing import RecordingBot
from duologue.transport import PollerSettings
from duologue.transport._server import serve
from duologue.transport.http import CATALOGUE, Problem, operations_application
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, FaultKind, Sandbox


def url_of(runtime: Runtime, page: str) -> str:
    """Where a page of the runtime's own door is."""
    assert runtime.metrics_url is not None
    return runtime.metrics_url.removesuffix("metrics") + page


class Health:
    """A probe that says what it is told to."""

    def __init__(self, age: float | None, *problems: Problem) -> None:
        self.age = age
        self.found = problems

    def heartbeat_age(self) -> float | None:
        return self.age

    def problems(self) -> Sequence[Problem]:
        return self.found


async def ask(
    http: aiohttp.ClientSession, health: Health, page: str
) -> tuple[int, object]:
    """Get a page of a door that has nothing to do with a runtime."""
    app = operations_application(CollectorRegistry(), health)
    async with serve(app) as place, http.get(f"{place.url}/{page}") as answer:
        return answer.status, await answer.json()


async def test_a_runtime_shows_its_metrics_where_it_says(
    dispatcher: Dispatcher, http: aiohttp.ClientSession
) -> None:
    bot = RecordingBot()
    async with Runtime(dispatcher, [bot], polling=None, metrics_port=0) as runtime:
        await runtime.accept(bot, bot.wrote(1, 1, "/start"))
        await runtime.settled()

        async with http.get(url_of(runtime, "metrics")) as answer:
            text = await answer.text()

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.headers["Cache-Control"] == "no-store"
    line = 'duologue_turns_total{dialog="Shop",outcome="committed"} 1.0'
    assert line in text.splitlines()
    assert all(f"# HELP {metric.exposed}" in text for metric in CATALOGUE.values())


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain; version=1.0.0", CONTENT_TYPE_LATEST),
        (
            "application/openmetrics-text; version=1.0.0,text/plain;q=0.5",
            "application/",
        ),
        ("application/openmetrics-text", OPENMETRICS_TYPE),
    ],
)
async def test_the_format_is_the_one_that_was_asked_for(
    http: aiohttp.ClientSession, accept: str, kind: str
) -> None:
    registry = CollectorRegistry()
    Counter("orders", "Orders.", registry=registry).inc()
    app = operations_application(registry, Health(0))

    async with serve(app) as place:
        headers = {"Accept": accept, "Accept-Encoding": ""}
        async with http.get(f"{place.url}/metrics", headers=headers) as answer:
            text = await answer.text()

    assert answer.headers["Content-Type"].startswith(kind)
    assert text.endswith("# EOF\n") is kind.startswith("application/")
    assert "orders_total 1.0" in text


async def test_a_whole_runtime_can_be_read_as_openmetrics(
    dispatcher: Dispatcher, http: aiohttp.ClientSession
) -> None:
    bot = RecordingBot()
    async with Runtime(dispatcher, [bot], polling=None, metrics_port=0) as runtime:
        await runtime.accept(bot, bot.wrote(1, 1, "/start"))
        await runtime.settled()
        headers = {"Accept": "application/openmetrics-text; version=1.0.0"}

        async with http.get(url_of(runtime, "metrics"), headers=headers) as answer:
            text = await answer.text()

    read = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # the library has no types here
    assert {one.name for one in read} == {one.exposed for one in CATALOGUE.values()}


async def test_metrics_are_compressed_for_those_who_can_read_it() -> None:
    registry = CollectorRegistry()
    Counter("orders", "Orders.", registry=registry).inc()

    async with (
        serve(operations_application(registry, Health(0))) as place,
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(f"{place.url}/metrics") as answer,
    ):
        body = await answer.read()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert b"orders_total 1.0" in gzip.decompress(body)


@pytest.mark.parametrize("page", ["metrics", "livez", "readyz"])
async def test_a_page_can_be_asked_for_without_its_body(
    http: aiohttp.ClientSession, page: str
) -> None:
    app = operations_application(CollectorRegistry(), Health(0))

    async with serve(app) as place, http.head(f"{place.url}/{page}") as answer:
        body = await answer.read()

    assert (answer.status, body) == (200, b"")


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("page", ["metrics", "livez", "readyz"])
async def test_a_page_can_only_be_looked_at(
    http: aiohttp.ClientSession, verb: str, page: str
) -> None:
    app = operations_application(CollectorRegistry(), Health(0))

    async with serve(app) as at, http.request(verb, f"{at.url}/{page}") as answer:
        pass

    assert answer.status == 405


@pytest.mark.parametrize(
    ("age", "status", "shown"),
    [(0.1234, 200, 0.123), (9.9, 200, 9.9), (10.5, 503, 10.5), (None, 200, None)],
)
async def test_a_loop_that_beats_is_alive(
    http: aiohttp.ClientSession, age: float | None, status: int, shown: float | None
) -> None:
    answer = await ask(http, Health(age), "livez")

    assert answer == (
        status,
        {"alive": status == 200, "heartbeat_age_seconds": shown},
    )


async def test_not_being_ready_has_its_reasons(http: aiohttp.ClientSession) -> None:
    problem = Problem("draining", "what has begun is being finished")

    fine = await ask(http, Health(0), "readyz")
    busy = await ask(http, Health(0, problem), "readyz")

    detail = "what has begun is being finished"
    assert fine == (200, {"ready": True, "problems": []})
    assert busy == (
        503,
        {"ready": False, "problems": [{"reason": "draining", "detail": detail}]},
    )


async def test_a_runtime_that_drains_is_not_ready_and_its_door_closes_last(
    dispatcher: Dispatcher, http: aiohttp.ClientSession
) -> None:
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def hold(_: MessageCreated) -> None:
        has_begun.set()
        await may_end.wait()

    dispatcher.message.register(hold)
    bot = RecordingBot()
    is_leaving = asyncio.Event()
    pages: list[str] = []

    async def live() -> None:
        runtime = Runtime(dispatcher, [bot], polling=None, metrics_port=0)
        async with runtime:
            pages.extend(url_of(runtime, page) for page in ("readyz", "metrics"))
            await runtime.accept(bot, bot.wrote(1, 1, "hello"))
            await has_begun.wait()
            is_leaving.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(live())
        await is_leaving.wait()
        await asyncio.sleep(1)
        async with http.get(pages[0]) as answer:
            during = answer.status, await answer.json()
        async with http.get(pages[1]) as answer:
            scraped = await answer.text()
        may_end.set()

    assert during[0] == 503
    assert [one["reason"] for one in during[1]["problems"]] == ["draining"]
    assert "duologue_messages_unfinished 1.0" in scraped
    with pytest.raises(aiohttp.ClientConnectorError):
        await http.get(pages[1])


async def test_a_runtime_that_cannot_reach_its_messenger_yet_is_starting(
    dispatcher: Dispatcher, http: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    await sandbox.control().fault(FaultKind.STATUS, path="/me", status=503, count=3)
    bot = Bot(sandbox.token, base_url=sandbox.url)
    runtime = Runtime(dispatcher, [bot], polling=None, metrics_port=0)

    async def live() -> None:
        async with runtime:
            await asyncio.sleep(10)

    async with asyncio.TaskGroup() as group:
        group.create_task(live())
        await asyncio.sleep(0.5)
        async with http.get(url_of(runtime, "readyz")) as answer:
            early = answer.status, await answer.json()
        await asyncio.sleep(12)
        async with http.get(url_of(runtime, "readyz")) as answer:
            late = answer.status

    assert early[0] == 503
    assert [one["reason"] for one in early[1]["problems"]] == ["starting"]
    assert late == 200


async def test_a_messenger_that_does_not_answer_makes_a_runtime_unready(
    dispatcher: Dispatcher,
    http: aiohttp.ClientSession,
    sandbox: Sandbox,
    control: Control,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bot = Bot(sandbox.token, base_url=sandbox.url)
    folder = tmp_path_factory.mktemp("state")
    found: list[tuple[int, list[str]]] = []
    async with Runtime(dispatcher, [bot], metrics_port=0, state_dir=folder) as runtime:
        page = url_of(runtime, "readyz")
        for fails, seconds in ((False, 200), (True, 60), (True, 100), (False, 100)):
            if fails:
                await control.fault(FaultKind.STATUS, path="/updates", status=503)
            else:
                await control.clear_faults()
            await asyncio.sleep(seconds)
            async with http.get(page) as answer:
                said = await answer.json()
                found.append(
                    (answer.status, [one["reason"] for one in said["problems"]])
                )

    assert found == [(200, []), (200, []), (503, ["poller_silent"]), (200, [])]


async def test_a_poller_that_ended_makes_a_runtime_unready(
    dispatcher: Dispatcher,
    http: aiohttp.ClientSession,
    sandbox: Sandbox,
    control: Control,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bot = Bot(sandbox.token, base_url=sandbox.url)
    folder = tmp_path_factory.mktemp("state")
    async with Runtime(
        dispatcher, [bot], polling=PollerSettings(), metrics_port=0, state_dir=folder
    ) as runtime:
        await control.fault(FaultKind.STATUS, path="/updates", status=401)
        await asyncio.sleep(60)
        async with http.get(url_of(runtime, "readyz")) as answer:
            said = await answer.json()

    assert answer.status == 503
    assert [one["reason"] for one in said["problems"]] == ["poller_failed"]
    assert sandbox.token not in str(said)


async def test_a_taken_port_stops_the_start_and_leaves_nothing_behind(
    dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        runtime = Runtime(
            dispatcher,
            [RecordingBot()],
            polling=None,
            metrics_port=port,
            registry=registry,
        )
        with pytest.raises(AddressInUseError, match=str(port)):
            await runtime.__aenter__()
    scraped = list(registry.collect())

    async with runtime:
        url = runtime.metrics_url

    assert scraped == []
    assert url == f"http://127.0.0.1:{port}/metrics"
    assert len(asyncio.all_tasks()) == 1


async def test_one_runtime_after_another_may_use_one_registry(
    dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    name, labels = (
        "duologue_updates_received_total",
        {
            "bot": "test.1",
            "source": "application",
        },
    )
    seen: list[float | None] = []

    for _ in range(2):
        bot = RecordingBot()
        async with Runtime(
            dispatcher, [bot], polling=None, registry=registry
        ) as runtime:
            await runtime.accept(bot, bot.wrote(1, 1, "/start"))
            seen.append(registry.get_sample_value(name, labels))

    assert seen == [1, 1]
    assert list(registry.collect()) == []


async def test_two_runtimes_at_once_need_a_registry_each(
    dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    second = Runtime(Dispatcher(), [RecordingBot()], polling=None, registry=registry)

    async with Runtime(dispatcher, [RecordingBot()], polling=None, registry=registry):
        with pytest.raises(RegistryTakenError, match="of its own"):
            await second.__aenter__()
        shown = registry.get_sample_value("duologue_actors", {"actor": "DialogActor"})
    async with second:
        pass

    assert shown == 0


async def test_a_door_can_be_mounted_in_an_application(
    dispatcher: Dispatcher, http: aiohttp.ClientSession
) -> None:
    runtime = Runtime(dispatcher, [RecordingBot()], polling=None)
    app = web.Application()
    app.add_subapp("/ops", runtime.operations())
    found: list[tuple[str, int]] = []

    async with serve(app) as place:
        for _ in range(2):
            async with runtime:
                for page in ("metrics", "livez", "readyz"):
                    async with http.get(f"{place.url}/ops/{page}") as answer:
                        found.append((page, answer.status))
            async with http.get(f"{place.url}/ops/readyz") as answer:
                found.append(("readyz", answer.status))

    once = [("metrics", 200), ("livez", 200), ("readyz", 200), ("readyz", 503)]
    assert found == once * 2
    assert runtime.metrics_url is None


async def test_metrics_cannot_be_turned_on_while_a_runtime_runs(
    dispatcher: Dispatcher,
) -> None:
    async with Runtime(dispatcher, [RecordingBot()], polling=None) as runtime:
        with pytest.raises(MetricsOffError, match="before it starts"):
            runtime.operations()
    app = runtime.operations()

    assert isinstance(app, web.Application)


async def test_metrics_beside_an_observer_of_the_application_both_count(
    dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    counts, bot = Counts(), RecordingBot()
    async with Runtime(
        dispatcher, [bot], polling=None, observer=counts, registry=registry
    ) as runtime:
        await runtime.accept(bot, bot.wrote(1, 1, "/start"))
        await runtime.settled()
        shown = registry.get_sample_value("duologue_mailbox_wait_seconds_count")

    assert len(counts.recorded("mailbox_wait_seconds")) == shown == 2


@pytest.mark.parametrize(
    ("host", "warns"),
    [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)],  # noqa: S104  # the point
)
async def test_a_door_that_others_can_reach_is_told_of(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture, host: str, *, warns: bool
) -> None:
    runtime = Runtime(
        dispatcher, [RecordingBot()], polling=None, metrics_port=0, metrics_host=host
    )

    async with runtime:
        told = [one for one in caplog.records if one.levelno == logging.WARNING]

    assert len(told) == warns
    assert all("open to everybody" in one.getMessage() for one in told)


async def test_a_scrape_that_comes_with_the_end_is_answered(
    dispatcher: Dispatcher,
) -> None:
    runtime = Runtime(dispatcher, [RecordingBot()], polling=None, metrics_port=0)
    async with runtime:
        url = url_of(runtime, "metrics")
        host, port = url.removeprefix("http://").removesuffix("/metrics").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"duologue_build_info" in answer


async def test_a_program_of_nothing_but_bots_has_a_door_too(
    dispatcher: Dispatcher,
    http: aiohttp.ClientSession,
    sandbox: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    bot = Bot(sandbox.token, base_url=sandbox.url)
    folder = tmp_path_factory.mktemp("state")
    polling = LongPolling(dispatcher, state_dir=folder, metrics_port=port)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(polling.start(bot))
        await asyncio.sleep(5)
        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            said = await answer.json()
        running.cancel()

    assert said == {"ready": True, "problems": []}


async def test_health_can_be_asked_for_on_another_thread_with_another_clock(
    dispatcher: Dispatcher,
) -> None:
    runtime = Runtime(dispatcher, [RecordingBot()], polling=None)
    app = runtime.operations()

    async def look() -> tuple[int, object]:
        async with (
            serve(app) as place,
            aiohttp.ClientSession() as http,
            http.get(f"{place.url}/livez") as answer,
        ):
            return answer.status, await answer.json()

    async with runtime:
        await asyncio.sleep(3.5)
        found = await asyncio.to_thread(asyncio.run, look())

    assert found == (200, {"alive": True, "heartbeat_age_seconds": 0.5})


async def test_a_bot_that_is_not_connected_yet_makes_a_runtime_unready(
    dispatcher: Dispatcher,
    http: aiohttp.ClientSession,
    sandbox: Sandbox,
    control: Control,
) -> None:
    await control.fault(FaultKind.STATUS, path="/me", status=503, seconds=20)
    bots: list[BotPort] = [
        RecordingBot(),
        Bot(sandbox.token, base_url=sandbox.url),
    ]
    found: list[list[str]] = []

    async with Runtime(dispatcher, bots, polling=None, metrics_port=0) as runtime:
        for seconds in (1, 60):
            await asyncio.sleep(seconds)
            async with http.get(url_of(runtime, "readyz")) as answer:
                said = await answer.json()
                found.append([one["reason"] for one in said["problems"]])

    assert found == [["messenger_unreachable"], []]


async def test_a_bot_that_cannot_join_leaves_a_runtime_unready(
    dispatcher: Dispatcher,
    http: aiohttp.ClientSession,
    sandbox: Sandbox,
    control: Control,
) -> None:
    await control.fault(FaultKind.STATUS, path="/me", status=503, seconds=20)
    twins = [Bot(sandbox.token, base_url=sandbox.url) for _ in range(2)]
    bots: list[BotPort] = [RecordingBot(), *twins]

    async with Runtime(dispatcher, bots, polling=None, metrics_port=0) as runtime:
        await asyncio.sleep(60)
        async with http.get(url_of(runtime, "readyz")) as answer:
            said = await answer.json()

    assert [one["reason"] for one in said["problems"]] == ["messenger_unreachable"]
