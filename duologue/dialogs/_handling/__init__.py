"""What a turn does: from its message to the rendered windows."""

# _handling: each command, carried out; _calls: in a background call
# _presses, _targets: whether it may be, and where; _discarded: it is moot
# _messages: what other programs send; _people: who it is
# _stale, _refused_views, _notices: presses and views that belong to nothing any more
