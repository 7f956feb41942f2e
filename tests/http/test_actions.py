"""Background operations driven over HTTP, as the page about them describes."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar

import aiohttp
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncOperationResult,
    IBackgroundWorker,
    Operation,
    StartPolicy,
    Workers,
    WorkerState,
)
from duologue.errors import ActionSettingError
from duologue.transport._server import serve
from duologue.transport.http import AsyncAction, actions_application

LISTING = Path(__file__).parents[1] / "seeds" / "listings" / "missile.txt"
TOKEN = "a-long-token-of-the-door"  # noqa: S105  # of this test
BEARER = {"Authorization": f"Bearer {TOKEN}"}

Answer = tuple[int, dict[str, object]]


class Time:
    """The `time` of the page: seconds pass when the test says so."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._passed = threading.Semaphore(0)

    def sleep(self, seconds: int) -> None:
        self._asked.put(seconds)
        self._passed.acquire()

    async def flies(self, seconds: int) -> None:
        """Let the rocket, which is about to sleep, sleep for so many seconds."""
        while seconds > 0:
            seconds -= await asyncio.to_thread(self._asked.get)
            self._passed.release()

    async def sleeps(self) -> None:
        """Wait until the rocket sleeps, and leave it asleep."""
        self._asked.put(await asyncio.to_thread(self._asked.get))


class Wait:
    """Runs until it is told to stop, and says so."""

    async def run(self, operation: Operation) -> None:
        operation.report(0.25, "waiting")
        await operation.stopping()


class Waiting(AsyncAction):
    url = "/waiting"
    shortname = "waiting"
    worker_cls: ClassVar[object] = Wait


