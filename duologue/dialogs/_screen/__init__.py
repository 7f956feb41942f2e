"""Screens: from a commit to the messenger."""

# _render: from widgets to a view, and to what must be drawn
# _presenter, _drawing: when it is drawn, and the calls
# _confirmations: what the state and the engine hear of it
# _callbacks: answers to presses
# _owed, _rows: what commits owe to screens, and the next process must know
# _screens: what is on its way; _keyboards: addressed, checked, written once
# _owed, _rows: what the next process has to know, to draw and of messages
