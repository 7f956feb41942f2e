"""The sandbox sends updates to webhooks by the rules of MAX."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from duologue.errors import BadRequestError, MessageGoneError
from duologue.transport.max import Bot, Subscription
from duologue.transport.sandbox import (
    Control,
    DeliveryState,
    FaultKind,
    Sandbox,
    WebhookInfo,
)
from duologue.transport.sandbox._world import _courier
from tests.webhooks.conftest import SECRET, Receiver, delivered


async def test_an_update_is_sent_with_the_secret_and_not_to_polls(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    await bot.subscribe(receiver.url, secret=SECRET)

    await control.say(ann, "hello")
    await delivered(control, 1)

    assert receiver.texts == ["hello"]
    assert receiver.secrets == [SECRET]
    assert (await control.position()).queued == ()
    with pytest.raises(BadRequestError, match="a webhook is set"):
        await bot.get_updates(marker=None, limit=1, timeout=0, types=None)


async def test_without_a_secret_none_is_sent(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    await bot.subscribe(receiver.url)

    await control.say(ann, "hello")
    await delivered(control, 1)

    assert receiver.secrets == [None]


async def test_what_is_no_200_is_tried_again_at_growing_distances(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    receiver.statuses = [503, 204, 500]
    await bot.subscribe(receiver.url)

    await control.say(ann, "hello")
    await delivered(control, 1)

    pauses = [later - earlier for earlier, later in pairwise(receiver.times)]
    assert pauses == pytest.approx([60, 150, 375], abs=0.1)
    (delivery,) = await control.deliveries()
    assert delivery.attempts == (503, 204, 500, 200)
    assert delivery.state is DeliveryState.DELIVERED


async def test_after_ten_retries_an_update_is_given_up(receiver: Receiver) -> None:
    receiver.statuses = [500] * 20
    async with Sandbox(webhook_retry=0.1) as quick:
        bot = Bot(quick.token, base_url=quick.url)
        control, ann = quick.control(), await quick.control().add_user("Ann")
        await bot.subscribe(receiver.url)

        await control.say(ann, "hello")
        await delivered(control, 1)
        (delivery,) = await control.deliveries()
        left = await control.position()
        await bot.close()

    assert delivery.attempts == (500,) * 11
    assert delivery.state is DeliveryState.GIVEN_UP
    assert left.queued == ()


async def test_a_webhook_that_never_answers_is_dropped_after_eight_hours(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A minute stands for the eight hours: each second of them takes some real time.
    assert _courier.FORBEARANCE == 8 * 60 * 60 * 1000
    monkeypatch.setattr(_courier, "FORBEARANCE", 60_000)
    receiver.statuses = [500] * 100
    async with Sandbox(webhook_retry=50) as slow:
        bot = Bot(slow.token, base_url=slow.url)
        control, ann = slow.control(), await slow.control().add_user("Ann")
        await bot.subscribe(receiver.url)

        await control.say(ann, "hello")
        await asyncio.sleep(55)
        kept = await bot.subscriptions()
        await asyncio.sleep(130)
        left = await bot.subscriptions()
        await bot.close()

    assert len(kept) == 1
    assert left == ()


async def test_what_comes_behind_a_failure_does_not_wait_for_its_retry(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    await bot.subscribe(receiver.url)

    for text in ("one", "two", "three"):
        await control.say(ann, text)
    await delivered(control, 3)

    assert receiver.texts == ["one", "two", "three", "one"]


async def test_only_the_types_that_are_named_are_sent(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    await bot.subscribe(receiver.url, types=["message_created"])

    await control.start(ann)
    await control.say(ann, "hello")
    await delivered(control, 1)

    assert receiver.texts == ["hello"]
    assert (await control.position()).queued == ()


async def test_two_webhooks_get_each_update(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    await bot.subscribe(receiver.url)
    await bot.subscribe(f"{receiver.url}?second")

    await control.say(ann, "hello")
    await delivered(control, 2)

    assert receiver.texts == ["hello", "hello"]


async def test_what_is_set_is_listed_until_it_is_removed(
    bot: Bot, control: Control
) -> None:
    url = "https://bot.example/max"
    await bot.subscribe(url, types=["bot_started"], secret=SECRET)
    found = await bot.subscriptions(), await control.webhooks()

    await bot.unsubscribe(url)

    assert found == (
        (Subscription(url, ("bot_started",)),),
        [WebhookInfo(url, ("bot_started",), has_secret=True)],
    )
    assert await bot.subscriptions() == ()
    with pytest.raises(MessageGoneError):
        await bot.unsubscribe(url)


@pytest.mark.parametrize(
    ("url", "types", "secret"),
    [
        ("http://bot.example/max", None, None),
        ("https://bot.example:8443/max", None, None),
        ("ftp://bot.example", None, None),
        ("https://bot.example:x/", None, None),
        ("bot.example", None, None),
        ("https://bot.example", ["nonsense"], None),
        ("https://bot.example", None, "abc"),
        ("https://bot.example", None, "under_score"),
    ],
)
async def test_what_max_does_not_take_is_refused(
    bot: Bot, url: str, types: list[str] | None, secret: str | None
) -> None:
    with pytest.raises(BadRequestError):
        await bot.subscribe(url, types=types, secret=secret)

    assert await bot.subscriptions() == ()


@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.DROP])
async def test_a_fault_keeps_a_delivery_away(
    bot: Bot, control: Control, ann: int, receiver: Receiver, kind: FaultKind
) -> None:
    await bot.subscribe(receiver.url)
    await control.fault(kind, method="WEBHOOK", count=1)

    await control.say(ann, "hello")
    await delivered(control, 1)

    (delivery,) = await control.deliveries()
    assert delivery.attempts == (503 if kind is FaultKind.STATUS else 0, 200)
    assert receiver.texts == ["hello"]


async def test_a_fault_loses_the_answer_so_that_an_update_comes_twice(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    await bot.subscribe(receiver.url)
    await control.fault(FaultKind.DROP, method="WEBHOOK", after=True, count=1)

    await control.say(ann, "hello")
    await delivered(control, 1)

    assert receiver.texts == ["hello", "hello"]


async def test_a_fault_makes_a_delivery_late(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    await bot.subscribe(receiver.url)
    await control.fault(FaultKind.SLOW, method="WEBHOOK", delay=7, count=1)
    before = asyncio.get_running_loop().time()

    await control.say(ann, "hello")
    await delivered(control, 1)

    assert asyncio.get_running_loop().time() - before >= 7
    assert receiver.texts == ["hello"]


async def test_where_nothing_listens_there_is_no_answer(
    bot: Bot, control: Control, ann: int, unused_tcp_port: int
) -> None:
    await bot.subscribe(f"http://127.0.0.1:{unused_tcp_port}/")

    said = await control.say(ann, "hello")
    await asyncio.sleep(100)

    (delivery,) = await control.deliveries()
    assert delivery.attempts == (0, 0)
    waiting = (await control.position()).queued
    assert [one.position for one in waiting] == list(said.positions)


async def test_the_traffic_of_a_message_shows_its_deliveries(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    await bot.subscribe(receiver.url, secret=SECRET)

    said = await control.say(ann, "hello")
    await delivered(control, 1)

    assert said.message_id is not None
    traffic = await control.traffic(said.message_id)
    assert [(one.path, one.status) for one in traffic.exchanges] == [
        (receiver.url, 503),
        (receiver.url, 200),
    ]
    assert all(SECRET not in str(one) for one in traffic.exchanges)


async def test_what_was_delivered_waits_no_more_although_an_earlier_one_does(
    bot: Bot, control: Control, ann: int, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    await bot.subscribe(receiver.url)

    refused = await control.say(ann, "first")
    taken = await control.say(ann, "second")
    await delivered(control, 1)

    assert receiver.texts == ["first", "second"]
    for said, is_committed in ((refused, False), (taken, True)):
        assert said.message_id is not None
        (update,) = (await control.traffic(said.message_id)).updates
        assert update.is_committed is is_committed


async def test_the_service_can_be_made_to_drop_webhooks(
    bot: Bot, control: Control, receiver: Receiver
) -> None:
    await bot.subscribe(receiver.url)

    await control.drop_webhooks()

    assert await bot.subscriptions() == ()
