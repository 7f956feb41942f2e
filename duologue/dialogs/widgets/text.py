"""Widgets that render text."""

from __future__ import annotations

from duologue.dialogs.widgets._text import (
    Const,
    Format,
    Multi,
    Text,
)

__all__ = [
    "Const",
    "Format",
    "Multi",
    "Text",
]
