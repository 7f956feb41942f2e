"""Virtual time, probes, and waiting for actors, for tests."""

from __future__ import annotations

# _virtual_loop, _virtual_clock: time that jumps
# _probe: an actor to talk through; _settled: waiting for silence
from duologue.actors.testing._probe import Probe
from duologue.actors.testing._settled import settled
from duologue.actors.testing._virtual_clock import VirtualClock
from duologue.actors.testing._virtual_loop import VirtualLoop, virtual_loop_factory

__all__ = ["Probe", "VirtualClock", "VirtualLoop", "settled", "virtual_loop_factory"]
