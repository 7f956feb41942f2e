from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from duologue.transport.sandbox import Control, Sandbox
from duologue.transport.sandbox._bot_api._limits import (
    SWEEP,
    LimitedCall,
    RequestLimits,
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def mids(
    bot: aiohttp.ClientSession,
    ann: int,
    pass_time: Callable[[float], None],
) -> list[str]:
    button = {"type": "callback", "text": "A", "payload": "a"}
    keyboard = {"type": "inline_keyboard", "payload": {"buttons": [[button]]}}
    found = []
    for _ in range(4):
        async with bot.post(
            "/messages", params={"user_id": ann}, json={"attachments": [keyboard]}
        ) as response:
            found.append((await response.json())["message"]["body"]["mid"])
        pass_time(1)
    return found


async def _statuses(
    bot: aiohttp.ClientSession, method: str, paths: list[str], body: object
) -> list[int]:
    found = []
    for path in paths:
        async with bot.request(method, path, json=body) as response:
            found.append(response.status)
    return found


async def _paths(control: Control, kind: str, mids: list[str], ann: int) -> list[str]:
    if kind == "send":
        return [f"/messages?user_id={ann}"] * 3
    if kind == "answer":
        clicks = [await control.click(ann, mids[0], payload="a") for _ in range(3)]
        return [f"/answers?callback_id={click.callback_id}" for click in clicks]
    return [f"/messages?message_id={mid}" for mid in mids[:3]]


KINDS = [
    ("send", "POST", {"text": "x"}),
    ("edit", "PUT", {"text": "x"}),
    ("delete", "DELETE", None),
    ("answer", "POST", {"notification": "x"}),
]


@pytest.mark.usefixtures("held_time")
@pytest.mark.parametrize(("kind", "method", "body"), KINDS)
async def test_a_chat_takes_two_of_a_kind_in_a_second(
    *,
    kind: str,
    method: str,
    body: object,
    control: Control,
    bot: aiohttp.ClientSession,
    ann: int,
    mids: list[str],
    pass_time: Callable[[float], None],
) -> None:
    paths = await _paths(control, kind, mids, ann)

    in_one_second = await _statuses(bot, method, paths, body)
    pass_time(1)
    later = await _statuses(bot, method, paths[2:], body)

    assert in_one_second == [200, 200, 429]
    assert later == [200]
    refused = [entry for entry in await control.log() if entry.kind == "refused"]
    assert [(entry.status, entry.code) for entry in refused] == [
        (429, "too.many.requests")
    ]


async def test_kinds_and_chats_have_accounts_of_their_own(
    control: Control, bot: aiohttp.ClientSession, ann: int, mids: list[str]
) -> None:
    bob = await control.add_user("Bob")

    statuses = [
        *await _statuses(bot, "POST", [f"/messages?user_id={ann}"] * 2, {"text": "x"}),
        *await _statuses(
            bot, "PUT", [f"/messages?message_id={mids[0]}"] * 2, {"text": "x"}
        ),
        *await _statuses(bot, "POST", [f"/messages?user_id={bob}"] * 2, {"text": "x"}),
    ]

    assert statuses == [200] * 6


@pytest.mark.usefixtures("held_time")
async def test_a_bot_has_thirty_requests_a_second(
    control: Control, bot: aiohttp.ClientSession, pass_time: Callable[[float], None]
) -> None:
    in_one_second = await _statuses(bot, "GET", ["/me"] * 31, None)
    pass_time(1)
    later = await _statuses(bot, "GET", ["/me"], None)

    assert in_one_second == [200] * 30 + [429]
    assert later == [200]
    counts = {(c.path, c.status): c.count for c in await control.requests()}
    assert counts == {("/me", 200): 31, ("/me", 429): 1}


@pytest.mark.usefixtures("held_time")
async def test_a_bot_has_two_polls_a_second(
    bot: aiohttp.ClientSession, pass_time: Callable[[float], None]
) -> None:
    in_one_second = await _statuses(bot, "GET", ["/updates?timeout=0"] * 3, None)
    pass_time(1)
    later = await _statuses(bot, "GET", ["/updates?timeout=0"] * 2, None)

    assert in_one_second == [200, 200, 429]
    assert later == [200, 200]


async def test_a_well_behaved_bot_leaves_no_refusal(
    control: Control, mids: list[str]
) -> None:
    assert len(mids) == 4
    assert [entry.kind for entry in await control.log()] == ["message"] * 4


def test_chats_that_fell_silent_are_forgotten_and_busy_ones_are_not() -> None:
    limits = RequestLimits(is_on=True, polls=None)
    for chat_id in range(SWEEP):
        limits.act(LimitedCall.SEND, chat_id, 0.0)
    limits.act(LimitedCall.SEND, -1, 5.0)
    limits.act(LimitedCall.SEND, -1, 5.0)

    limits.act(LimitedCall.SEND, -2, 5.5)

    assert limits.size == 2
    assert not limits.act(LimitedCall.SEND, -1, 5.9)
    assert limits.act(LimitedCall.SEND, 0, 5.9)


async def test_limits_can_be_switched_off() -> None:
    async with (
        Sandbox(limits=False) as sandbox,
        aiohttp.ClientSession(
            sandbox.url, headers={"Authorization": sandbox.token}
        ) as bot,
    ):
        statuses = await _statuses(bot, "GET", ["/updates?timeout=0"] * 40, None)

    assert statuses == [200] * 40
