"""Long polling: the poller actor, its rules, markers, and handing updates over."""

# _poller: the actor and the way to talk to it; _run: its coroutine
# _rules: what it does next, decided; _steps: its actions and events
# _io: its calls; _handover: handing updates to an intake
# _markers: the place in the queue; _fetching, _connecting: all bots of a runtime
# _reporter, _outage: what operators hear

from __future__ import annotations

# What others use of it is public in `duologue.transport`.
__all__: list[str] = []
