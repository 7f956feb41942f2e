"""The composition root: wires the parts, starts them, drains and stops them."""

from __future__ import annotations

from duologue.runtime._reports import OnError
from duologue.runtime._runtime import Runtime

__all__ = ["OnError", "Runtime"]
