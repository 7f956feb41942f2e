"""The parts of windows. Import them from `text`, `kbd` and `input`."""

from __future__ import annotations

from duologue.dialogs.widgets._widget import ManagedWidget, When, Widget, WidgetData

__all__ = ["ManagedWidget", "When", "Widget", "WidgetData"]
