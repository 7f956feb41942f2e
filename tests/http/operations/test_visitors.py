"""Who may do what: programs by the scopes of their tokens, pages by signed cookies."""

from __future__ import annotations

import pytest

from duologue import Runtime
from duologue.actors import Workers
from duologue.errors import ActionSettingError
from duologue.transport.http import AccessTokens, actions_application, actions_cookie
from tests.http.operations.conftest import TOKEN, Client, named, page_of


async def test_the_operations_of_a_token_are_those_of_its_name(
    program: Client, workers: Workers
) -> None:
    importer = named(program, "importer")

    begun = await importer.start("waiting")
    mine = await importer.get("/operations")
    others = await program.get("/operations")

    assert workers.get(str(begun["id"])).snapshot.owner == "importer"
    assert (mine["total"], others["total"]) == (1, 0)


async def test_a_token_does_what_its_scopes_name_and_nothing_else(
    program: Client,
) -> None:
    counter = named(program, "counter")
    begun = await counter.start("count", parameters={"rows": 9})
    place = f"/operations/{begun['id']}"

    read = await counter.get(place)
    refused = [
        await counter.start("waiting"),
        await counter.ask("DELETE", place),
        await counter.ask("POST", "/waiting", {"command": "start"}),
        await counter.ask("POST", "/count", {"command": "stop"}),
        await counter.get("/waiting"),
        await counter.get("/operations?owner=importer"),
    ]

    assert (begun.status, read.status) == (202, 200)
    assert {said.status for said in refused} == {403}
    challenge = refused[0].headers["WWW-Authenticate"]
    assert challenge == (
        'Bearer error="insufficient_scope", scope="operations.start:waiting"'
    )


async def test_what_a_token_may_not_read_is_not_told_from_what_is_not(
    program: Client, workers: Workers
) -> None:
    counter = named(program, "counter")
    hidden = await workers.start(_nothing, owner="counter")

    seen = await counter.get(f"/operations/{hidden.id}")
    listed = await counter.get("/operations")
    unknown = await counter.get("/operations/nonsense")

    assert (seen.status, seen.body) == (404, unknown.body)
    assert listed["total"] == 0


async def _nothing() -> None:
    """What no door offers."""


async def test_a_token_may_act_for_an_owner_that_its_scopes_name(
    program: Client,
) -> None:
    begun = await named(program, "importer").start("waiting")
    watcher = named(program, "watcher")
    place = f"/operations/{begun['id']}"

    own = await watcher.get(place)
    theirs = await watcher.get(f"{place}?owner=importer")
    alices = await watcher.get(f"{place}?owner=alice")
    whole = await program.get(f"{place}?owner=importer")

    assert (own.status, theirs.status, alices.status) == (404, 200, 403)
    assert whole["id"] == begun["id"]


async def test_a_wrong_token_is_refused(program: Client) -> None:
    said = await named(program, "nobody").get("/operations")

    assert (said.status, said.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_page_sees_the_operations_of_whom_its_cookie_names(
    program: Client, workers: Workers
) -> None:
    alice, bob = page_of(program, "alice"), page_of(program, "bob")
    begun = await alice.start("waiting", boundary="b")
    place = f"/operations/{begun['id']}"

    seen, foreign = await alice.get(place), await bob.get(place)
    stopped = await bob.ask("POST", f"{place}/cancel")
    idle = await bob.ask("POST", "/waiting", {"command": "stop", "boundary": "b"})

    assert workers.get(str(begun["id"])).snapshot.owner == "alice"
    assert (seen.status, foreign.status, stopped.status) == (200, 404, 404)
    assert idle["state"] == "idle"
    assert workers.get(str(begun["id"])).is_active


async def test_a_page_cannot_act_for_others(program: Client) -> None:
    said = await page_of(program, "alice").get("/operations?owner=bob")

    assert said.status == 403


async def test_a_cookie_counts_for_its_time_and_only_as_it_was_signed(
    program: Client,
) -> None:
    late = await page_of(program, "alice", lifetime=-1).get("/operations")
    value = actions_cookie(TOKEN, owner="alice")
    name, *rest = value.split(".")
    forged = ".".join([name.swapcase(), *rest])
    answers = []
    for cookie in (forged, "", "a.b.c", ".", value[:-1], f"{value}x"):
        client = Client(
            program.http, program.url, {"Cookie": f"duologue-actions={cookie}"}
        )
        answers.append((await client.get("/operations")).status)

    assert late.status == 401
    assert answers == [401] * len(answers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 401),
        ({"Sec-Fetch-Site": "cross-site"}, 401),
        ({"Origin": "http://evil.example"}, 401),
    ],
)
async def test_a_page_of_the_same_host_reads_without_an_origin(
    program: Client, headers: dict[str, str], status: int
) -> None:
    page = page_of(program, "alice")
    cookie = {"Cookie": page.headers["Cookie"]}

    said = await Client(program.http, program.url, {**cookie, **headers}).get(
        "/operations"
    )

    assert said.status == status


async def test_without_an_origin_a_cookie_changes_nothing(
    program: Client, workers: Workers
) -> None:
    cookie = {"Cookie": page_of(program, "alice").headers["Cookie"]}

    said = await Client(program.http, program.url, cookie).start("waiting")

    assert said.status == 401
    assert workers.of("alice") == []


async def test_a_traceback_is_shown_to_its_owner_only(program: Client) -> None:
    alice, everybody = page_of(program, "alice"), page_of(program, "")
    seen = []
    for page in (alice, everybody):
        begun = await page.start("failing")
        ended = await page.until_done(f"/operations/{begun['id']}")
        error = ended["error"]
        assert isinstance(error, dict)
        assert error["message"] == "no such number"
        seen.append("raise LookupError" in error.get("traceback", ""))

    assert seen == [True, False]


async def test_a_door_needs_a_token(runtime: Runtime) -> None:
    with pytest.raises(ActionSettingError, match="token"):
        actions_application(runtime, [])

    actions_application(runtime, [], tokens=AccessTokens())


async def test_an_operation_says_who_has_stopped_it(program: Client) -> None:
    importer = named(program, "importer")
    stopped = []
    for who, owner in ((importer, ""), (program, "?owner=importer")):
        begun = await importer.start("waiting")
        place = f"/operations/{begun['id']}"
        await who.ask("DELETE", place + owner)
        stopped.append((await importer.until_done(place))["stopped_by"])

    assert stopped == ["importer", "a program"]
