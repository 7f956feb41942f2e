"""Widgets that render text."""

from __future__ import annotations

from duologue.dialogs.widgets._operations._text import OperationProgress
from duologue.dialogs.widgets._progress import Progress
from duologue.dialogs.widgets._text import (
    Case,
    Const,
    Format,
    Multi,
    Text,
)

__all__ = [
    "Case",
    "Const",
    "Format",
    "Multi",
    "OperationProgress",
    "Progress",
    "Text",
]
