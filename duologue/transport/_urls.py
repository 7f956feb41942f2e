"""What the names of places begin with that keep state; nothing else is needed to know one."""

from __future__ import annotations

from typing import Final

FILE: Final = "sqlite:///"
"""What stands before the path of a state file."""
