"""Widgets that render buttons."""

from __future__ import annotations

from duologue.dialogs.widgets._checkbox import Checkbox, ManagedCheckbox
from duologue.dialogs.widgets._counter import Counter, ManagedCounter
from duologue.dialogs.widgets._kbd import Button, Keyboard, RawKeyboard, Url
from duologue.dialogs.widgets._layout import Column, Group, Row
from duologue.dialogs.widgets._moving import Back, Cancel, Next, Start, SwitchTo
from duologue.dialogs.widgets._operations._buttons import OperationButtons
from duologue.dialogs.widgets._select import ManagedRadio, Radio, Select

__all__ = [
    "Back",
    "Button",
    "Cancel",
    "Checkbox",
    "Column",
    "Counter",
    "Group",
    "Keyboard",
    "ManagedCheckbox",
    "ManagedCounter",
    "ManagedRadio",
    "Next",
    "OperationButtons",
    "Radio",
    "RawKeyboard",
    "Row",
    "Select",
    "Start",
    "SwitchTo",
    "Url",
]
