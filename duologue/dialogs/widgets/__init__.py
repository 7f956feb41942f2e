"""The parts of windows. Import them from `text`, `kbd` and `input`."""

from __future__ import annotations

# text, kbd, input: what authors import
# _widget: what all share
# _text, _escaping, _progress: texts
# _kbd, _layout, _moving, _select, _checkbox, _counter: buttons
# _operations: texts and buttons of long operations
# _input: what the user writes
from duologue.dialogs.widgets._widget import ManagedWidget, When, Widget, WidgetData

__all__ = ["ManagedWidget", "When", "Widget", "WidgetData"]
