"""The two ancestors that others are known by."""

from __future__ import annotations


class DuologueError(Exception):
    """The ancestor of every error that duologue raises on its own account."""


class DialogsError(DuologueError):
    """A dialog was described or used in a way that cannot work."""
