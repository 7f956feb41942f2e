"""A bot that keeps a journal of what it has handled and can be held inside a turn.

Run as `python bot.py TOKEN STATE_DIR JOURNAL GATE_PORT DRAIN`. A message that begins
with "hold" is handled when the test lets it through: the bot connects to the gate,
and goes on when it has read a line; at "block" it does so without awaiting. The
window of a user shows all that the state of the dialog holds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

from duologue import Dispatcher, LongPolling
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


class Journal:
    """What has been handled. A line is out of this process when `note` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, text: str) -> None:
        os.write(self._file, f"{text}\n".encode())


async def pass_gate(port: int) -> None:
    """Wait for the test.

    Raises:
        ConnectionError: The gate was closed instead of opened.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if not await reader.readline():
            raise ConnectionError("the gate was closed")
    finally:
        writer.close()


def block(port: int) -> None:
    """Wait for the test as nobody should: the whole program stands still."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.recv(1)


def make_dispatcher(journal: Journal, gate: int) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def note(event: MessageCreated, dialog_manager: DialogManager) -> None:
        if not dialog_manager.has_context():
            await dialog_manager.start(Notes.all)
        texts = [*dialog_manager.dialog_data.get("texts", []), event.text]
        shown = {"texts": texts, "shown": " ".join(texts)}
        if event.text.startswith("hold"):
            await pass_gate(gate)
        elif event.text == "block":
            block(gate)
        await dialog_manager.update(shown, show_mode=ShowMode.EDIT)
        journal.note(event.text)

    dispatcher.include_router(
        Dialog(Window(Format("{dialog_data[shown]}"), state=Notes.all))
    )
    return dispatcher


def main(token: str, state_dir: str, journal: str, gate: str, drain: str) -> None:
    logging.basicConfig(level="INFO")
    dispatcher = make_dispatcher(Journal(Path(journal)), int(gate))
    LongPolling(dispatcher, state_dir=state_dir, drain=float(drain)).run(Bot(token))


if __name__ == "__main__":
    main(*sys.argv[1:])
