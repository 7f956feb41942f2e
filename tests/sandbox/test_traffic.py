"""What is kept about the traffic of a message, and what never is."""

from __future__ import annotations

import json

import aiohttp
import pytest

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox import (
    AddUser,
    Control,
    FaultKind,
    Forge,
    MessageTraffic,
    Sandbox,
    Say,
)
from duologue.transport.sandbox._world._traffic import BYTES_IN_ALL, LONGEST, Traffic

TOKEN = "the-token-of-the-bot"  # noqa: S105 - made up here


@pytest.fixture
async def mid(bot: aiohttp.ClientSession, ann: int) -> str:
    body = {"text": "menu"}
    async with bot.post("/messages", params={"user_id": ann}, json=body) as response:
        return str((await response.json())["message"]["body"]["mid"])


def _asked(traffic: MessageTraffic) -> list[tuple[str, str, int]]:
    return [(e.method, e.path.partition("?")[0], e.status) for e in traffic.exchanges]


async def test_requests_about_a_message_are_kept_in_order(
    control: Control, bot: aiohttp.ClientSession, ann: int, mid: str
) -> None:
    about = {"message_id": mid}
    await bot.put("/messages", params=about, json={"text": "changed"})
    await bot.get(f"/messages/{mid}")
    await bot.get("/updates", params={"timeout": "0"})
    click = await control.forge(ann, mid, "x")
    answer = {"callback_id": str(click.callback_id)}
    await bot.post("/answers", params=answer, json={"notification": "ok"})
    await bot.put("/messages", params=about, json={"text": 5})
    await bot.delete("/messages", params=about)

    traffic = await control.traffic(mid)

    assert _asked(traffic) == [
        ("POST", "/messages", 200),
        ("PUT", "/messages", 200),
        ("GET", f"/messages/{mid}", 200),
        ("POST", "/answers", 200),
        ("PUT", "/messages", 400),
        ("DELETE", "/messages", 200),
    ]
    put = traffic.exchanges[1]
    assert json.loads(put.request) == {"text": "changed"}
    assert json.loads(put.response) == {"success": True}
    [update] = traffic.updates
    assert json.loads(update.update)["update_type"] == "message_callback"
    numbers = [e.number for e in traffic.exchanges]
    assert numbers == sorted(numbers)
    assert numbers[2] < update.number < numbers[3]


async def test_an_update_is_committed_when_the_bot_passes_its_marker(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    said = await control.say(ann, "hello")
    before = await control.traffic(str(said.message_id))
    async with bot.get("/updates", params={"timeout": "0"}) as response:
        marker = (await response.json())["marker"]
    await bot.get("/updates", params={"timeout": "0", "marker": marker})

    after = await control.traffic(str(said.message_id))

    assert [u.is_committed for u in (*before.updates, *after.updates)] == [False, True]
    assert after.updates[0].position == said.positions[0]


async def test_a_request_that_was_cut_off_has_no_status(
    control: Control, bot: aiohttp.ClientSession, mid: str
) -> None:
    await control.fault(FaultKind.DROP, method="PUT", after=True)

    with pytest.raises(aiohttp.ClientError):
        await bot.put("/messages", params={"message_id": mid}, json={"text": "x"})

    assert _asked(await control.traffic(mid))[-1] == ("PUT", "/messages", 0)


async def test_the_token_of_the_bot_is_nowhere_in_it(
    sandbox: Sandbox, control: Control, bot: aiohttp.ClientSession, mid: str
) -> None:
    about = {"message_id": mid, "access_token": sandbox.token}
    await bot.put("/messages", params=about, json={"text": f"my {sandbox.token}!"})
    await bot.get(f"/messages/{mid}")

    kept = str(await control.traffic(mid))

    assert sandbox.token not in kept
    assert kept.count("(token)") == 3


async def test_actions_that_did_not_happen_left_no_traffic(
    control: Control, ann: int, mid: str
) -> None:
    with pytest.raises(SandboxRefusalError):
        await control.act(Forge(ann, mid, "x"), Say(ann, ""), AddUser("Bob"))

    assert (await control.traffic(mid)).updates == ()


async def test_a_message_that_never_was_has_no_traffic(
    control: Control, bot: aiohttp.ClientSession
) -> None:
    async with bot.get("/messages/mid.0") as response:
        assert response.status == 404

    assert await control.traffic("mid.0") == MessageTraffic()


def _exchange(traffic: Traffic, message_id: str, body: str = "") -> None:
    traffic.exchange(
        message_id,
        time=0,
        duration=0,
        method="PUT",
        path="/messages",
        status=200,
        request=body,
        response="",
    )


def test_only_the_newest_records_of_a_message_are_kept() -> None:
    traffic = Traffic(TOKEN, per_message=3)

    for number in range(5):
        _exchange(traffic, "a", str(number))

    assert [e.request for e in traffic.about("a", 0).exchanges] == ["2", "3", "4"]


def test_only_so_many_records_are_kept_in_all() -> None:
    traffic = Traffic(TOKEN, in_all=3)

    for message in "abcd":
        _exchange(traffic, message)

    kept = [m for m in "abcd" if traffic.about(m, 0).exchanges]
    assert kept == ["b", "c", "d"]


def test_long_records_make_room_by_their_size() -> None:
    traffic = Traffic(TOKEN)
    fitting = BYTES_IN_ALL // (LONGEST + 20)

    for number in range(fitting + 10):
        _exchange(traffic, str(number), "x" * LONGEST)

    assert not traffic.about("0", 0).exchanges
    assert traffic.about(str(fitting + 9), 0).exchanges


def test_wide_characters_take_the_room_that_they_need() -> None:
    traffic = Traffic(TOKEN)
    fitting = BYTES_IN_ALL // (4 * LONGEST)

    for number in range(fitting + 1):
        _exchange(traffic, str(number), "🙂" * LONGEST)

    assert not traffic.about("0", 0).exchanges
    assert traffic.about(str(fitting), 0).exchanges


def test_a_body_over_64_kib_is_cut_and_says_so() -> None:
    traffic = Traffic(TOKEN)

    _exchange(traffic, "a", "x" * (LONGEST + 5))

    [kept] = traffic.about("a", 0).exchanges
    assert kept.request == "x" * LONGEST + "… 5 more characters"
