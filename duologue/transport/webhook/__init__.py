"""Webhooks: the door to which a messenger brings updates, and what the messenger knows of it."""

# _source: what a messenger must be able to do
# _door: the HTTP side; _reception: what becomes of a body
# _keeper: sets the webhook, and again when it is gone
# _receiving: all bots of a runtime; _cli: the command

from __future__ import annotations

# What others use of it is public in `duologue.transport`.
__all__: list[str] = []
