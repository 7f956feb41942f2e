"""Conversations, and how one turn is run, committed or undone."""

# _conversations: all of a runtime; _settings: what authors decide of it
# _dialog_actors: who has the turns; _runner: one turn, from opening to release
# _release: what its commit lets out; _failed_turns: what becomes of one that fails
# _recovery: what the process before owed
