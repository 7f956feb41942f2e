"""What a conversation knows: stacks, contexts, the snapshot, the working copy of a turn."""

# _states, _modes: windows by name, and how dialogs start and appear
# _stack, _snapshot: open dialogs, and how they are stored
# _commands, _events: what a mailbox holds, and the events made of it
# _turn: the working copy; _functions: what can be told of a function
# _values: what authors keep, written and read back; _shared: State that tasks share
# _dialog_state: State of a dialog
# _timer, _timers: a call for later, and all of a conversation; _recurrence: those that repeat
