"""The demo: a local messenger, a bot, and a scripted conversation between them."""

from __future__ import annotations

# bot: the bot that is shown; _acts, _scene, _checks: what happens, is seen and must be
# _cli, _command: the terminal command; _run: one run; _player: the user of it
# _programs: the processes, and how they end together
# _screen, _terminal, _plain, _lines: what is printed

__all__: list[str] = []
