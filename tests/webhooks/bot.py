"""A bot that is brought updates and keeps what it hears, in a program of its own.

Run as `python bot.py URL PORT JOURNAL`; the engine is that of the environment. Each line
of the journal is out of this process before the turn that wrote it can end.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from duologue import Dispatcher, Webhook
from duologue.dialogs import (
    Dialog,
    DialogManager,
    MessageCreated,
    ShowMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.text import Format
from duologue.transport.max import Bot


class Notes(StatesGroup):
    all = State()


def make_dispatcher(journal: int) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def note(event: MessageCreated, dialog_manager: DialogManager) -> None:
        if not dialog_manager.has_context():
            await dialog_manager.start(Notes.all)
        texts = [*dialog_manager.dialog_data.get("texts", []), event.text]
        await dialog_manager.update(
            {"texts": texts, "shown": " ".join(texts)}, show_mode=ShowMode.EDIT
        )
        os.write(journal, f"{event.chat_id} {event.text}\n".encode())

    dispatcher.include_router(
        Dialog(Window(Format("{dialog_data[shown]}"), state=Notes.all))
    )
    return dispatcher


def main(url: str, port: str, path: str) -> None:
    logging.basicConfig(level="WARNING")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    dispatcher = make_dispatcher(os.open(Path(path), flags, 0o600))
    Webhook(dispatcher, metrics_port=None).run(Bot(), url=url, port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