class Page:
    """Sends commands to one door."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def send(
        self, command: object, path: str = "/waiting", **more: str
    ) -> Answer:
        """Send a command in a form, as the page does."""
        form = {"command": str(command), **more}
        async with self.http.post(self.url + path, data=form, headers=BEARER) as said:
            return said.status, await said.json(content_type=None)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    # Long, for a machine that is busy: the bodies answer at once.
    async with ActorSystem() as system, Workers(system, ping_timeout=30) as made:
        yield made


@pytest.fixture
async def page(workers: Workers, http: aiohttp.ClientSession) -> AsyncIterator[Page]:
    app = actions_application(workers, [Waiting], token=TOKEN, limit=5)
    async with serve(app) as place:
        yield Page(http, place.url)


def rocket(time: Time) -> type[AsyncAction]:
    """The action of the page, with its rocket."""
    namespace: dict[str, object] = {"__name__": "actions", "time": time}
    exec(compile(LISTING.read_text("utf-8"), "actions.py", "exec"), namespace)  # noqa: S102  # running the listing is what is tested

    class TheAsyncAction(AsyncAction):
        url = "/async"
        shortname = "async_action"
        worker_cls = namespace["MissleLaunch"]

    return TheAsyncAction


def bar(answer: Answer) -> tuple[object, object, object]:
    """What the progress bar of the page shows."""
    status, said = answer
    assert status == 200
    assert said["isActive"] is said["alive"]
    return said["text"], said["value"], said["isActive"]


@pytest.mark.real_time
async def test_the_rocket_of_the_page_flies_to_the_boom(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    time = Time()
    app = actions_application(workers, [rocket(time)], token=TOKEN)
    async with serve(app) as place:
        page = Page(http, place.url)
        idle = await page.send("ping", "/async")
        begun = await page.send("start", "/async")
        await time.flies(60)
        await time.sleeps()
        half = await page.send("ping", "/async")
        again = await page.send("start", "/async")
        await time.flies(60)
        worker = workers.get(str(begun[1]["id"]))
        await worker.finished()
        boom = await page.send("ping", "/async")

    assert bar(idle) == ("", 0.0, False)
    assert bar(begun) == ("Поехали!", 0.0, True)
    assert bar(half) == ("Полет завершен на 50.0%", 0.5, True)
    assert again[1]["id"] == begun[1]["id"]
    assert bar(boom) == ("Кабуууум!", 1.0, False)
    assert boom[1]["state"] == "succeeded"


@pytest.mark.real_time
async def test_the_rocket_of_the_page_is_stopped_half_way(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    time = Time()
    app = actions_application(workers, [rocket(time)], token=TOKEN)
    async with serve(app) as place:
        page = Page(http, place.url)
        begun = await page.send("start", "/async")
        await time.flies(60)
        await time.sleeps()
        half = await page.send("ping", "/async")
        stopped = await page.send("stop", "/async")
        await time.flies(2)
        await workers.get(str(begun[1]["id"])).finished()
        after = await page.send("ping", "/async")

    assert bar(half) == ("Полет завершен на 50.0%", 0.5, True)
    assert stopped[1]["text"] == "Полет отменен"
    assert bar(after) == ("Полет отменен", 0.5, False)
    assert after[1]["state"] == "cancelled"
    assert after[1]["reason"] == "the page has asked for it"


async def test_a_command_may_come_as_json(page: Page) -> None:
    body = {"command": "ping"}

    async with page.http.post(
        f"{page.url}/waiting", json=body, headers=BEARER
    ) as answer:
        said = await answer.json()

    assert (answer.status, said["state"]) == (200, "idle")


async def test_what_has_never_been_started_can_be_asked_about_and_stopped(
    page: Page,
) -> None:
    answers = [await page.send(command) for command in ("ping", "stop")]

    assert [bar(answer) for answer in answers] == [("", 0.0, False)] * 2


async def test_an_operation_tells_all_that_is_known_of_it(
    page: Page, workers: Workers
) -> None:
    status, begun = await page.send("start")
    await asyncio.sleep(1)
    _, running = await page.send("ping")
    await page.send("stop")
    await workers.get(str(begun["id"])).finished()
    _, ended = await page.send("ping")

    assert status == 200
    place = f"/operations/{begun['id']}"
    assert running == {
        "text": "waiting",
        "value": 0.25,
        "isActive": True,
        "alive": True,
        "indeterminate": False,
        "id": begun["id"],
        "name": "waiting",
        "kind": "Wait",
        "state": "running",
        "revision": running["revision"],
        "run": running["run"],
        "attempt": 1,
        "current": None,
        "total": None,
        "unit": "",
        "stage": "",
        "rate": None,
        "eta": None,
        "cancellable": True,
        "children": [],
        "reason": "",
        "stopped_by": "",
        "question": "",
        "error": None,
        "created_at": running["created_at"],
        "started_at": running["started_at"],
        "updated_at": running["updated_at"],
        "heartbeat_at": running["updated_at"],
        "finished_at": None,
        "expires_at": None,
        "poll_after_ms": 500,
        "result": None,
        "result_type": None,
        "links": {
            "self": place,
            "events": f"{place}/events",
            "cancel": f"{place}/cancel",
        },
    }
    assert ended["state"] == "cancelled"


async def test_an_operation_that_fails_is_not_active_for_ever(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    async def fail() -> None:
        raise LookupError("no such number")

    class Failing(Waiting):
        worker_cls: ClassVar[object] = fail

    async with serve(actions_application(workers, [Failing], token=TOKEN)) as place:
        page = Page(http, place.url)
        _, begun = await page.send("start")
        await workers.get(str(begun["id"])).finished()
        _, ended = await page.send("ping")

    assert (ended["state"], ended["isActive"]) == ("failed", False)
    error = ended["error"]
    assert isinstance(error, dict)
    assert (error["type"], error["message"]) == ("LookupError", "no such number")
    assert "raise LookupError" in error["traceback"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 7.5])
async def test_numbers_that_are_no_progress_are_never_sent(
    workers: Workers, http: aiohttp.ClientSession, value: float
) -> None:
    async def report(operation: Operation) -> None:
        operation.report(value, "odd")
        await operation.stopping()

    class Odd(Waiting):
        worker_cls: ClassVar[object] = report

    def refuse(text: str) -> object:
        raise AssertionError(text)

    async with serve(actions_application(workers, [Odd], token=TOKEN)) as place:
        page = Page(http, place.url)
        await page.send("start")
        await asyncio.sleep(1)
        async with http.post(
            f"{place.url}/waiting", data={"command": "ping"}, headers=BEARER
        ) as answer:
            said = json.loads(await answer.text(), parse_constant=refuse)

    assert said["text"] == "odd"
    assert 0.0 <= said["value"] <= 1.0


async def test_two_actions_have_an_operation_each(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    class Other(Waiting):
        url = "/other"
        shortname = "other"

    app = actions_application(workers, [Waiting, Other], token=TOKEN)
    async with serve(app) as place:
        page = Page(http, place.url)
        _, first = await page.send("start")
        before = await page.send("ping", "/other")
        _, second = await page.send("start", "/other")
        await page.send("stop", "/other")
        await workers.get(str(second["id"])).finished()
        _, still = await page.send("ping")

    assert bar(before) == ("", 0.0, False)
    assert (still["id"], still["isActive"]) == (first["id"], True)


async def test_each_boundary_has_an_operation_of_its_own(page: Page) -> None:
    _, first = await page.send("start", boundary="tab-1")
    _, second = await page.send("start", boundary="tab-2")
    _, again = await page.send("ping", boundary="tab-1")
    third = await page.send("ping")

    assert first["id"] != second["id"]
    assert again["id"] == first["id"]
    assert bar(third) == ("", 0.0, False)


async def test_two_doors_with_other_owners_do_not_see_each_other(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    doors = [
        actions_application(workers, [Waiting], token=TOKEN, owner=owner)
        for owner in ("alice", "bob")
    ]
    async with serve(doors[0]) as hers, serve(doors[1]) as his:
        await Page(http, hers.url).send("start")
        answer = await Page(http, his.url).send("ping")

    assert bar(answer) == ("", 0.0, False)


async def test_a_start_while_it_runs_joins_it(page: Page, workers: Workers) -> None:
    first, second = await asyncio.gather(page.send("start"), page.send("start"))

    assert first[1]["id"] == second[1]["id"]
    assert workers.by_state()[WorkerState.RUNNING] == 1


@pytest.mark.parametrize(
    ("policy", "status"), [(StartPolicy.REJECT, 409), (StartPolicy.REPLACE, 200)]
)
async def test_an_action_may_say_what_a_second_start_does(
    workers: Workers,
    http: aiohttp.ClientSession,
    policy: StartPolicy,
    status: int,
) -> None:
    class Chosen(Waiting):
        pass

    Chosen.policy = policy
    async with serve(actions_application(workers, [Chosen], token=TOKEN)) as place:
        page = Page(http, place.url)
        _, first = await page.send("start")
        second = await page.send("start")

    assert second[0] == status
    assert second[1].get("id") != first["id"]


async def test_what_has_ended_can_be_started_again(
    page: Page, workers: Workers
) -> None:
    _, first = await page.send("start")
    await page.send("stop")
    await workers.get(str(first["id"])).finished()

    _, second = await page.send("start")
    _, seen = await page.send("ping")

    assert second["id"] != first["id"]
    assert (seen["id"], seen["isActive"]) == (second["id"], True)


async def test_an_action_may_wait_for_the_one_before_and_counts_as_one_more(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    class Queued(Waiting):
        policy = StartPolicy.QUEUE

    app = actions_application(workers, [Queued], token=TOKEN, limit=2)
    async with serve(app) as place:
        page = Page(http, place.url)
        answers = [await page.send("start") for _ in range(3)]

    assert [status for status, _ in answers] == [200, 200, 429]
    assert [said.get("state") for _, said in answers][1] == "pending"


async def test_an_action_may_say_how_its_work_is_run(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    calls = 0

    async def fail_once() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise LookupError
        return "second try"

    class Tried(Waiting):
        worker_cls: ClassVar[object] = fail_once
        retries = 1

    class Late(Waiting):
        url = "/late"
        shortname = "late"
        timeout: ClassVar[float | None] = 10.0

    app = actions_application(workers, [Tried, Late], token=TOKEN)
    async with serve(app) as place:
        page = Page(http, place.url)
        _, tried = await page.send("start")
        _, late = await page.send("start", "/late")
        finals = [
            await workers.get(str(said["id"])).finished() for said in (tried, late)
        ]

    assert [final.state for final in finals] == ["succeeded", "timed_out"]
    assert finals[0].result == "second try"


async def test_a_body_of_m3_that_calls_itself_over_is_not_active_for_its_page(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    class Over(IBackgroundWorker):
        async def run(self) -> None:
            await asyncio.sleep(100)

        def ping(self) -> AsyncOperationResult:
            return AsyncOperationResult(1.0, "boom", is_active=False)

    class Rocket(Waiting):
        worker_cls: ClassVar[object] = Over

    async with serve(actions_application(workers, [Rocket], token=TOKEN)) as place:
        page = Page(http, place.url)
        await page.send("start")
        answer = await page.send("ping")

    assert bar(answer) == ("boom", 1.0, False)
    assert answer[1]["state"] == "running"


async def test_only_so_many_operations_run_at_once(page: Page) -> None:
    for number in range(5):
        await page.send("start", boundary=f"b{number}")

    refused = await page.send("start", boundary="one-more")
    joined = await page.send("start", boundary="b1")

    assert refused[0] == 429
    assert "5 operations" in str(refused[1]["detail"])
    assert joined[0] == 200


@pytest.mark.parametrize(
    ("start", "ask", "stop"), [("start", "request", "stop"), ("0", "2", "1")]
)
async def test_the_commands_of_every_m3_are_understood(
    page: Page, workers: Workers, start: str, ask: str, stop: str
) -> None:
    _, begun = await page.send(start)
    await asyncio.sleep(1)
    _, running = await page.send(ask)
    await page.send(stop)
    await workers.get(str(begun["id"])).finished()
    _, ended = await page.send("result")

    assert (running["text"], running["isActive"]) == ("waiting", True)
    assert (ended["state"], ended["alive"]) == ("cancelled", False)


@pytest.mark.parametrize("command", ["launch", "", "START", "start ", 3])
async def test_an_unknown_command_is_refused_with_those_that_are_known(
    page: Page, command: object
) -> None:
    status, said = await page.send(command)

    assert status == 400
    assert said["known"] == ["ping", "start", "stop"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b'"start"', b"[" * 9000, b"\xff\xfe"]
)
async def test_a_body_that_cannot_be_read_is_refused(page: Page, body: bytes) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}

    async with page.http.post(
        f"{page.url}/waiting", data=body, headers=headers
    ) as answer:
        said = await answer.json(content_type="application/problem+json")

    assert answer.status == 400
    assert said["title"] == "Bad Request"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded; charset=klingon"},
        {"Content-Type": "multipart/form-data"},
    ],
    ids=["charset", "multipart"],
)
async def test_a_body_that_is_not_what_its_header_says_is_refused(
    page: Page, headers: dict[str, str]
) -> None:
    async with page.http.post(
        f"{page.url}/waiting", data=b"command=ping", headers={**BEARER, **headers}
    ) as answer:
        said = await answer.json(content_type="application/problem+json")

    assert (answer.status, said["title"]) == (400, "Bad Request")


async def test_a_body_that_is_too_long_is_refused(page: Page) -> None:
    status, text = await _post(page, data=b"command=ping&x=" + b"a" * 100_000)

    assert status == 413
    assert "16384" in json.loads(text)["detail"]


async def test_a_path_without_an_action_is_a_problem_too(page: Page) -> None:
    status, said = await page.send("ping", "/nowhere")

    assert (status, said["title"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("boundary", "is_default"), [(None, True), ("", True), (0, False), (False, False)]
)
async def test_only_a_boundary_that_is_left_out_is_the_usual_one(
    page: Page, boundary: object, *, is_default: bool
) -> None:
    _, usual = await page.send("start")
    body = {"command": "ping", "boundary": boundary}

    async with page.http.post(
        f"{page.url}/waiting", json=body, headers=BEARER
    ) as answer:
        said = await answer.json()

    assert (said.get("id") == usual["id"]) is is_default


async def test_a_worker_that_cannot_be_made_is_told_of_and_logged(
    workers: Workers, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Wait):
        def __init__(self) -> None:
            raise LookupError("the password is 1234")

    class Chosen(Waiting):
        worker_cls: ClassVar[object] = Broken

    async with serve(actions_application(workers, [Chosen], token=TOKEN)) as place:
        status, said = await Page(http, place.url).send("start")

    assert (status, said["title"]) == (500, "Internal Server Error")
    assert "1234" not in str(said)
    assert "LookupError" in caplog.text


async def test_one_object_does_the_work_of_one_operation_at_a_time(
    workers: Workers, http: aiohttp.ClientSession
) -> None:
    class Chosen(Waiting):
        worker_cls: ClassVar[object] = Wait()

    async with serve(actions_application(workers, [Chosen], token=TOKEN)) as place:
        page = Page(http, place.url)
        first = await page.send("start")
        second = await page.send("start", boundary="another")

    assert (first[0], second[0]) == (200, 409)
    assert "the class" in str(second[1]["detail"])


@pytest.mark.parametrize("boundary", ["a" * 65, "a b", "<i>", "ä", "a/b", "\n"])
async def test_a_boundary_is_a_short_name(page: Page, boundary: str) -> None:
    status, _ = await page.send("ping", boundary=boundary)

    assert status == 400


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "ä"],
)
async def test_without_the_token_nothing_is_done(
    page: Page, workers: Workers, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}

    async with page.http.post(
        f"{page.url}/waiting", data={"command": "start"}, headers=headers
    ) as answer:
        text = await answer.text()

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in text
    assert workers.of("") == []


async def test_the_name_of_the_scheme_may_be_written_in_any_case(page: Page) -> None:
    headers = {"Authorization": f"bearer {TOKEN}"}  # RFC 9110, 11.1

    async with page.http.post(
        f"{page.url}/waiting", data={"command": "ping"}, headers=headers
    ) as answer:
        pass

    assert answer.status == 200


@pytest.mark.parametrize(
    ("verb", "status"), [("GET", 200), ("HEAD", 200), ("PUT", 405), ("OPTIONS", 405)]
)
async def test_a_link_or_an_image_cannot_start_anything(
    page: Page, workers: Workers, verb: str, status: int
) -> None:
    url = f"{page.url}/waiting?command=start"

    async with page.http.request(verb, url, headers=BEARER) as answer:
        pass

    assert answer.status == status
    assert answer.headers.get("Allow", "GET, HEAD, POST") == "GET, HEAD, POST"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert workers.of("") == []


async def test_a_program_that_stops_starts_nothing(
    page: Page, workers: Workers
) -> None:
    await workers.stop()

    status, said = await page.send("start")

    assert status == 503
    assert said["detail"] == "this program is stopping"


async def _post(page: Page, data: bytes) -> tuple[int, str]:
    kind = "application/x-www-form-urlencoded"
    headers = {**BEARER, "Content-Type": kind}
    async with page.http.post(
        f"{page.url}/waiting", data=data, headers=headers
    ) as answer:
        return answer.status, await answer.text()


def _action(**declared: object) -> type[AsyncAction]:
    fields = {"url": "/x", "shortname": "x", "worker_cls": Wait, **declared}
    return type("Declared", (AsyncAction,), fields)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: [_action(url="async")], "slash"),
        (lambda: [_action(url="")], "slash"),
        (lambda: [_action(shortname="")], "shortname"),
        (lambda: [_action(worker_cls=None)], "worker_cls"),
        (lambda: [_action(worker_cls=object())], "run"),
        (lambda: [_action(), _action(shortname="y")], "url"),
        (lambda: [_action(), _action(url="/y")], "shortname"),
    ],
    ids=["no slash", "no url", "no name", "no worker", "no run", "one url", "one name"],
)
async def test_an_action_that_is_not_whole_is_refused_at_the_start(
    workers: Workers, make: Callable[[], list[type[AsyncAction]]], problem: str
) -> None:
    with pytest.raises(ActionSettingError, match=problem):
        actions_application(workers, make(), token=TOKEN)


async def test_a_door_without_a_token_is_refused(workers: Workers) -> None:
    with pytest.raises(ActionSettingError, match="token"):
        actions_application(workers, [Waiting], token="")
