"""Conversations, and how one turn is run, committed or undone."""

# _conversations: all of a runtime
# _runner, _playing, _execution, _failed_turns, _stage: one turn
