"""Operations as resources: started, asked about, listed, cancelled, and their results."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping
from typing import ClassVar, Never

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import Workers
from duologue.errors import ActionSettingError
from duologue.state import Task
from duologue.state._tasks._process_tasks import task_of
from duologue.transport._server import serve
from duologue.transport.http import (
    AsyncAction,
    actions_application,
    get_action_url,
    get_acton_url,
)
from tests.http.operations.conftest import PNG, TOKEN, Client, count, named


async def test_a_start_says_where_the_operation_is_and_when_to_ask(
    program: Client,
) -> None:
    begun = await program.start("count", parameters={"rows": 3})
    place = begun.headers["Location"]
    running = await program.get(place.removeprefix("/actions"))
    ended = await program.until_done(place.removeprefix("/actions"))

    assert begun.status == 202
    assert place == f"/actions/operations/{begun['id']}"
    assert begun.headers["Retry-After"] == "1"
    assert (running["name"], running["text"]) == ("count", "row 1")
    assert (ended["state"], ended["result"]) == ("succeeded", "3 rows")
    assert "Retry-After" not in ended.headers


async def test_a_start_that_waits_for_the_end_has_the_result(program: Client) -> None:
    body = {"name": "count", "parameters": {"rows": 2}}

    soon = await program.ask("POST", "/operations", body, Prefer="wait=1")
    done = await program.ask(
        "POST", "/operations", body, Prefer="respond-async, wait=10"
    )
    later = await program.ask("POST", "/operations", body, Prefer="respond-async")

    assert (soon.status, soon["isActive"]) == (202, True)
    assert (done.status, done["result"]) == (200, "2 rows")
    assert done.headers["Preference-Applied"] == "wait=10"
    assert later.headers["Preference-Applied"] == "respond-async"


async def test_what_is_unchanged_is_not_sent_again(program: Client) -> None:
    begun = await program.start("waiting")
    await asyncio.sleep(1)
    place = f"/operations/{begun['id']}"
    first = await program.get(place)
    again = await program.get(place, If_None_Match=first.headers["ETag"])
    await program.ask("POST", f"{place}/cancel")
    after = await program.get(place, If_None_Match=first.headers["ETag"])

    assert (again.status, again.body) == (304, b"")
    assert again.headers["Retry-After"] == "1"
    assert after.status == 200


async def test_a_question_may_wait_for_the_end(program: Client) -> None:
    begun = await program.start("count", parameters={"rows": 3})
    place = f"/operations/{begun['id']}"

    ended = await program.get(place, Prefer="wait=20")
    moved = await program.get(f"{place}?then=result")

    assert ended["state"] == "succeeded"
    assert (moved.status, moved.headers["Location"]) == (
        303,
        f"/actions{place}/result",
    )


async def test_a_picture_is_given_as_a_picture_that_runs_nothing(
    program: Client,
) -> None:
    begun = await program.start("draw")
    place = f"/operations/{begun['id']}"
    ended = await program.get(place, Prefer="wait=5")
    picture = await program.get(f"{place}/result")

    assert ended["result_type"] == "image/png"
    assert ended["result"] is None
    assert (picture.body, picture.headers["Content-Type"]) == (PNG, "image/png")
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    assert picture.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_result_is_there_when_it_has_succeeded_and_not_before(
    program: Client,
) -> None:
    begun = await program.start("count", parameters={"rows": 2})
    place = f"/operations/{begun['id']}/result"
    early = await program.get(place)
    done = await program.get(place, Prefer="wait=10")
    failed = await program.start("failing")
    none = await program.get(f"/operations/{failed['id']}/result", Prefer="wait=10")

    assert (early.status, early.headers["Retry-After"]) == (409, "1")
    assert (done.status, done.body) == (200, b'"2 rows"\n')
    assert none.status == 409
    assert "failed" in str(none["detail"])


async def test_the_operations_of_the_owner_are_listed_the_newest_first(
    program: Client,
) -> None:
    for name in ("waiting", "count"):
        await program.start(name, parameters={"rows": 1} if name == "count" else {})
        await asyncio.sleep(3)

    listed = await program.get("/operations")
    running = await program.get("/operations?state=running")
    counted = await program.get("/operations?name=count")
    refused = await program.get("/operations?state=asleep")

    def names(said: object) -> list[str]:
        assert isinstance(said, list)
        return [one["name"] for one in said]

    assert names(listed["operations"]) == ["count", "waiting"]
    assert names(running["operations"]) == ["waiting"]
    assert (names(counted["operations"]), counted["total"]) == (["count"], 1)
    assert refused.status == 400


@pytest.mark.parametrize("how", ["POST", "DELETE"])
async def test_an_operation_is_cancelled_with_a_reason(
    program: Client, how: str
) -> None:
    begun = await program.start("waiting")
    place = f"/operations/{begun['id']}"
    path = f"{place}/cancel" if how == "POST" else place

    asked = await program.ask(how, path, {"reason": "it is late"})
    ended = await program.until_done(place)
    again = await program.ask(how, path, {"reason": "too late"})

    assert (asked.status, asked["state"]) == (202, "cancelling")
    assert (ended["state"], ended["reason"]) == ("cancelled", "it is late")
    assert (again.status, again["reason"]) == (200, "it is late")


async def test_a_cancel_needs_no_body(program: Client) -> None:
    begun = await program.start("waiting")
    async with program.http.delete(
        f"{program.url}/operations/{begun['id']}", headers=program.headers
    ) as answer:
        said = await answer.json()

    assert (answer.status, said["reason"]) == (202, "it was cancelled over HTTP")


async def test_one_key_starts_once(program: Client, workers: Workers) -> None:
    body = {"name": "count", "parameters": {"rows": 3}}
    answers = await asyncio.gather(
        *(
            program.ask("POST", "/operations", body, Idempotency_Key="order 7")
            for _ in range(3)
        )
    )
    other = {"name": "count", "parameters": {"rows": 4}}
    refused = await program.ask("POST", "/operations", other, Idempotency_Key="order 7")
    await program.until_done(f"/operations/{answers[0]['id']}")
    later = await program.ask("POST", "/operations", body, Idempotency_Key="order 7")

    assert {said.status for said in answers} == {202}
    assert len({said["id"] for said in answers}) == 1
    assert len(workers.of("")) == 1
    assert refused.status == 422
    assert "another body" in str(refused["detail"])
    assert (later.status, later["id"]) == (200, answers[0]["id"])


async def test_a_key_under_which_nothing_was_started_may_be_used_again(
    program: Client,
) -> None:
    wrong = {"name": "count", "parameters": {"rows": "three"}}
    right = {"name": "count", "parameters": {"rows": 3}}

    first = await program.ask("POST", "/operations", wrong, Idempotency_Key="k")
    second = await program.ask("POST", "/operations", right, Idempotency_Key="k")
    too_long = await program.ask(
        "POST", "/operations", right, Idempotency_Key="k" * 256
    )

    assert (first.status, second.status, too_long.status) == (422, 202, 400)


async def test_two_owners_may_have_the_same_key(program: Client) -> None:
    other = named(program, "importer")
    body = {"name": "waiting"}

    mine = await program.ask("POST", "/operations", body, Idempotency_Key="k")
    theirs = await other.ask("POST", "/operations", body, Idempotency_Key="k")

    assert mine["id"] != theirs["id"]


async def test_two_starts_at_once_under_a_boundary_start_once(program: Client) -> None:
    first, second = await asyncio.gather(
        *(program.start("waiting", boundary="tab") for _ in range(2))
    )
    _, third = await asyncio.gather(*(program.start("waiting") for _ in range(2)))
    seen = await program.get("/waiting?boundary=tab")

    assert first["id"] == second["id"] == seen["id"]
    assert third["id"] != first["id"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "one of count, draw, failing, waiting"),
        ({"name": "launch"}, 422, "one of count"),
        ({"name": "count"}, 422, "needs 'rows'"),
        ({"name": "count", "parameters": {"rows": "3"}}, 422, "of type integer"),
        ({"name": "count", "parameters": {"rows": True}}, 422, "of type integer"),
        ({"name": "count", "parameters": {"rows": 3, "x": 1}}, 422, "not 'x'"),
        ({"name": "count", "parameters": [3]}, 422, "must be an object"),
        ({"name": "waiting", "parameters": {"x": 1}}, 422, "takes no parameters"),
        ({"name": "waiting", "boundary": "a b"}, 400, "boundary"),
    ],
)
async def test_a_start_that_cannot_be_is_refused_in_words(
    program: Client, workers: Workers, body: object, status: int, says: str
) -> None:
    said = await program.ask("POST", "/operations", body)

    assert said.status == status
    assert says in str(said["detail"])
    assert said.headers["Content-Type"].startswith("application/problem+json")
    assert workers.of("") == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/operations", "GET, HEAD, POST"),
        ("POST", "/operations/x", "DELETE, GET, HEAD"),
        ("GET", "/operations/x/cancel", "POST"),
        ("DELETE", "/operations/x/events", "GET, HEAD"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_answered_with_the_right_ones(
    program: Client, method: str, path: str, allowed: str
) -> None:
    said = await program.ask(method, path)

    assert (said.status, said.headers["Allow"]) == (405, allowed)
    assert said["title"] == "Method Not Allowed"


async def test_what_never_was_is_unknown_and_what_was_is_gone(
    program: Client, workers: Workers
) -> None:
    begun = await program.start("draw")
    place = f"/operations/{begun['id']}"
    await program.get(place, Prefer="wait=5")
    await workers.forget(str(begun["id"]))

    gone = await program.get(place)
    stopped = await program.ask("DELETE", place)
    unknown = await program.get("/operations/nonsense")
    foreign = await named(program, "importer").get(place)

    assert (gone.status, stopped.status, unknown.status) == (410, 410, 404)
    assert "start a new one" in str(gone["detail"])
    assert (foreign.status, foreign.body) == (404, unknown.body)


async def test_an_action_is_found_by_its_name_where_its_door_is(
    program: Client,
) -> None:
    assert program.url.endswith("/actions")
    assert get_action_url("waiting") == "/actions/waiting"
    assert get_acton_url("count") == "/actions/count"
    with pytest.raises(LookupError, match=r"only .*count, .*draw"):
        get_action_url("nonsense")


async def test_a_door_that_is_gone_is_not_found_any_more(runtime: Runtime) -> None:
    async def passing() -> None:
        """Do nothing."""

    task = Dispatcher().task(name="passing")(passing)
    door = actions_application(runtime, [task], token=TOKEN)
    assert get_action_url("passing") == "/passing"
    del door
    gc.collect()

    with pytest.raises(LookupError, match="'passing'"):
        get_action_url("passing")


async def test_a_program_that_stops_asks_its_visitors_to_come_again(
    program: Client, runtime: Runtime
) -> None:
    begun = await program.start("waiting")
    await runtime.workers.stop()

    said = await program.get(f"/operations/{begun['id']}")

    assert (said.status, said.headers["Retry-After"]) == (503, "5")


async def test_the_page_of_an_action_may_send_parameters_in_a_form_too(
    program: Client,
) -> None:
    async def post(**form: str) -> tuple[int, dict[str, object]]:
        async with program.http.post(
            f"{program.url}/count", data=form, headers=program.headers
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    begun = await post(command="start", parameters='{"rows": 2}')
    nothing = await post(command="start", parameters="", boundary="b")
    broken = await post(command="start", parameters="{", boundary="b")

    assert (begun[0], begun[1]["name"]) == (200, "count")
    assert (nothing[0], broken[0]) == (422, 422)
    assert "needs" in str(nothing[1]["detail"])
    assert "object" in str(broken[1]["detail"])


async def test_a_body_may_be_made_of_the_parameters(
    runtime: Runtime, program: Client
) -> None:
    class Chosen(AsyncAction):
        """Says what it is told."""

        url = "/chosen"
        shortname = "chosen"
        worker_cls: ClassVar[object] = count

        @classmethod
        def body(cls, parameters: Mapping[str, object]) -> object:
            if "word" not in parameters:
                raise ValueError("say a word")
            return count.given(rows=1, word=str(parameters["word"]))

    class Plain(AsyncAction):
        url = "/task"
        shortname = "task"
        worker_cls: ClassVar[object] = count

    door = actions_application(runtime, [Chosen, Plain], token=TOKEN)
    async with serve(door) as place:
        client = Client(program.http, place.url, program.headers)
        refused = await client.start("chosen")
        begun = await client.start("chosen", parameters={"word": "sheep"})
        ended = await client.get(f"/operations/{begun['id']}", Prefer="wait=9")
        task = await client.start("task", parameters={"rows": 0})
        document = (await client.get("/openapi.json")).json

    assert (refused.status, refused["detail"]) == (422, "say a word")
    assert ended["result"] == "1 sheeps"
    assert task.status == 202
    assert "Says what it is told" in str(document)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: [task_of(_free, _no_states)], "not registered"),
        (lambda: [Dispatcher().task(name="operations")(_free)], "for itself"),
        (lambda: [_action("/operations/x")], "for itself"),
    ],
    ids=["no name", "name", "path"],
)
async def test_what_cannot_be_offered_is_refused_at_the_start(
    runtime: Runtime, make: Callable[[], list[type[AsyncAction] | Task]], problem: str
) -> None:
    with pytest.raises(ActionSettingError, match=problem):
        actions_application(runtime, make(), token=TOKEN)


async def test_a_task_that_takes_any_name_is_not_checked(
    runtime: Runtime, program: Client
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def free(**named: object) -> object:
        return named

    door = actions_application(runtime, [free], token=TOKEN)
    async with serve(door) as place:
        client = Client(program.http, place.url, program.headers)
        begun = await client.ask(
            "POST",
            "/operations",
            {"name": "free", "parameters": {"a": [1]}},
            Prefer="wait=9",
        )

    assert begun["result"] == {"a": [1]}


async def _free(first, second: list[int] | None = None) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # as authors may write it
    """Take anything."""


def _no_states(_: object) -> Never:
    raise AssertionError


def _action(url: str) -> type[AsyncAction]:
    fields = {"url": url, "shortname": "x", "worker_cls": _free}
    return type("Declared", (AsyncAction,), fields)


async def test_forgotten_while_it_is_asked_about_is_idle(
    program: Client, workers: Workers
) -> None:
    begun = await program.ask("POST", "/waiting", {"command": "start"})
    await program.ask("POST", "/waiting", {"command": "stop"})
    await workers.get(str(begun["id"])).finished()
    await workers.forget(str(begun["id"]))

    stopped = await program.ask("POST", "/waiting", {"command": "stop"})

    assert (stopped.status, stopped["state"]) == (200, "idle")
