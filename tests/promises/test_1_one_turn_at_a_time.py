"""Promise 1: one turn at a time per address."""

from __future__ import annotations

import asyncio

import pykka
import pytest

from duologue import Dispatcher
from duologue.dialogs import GROUP_STACK_ID, Settings, ShowMode
from duologue.errors import OutsideMailError
from duologue.testing import Playground

GROUP = -7


async def test_twenty_clicks_at_once_on_a_slow_handler_count_to_twenty(
    chat: Playground,
) -> None:
    await asyncio.gather(*(chat.click(1, "more") for _ in range(20)))
    await chat.settled()

    assert chat.screen(1).text == "20 "


async def test_ten_background_updates_at_once_are_all_kept_in_their_order(
    chat: Playground,
) -> None:
    await asyncio.gather(*(chat.dialog(1).update({f"k{i}": i}) for i in range(10)))
    await chat.settled()

    assert chat.screen(1).text == "0 " + " ".join(f"k{i}={i}" for i in range(10))


async def test_a_slow_click_and_a_background_update_during_it_both_survive(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    await chat.click(1, "hold")
    await held.wait()
    receipt = await chat.dialog(1).update({"note": "hi"})
    gate.set()
    await receipt
    await chat.settled()

    assert chat.screen(1).text == "1 note=hi"


async def test_ten_foreground_blocks_at_once_count_to_ten(chat: Playground) -> None:
    async def count() -> None:
        async with chat.dialog(1).fg() as manager:
            seen = manager.dialog_data.get("n", 0)
            await asyncio.sleep(1)
            manager.dialog_data["n"] = seen + 1
            await manager.show()

    await asyncio.gather(*(count() for _ in range(10)))
    await chat.settled()

    assert chat.screen(1).text == "10 "


async def test_ten_users_of_a_shared_stack_count_to_ten(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    shared = chat.runtime.dialog(chat_id=GROUP, stack_id=GROUP_STACK_ID)
    _receipt = await shared.start(dispatcher.state_by_name("Counter:showing"))
    await chat.settled()

    await asyncio.gather(
        *(chat.click(user, "more", chat_id=GROUP) for user in range(1, 11))
    )
    await chat.settled()

    assert chat.screen(1, chat_id=GROUP).text == "10 "


async def test_users_of_a_group_have_counters_of_their_own(chat: Playground) -> None:
    messages: dict[int, str] = {}
    for user in (1, 2):
        await chat.say(user, "/start", chat_id=GROUP)
        await chat.settled()
        messages[user] = chat.screen(user, chat_id=GROUP).id

    for user in (1, 2, 2):
        await chat.click(user, "more", chat_id=GROUP, message_id=messages[user])
        await chat.settled()

    shown = [chat.bot.message(message_id) for message_id in messages.values()]
    assert [message and message.text for message in shown] == ["1 ", "2 "]


async def test_a_thousand_chats_finish_while_the_handler_of_one_is_held(
    chat: Playground, dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    await chat.click(1, "hold")
    await held.wait()
    state = dispatcher.state_by_name("Counter:showing")
    users = range(2, 1002)
    receipts = [await chat.dialog(user).start(state) for user in users]

    outcomes = [await receipt for receipt in receipts]

    assert len(outcomes) == 1000
    assert chat.screen(1).text == "0 "
    gate.set()


@pytest.mark.timeout(120)
@pytest.mark.in_memory
async def test_ten_thousand_idle_dialogs_own_no_task(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    state = dispatcher.state_by_name("Counter:showing")
    before = len(asyncio.all_tasks())

    for user in range(2, 10_002):
        _receipt = await chat.dialog(user).start(state, show_mode=ShowMode.NO_UPDATE)
    await chat.settled()

    assert len(asyncio.all_tasks()) == before
    assert len(pykka.ActorRegistry.get_by_class_name("DialogActor")) == 10_001


async def test_an_idle_actor_is_let_go_and_the_next_click_finds_its_state(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher, settings=Settings(idle_after=60)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()

        await asyncio.sleep(121)
        actors = pykka.ActorRegistry.get_by_class_name("DialogActor")
        await chat.click(1, "more")
        await chat.settled()

        assert actors == []
        assert chat.screen(1).text == "2 "


async def test_a_chat_with_much_mail_does_not_keep_another_waiting(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    state = dispatcher.state_by_name("Counter:showing")
    dialog = chat.dialog(1)
    busy = await asyncio.gather(*(dialog.update({"k": i}) for i in range(500)))
    other = await chat.dialog(2).start(state)

    await other

    assert not busy[-1].done()
    await busy[-1]


async def test_a_dialog_actor_takes_no_messages_by_its_ref(chat: Playground) -> None:
    (ref,) = pykka.ActorRegistry.get_by_class_name("DialogActor")

    with pytest.raises(OutsideMailError, match="bg"):
        ref.tell("more")
    with pytest.raises(OutsideMailError, match="bg"):
        _answer = ref.ask("more", block=False)

    await chat.click(1, "more")
    await chat.settled()
    assert chat.screen(1).text == "1 "
