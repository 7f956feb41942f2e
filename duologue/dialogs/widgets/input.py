"""Widgets that take what the user writes."""

from __future__ import annotations

from duologue.dialogs.widgets._input import (
    Input,
    ManagedTextInput,
    MessageInput,
    TextInput,
)

__all__ = [
    "Input",
    "ManagedTextInput",
    "MessageInput",
    "TextInput",
]
