"""A bot that reminds its users: of what they wrote, when they wanted.

The state lies in a file, and so do the timers: reminders come after a restart too, and those
that were missed come at its beginning.

DUOLOGUE_MAX_TOKEN=... python examples/reminder.py
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from operator import itemgetter

from duologue import Dispatcher, LongPolling
from duologue.dialogs import (
    BotStarted,
    Callback,
    Daily,
    Dialog,
    DialogManager,
    MessageCreated,
    ScheduledCalls,
    ShowMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.input import TextInput
from duologue.dialogs.widgets.kbd import Button, Column, Select, SwitchTo
from duologue.dialogs.widgets.text import Const, Format
from duologue.transport.max import Bot

WHEN: Mapping[str, timedelta | Daily] = {
    "in an hour": timedelta(hours=1),
    "tomorrow": timedelta(days=1),
    "every morning": Daily(time(9), zone="Europe/Berlin"),
}


class Reminders(StatesGroup):
    listing = State()
    text = State()
    when = State()


def scheduled(manager: DialogManager, when: str, key: str) -> ScheduledCalls:
    """A call of this dialog at the time that was chosen."""
    chosen = WHEN[when]
    if isinstance(chosen, Daily):
        return manager.bg().schedule(every=chosen, key=key)
    return manager.bg().schedule(chosen, key=key)


async def remember(
    _: Callback, __: Select[str], manager: DialogManager, when: str
) -> None:
    """Set the timer: it and what the list shows are one commit."""
    data = manager.dialog_data
    data["count"] = data.get("count", 0) + 1
    key = f"reminder {data['count']}"
    data[key] = {"text": data.pop("text"), "when": when, "is_due": False}
    # At its time this is merged into the data, and the window is sent anew.
    due = {key: {**data[key], "is_due": True}}
    await scheduled(manager, when, key).update(due, ShowMode.SEND)
    await manager.switch_to(Reminders.listing)


async def forget(
    _: Callback, __: Select[str], manager: DialogManager, key: str
) -> None:
    await manager.bg().unschedule(key)
    manager.dialog_data.pop(key, None)


async def note(_: Callback, __: Button, manager: DialogManager) -> None:
    """The user has read what was due; what repeats is due again tomorrow."""
    for key, one in reminders(manager).items():
        if one["is_due"] and isinstance(WHEN[str(one["when"])], Daily):
            one["is_due"] = False
        elif one["is_due"]:
            del manager.dialog_data[key]


async def take_text(
    _: MessageCreated, __: TextInput[str], manager: DialogManager, text: str
) -> None:
    manager.dialog_data["text"] = text
    await manager.switch_to(Reminders.when)


def reminders(manager: DialogManager) -> dict[str, dict[str, object]]:
    data = manager.dialog_data.items()
    return {key: one for key, one in data if key.startswith("reminder ")}


async def show(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    found = reminders(dialog_manager)
    due = [f"⏰ {one['text']}\n" for one in found.values() if one["is_due"]]
    waiting = [
        (key, f"✗ {one['text']}, {one['when']}")
        for key, one in found.items()
        if not one["is_due"] or isinstance(WHEN[str(one["when"])], Daily)
    ]
    return {"due": "".join(due), "waiting": waiting}


NOTED = Button(Const("Noted"), id="noted", on_click=note, when="due")
dispatcher = Dispatcher()


@dispatcher.message(CommandStart())
async def start(
    _event: BotStarted | MessageCreated, dialog_manager: DialogManager
) -> None:
    """Open the dialog once: its timers would end with it."""
    if dialog_manager.has_context():
        await dialog_manager.switch_to(Reminders.listing, ShowMode.SEND)
    else:
        await dialog_manager.start(Reminders.listing)


dispatcher.include_router(
    Dialog(
        Window(
            Format("{due}I remind you of what you like."),
            NOTED,
            Column(
                Select(
                    Format("{item[1]}"),
                    "forget",
                    itemgetter(0),
                    "waiting",
                    on_click=forget,
                )
            ),
            SwitchTo(Const("Remind me"), id="new", state=Reminders.text),
            state=Reminders.listing,
        ),
        Window(
            Format("{due}Of what?"),
            NOTED,
            TextInput("text", on_success=take_text),
            state=Reminders.text,
        ),
        Window(
            Format("{due}When?"),
            NOTED,
            Column(
                Select(Format("{item}"), "when", str, list(WHEN), on_click=remember)
            ),
            state=Reminders.when,
        ),
        getter=show,
    )
)

if __name__ == "__main__":
    LongPolling(dispatcher).run(Bot())
