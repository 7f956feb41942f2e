"""The composition root: wires the parts, starts them, drains and stops them."""

from __future__ import annotations

# _runtime: what an application starts; _settings: what it is told; _assembly: its parts
# _engines, _states: where its state lies; _bots: who works; _lock: one program for each
# _refs: who reaches it from other programs; _exposed_states: its State
# _metrics, _reports: what operators see, and errors that nobody awaits
from duologue.runtime._reports import OnError
from duologue.runtime._runtime import Runtime

__all__ = ["OnError", "Runtime"]
