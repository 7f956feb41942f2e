"""Widgets of long operations."""

# _found: what is known of the operation of a dialog; _text: that as a text; _buttons: its buttons
