"""The demo: a local messenger, a bot, and a scripted conversation between them."""

from __future__ import annotations

__all__: list[str] = []
