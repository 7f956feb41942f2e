"""Long polling: the poller actor, its rules, markers, and handing updates over."""

# _poller: the actor; _rules: what it does next, decided; _steps: its words
# _io: its calls; _handover: where updates are given to
# _markers: the place in the queue; _fetching, _connecting: all bots of a runtime
# _reporter, _outage: what operators hear

from __future__ import annotations

# What others use of it is public in `duologue.transport`.
__all__: list[str] = []
