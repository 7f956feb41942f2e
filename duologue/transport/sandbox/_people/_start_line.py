"""The line that starts a bot against a sandbox, to be pasted into a terminal."""

from __future__ import annotations

import shlex


def start_line(url: str, token: str) -> str:
    """Write the line for the Bot API at a URL and the token of the bot."""
    quoted = shlex.quote(token)
    return f"DUOLOGUE_MAX_URL={url} DUOLOGUE_MAX_TOKEN={quoted} python bot.py"
