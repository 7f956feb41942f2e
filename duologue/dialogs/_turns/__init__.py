"""Conversations, and how one turn is run, committed or undone."""

# _conversations: all of a runtime; _settings: what authors decide of it
# _intake: from updates to mail
# _dialog_actors: who has the turns; _runner: one turn, from opening to release
# _opening: what it begins with; _turn_time: how long it may take
# _commits: it becomes real; _release: what that lets out
# _unsure: nobody knows whether it did; _error_turns: error handlers react to a failed one
# _failed_turns: who is told of it; _recovery: what the process before owed
