"""Widgets that render buttons."""

from __future__ import annotations

from duologue.dialogs.widgets._kbd import (
    Back,
    Button,
    Cancel,
    Column,
    Keyboard,
    Next,
    RawKeyboard,
    Row,
    Start,
    SwitchTo,
)

__all__ = [
    "Back",
    "Button",
    "Cancel",
    "Column",
    "Keyboard",
    "Next",
    "RawKeyboard",
    "Row",
    "Start",
    "SwitchTo",
]
