"""A bot whose state tells what it has handled, and a nursery that starts it again fast.

Run as `python bot.py`. Each line of the input is a JSON object: `url`, `token`, `state`,
`engine`, `limits`. It starts the bot in a fork of this process, which has imported all
that the bot needs, and writes its process id; when the bot has ended it writes how. The
end of the input ends the bot and the nursery.

The window of a user shows the names of all that the user did, in the order in which it
was handled: messages say `KIND NAME`, presses are named by the ids of their callbacks.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import select
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias, TypedDict

from duologue import Dispatcher, LongPolling
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    ShowMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.kbd import Button, Row
from duologue.dialogs.widgets.text import Const, Format
from duologue.transport.max import Bot, Limits

BUTTONS = ("edit", "tell", "say", "send", "resend")
SLOW = 0.02  # seconds that a slow handler takes
NO_LIMITS = Limits(
    requests=100_000,
    polls=1_000,
    sends=1_000,
    edits=1_000,
    deletes=1_000,
    answers=1_000,
)


class Unlimited(Bot):
    """A bot that has no limits to keep, also not those of a process before."""

    def __init__(self, token: str, *, base_url: str) -> None:
        super().__init__(token, base_url=base_url, limits=NO_LIMITS)

    def follow(self, seconds: float) -> None:
        pass


MODES = {"send": ShowMode.SEND, "resend": ShowMode.DELETE_AND_SEND}


class Done(StatesGroup):
    all = State()


class Start(TypedDict):
    """How a bot is to be started."""

    url: str
    token: str
    state: str
    engine: str
    limits: bool
    drain: float


def note(manager: DialogManager, name: str) -> None:
    names = [*manager.dialog_data.get("names", []), name]
    manager.dialog_data.update(names=names, shown=" ".join(names))


async def pressed(callback: Callback, button: Button, manager: DialogManager) -> None:
    name, kind = callback.callback_id, button.widget_id or ""
    note(manager, name)
    if kind == "tell":
        await callback.answer(f"tell {name}")
    elif kind == "say":
        await callback.bot.send_message(callback.chat_id, f"say {name}")
    await manager.show(MODES.get(kind, ShowMode.EDIT))


Extra: TypeAlias = Callable[[DialogManager, str, str], Awaitable[None]]
"""What a message of some kind does beside; it is told its name and what it is about."""


def make_dispatcher(extras: Mapping[str, Extra] = MappingProxyType({})) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def said(event: MessageCreated, dialog_manager: DialogManager) -> None:
        kind, name, *rest = event.text.split()
        if not dialog_manager.has_context():
            await dialog_manager.start(Done.all)
        note(dialog_manager, name)
        if kind == "say":
            await event.message.answer(f"say {name}")
        elif kind == "cast":
            await event.bot.send_message(int(rest[0]), f"cast {name}")
        elif kind == "slow":
            await asyncio.sleep(SLOW)
        elif kind in extras:
            await extras[kind](dialog_manager, name, rest[0])
        await dialog_manager.show(MODES.get(kind, ShowMode.EDIT))

    buttons = [Button(Const(name), name, on_click=pressed) for name in BUTTONS]
    dispatcher.include_router(
        Dialog(Window(Format("{dialog_data[shown]}"), Row(*buttons), state=Done.all))
    )
    return dispatcher


def run(start: Start) -> None:
    logging.basicConfig(level="WARNING")
    make = Bot if start["limits"] else Unlimited
    bot = make(start["token"], base_url=start["url"])
    LongPolling(
        make_dispatcher(),
        engine=start["engine"] or None,
        state_dir=start["state"],
        drain=start["drain"],
    ).run(bot)


def child(start: Start, be: Callable[[Start], None]) -> None:
    """Be the bot until it ends."""
    code = 1
    try:
        os.close(0)
        os.open(os.devnull, os.O_RDONLY)
        be(start)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        logging.getLogger().exception("the bot has failed")
    finally:
        sys.stderr.flush()
        os._exit(code)


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def serve(be: Callable[[Start], None] = run) -> None:
    """Start bots, one at a time, until the input ends."""
    # A Ctrl-C in the terminal is the driver's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # so that forks share these pages
    tell("ready")
    source = os.fdopen(0, "rb", buffering=0, closefd=False)
    while line := source.readline():
        alive, held_by_bot = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(alive)
            child(json.loads(line), be)
        os.close(held_by_bot)
        tell(f"{pid}")
        # The pipe ends with the bot; the input does when the driver is gone.
        ready, _, _ = select.select([alive, 0], [], [])
        if alive not in ready:
            os.kill(pid, signal.SIGKILL)
        os.close(alive)
        _, status = os.waitpid(pid, 0)
        tell(f"{os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    serve()
