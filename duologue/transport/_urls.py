"""What the URLs of servers begin with that keep state; nothing else is needed to know one."""

from __future__ import annotations

from typing import Final

SCHEMES: Final = ("redis://", "rediss://", "unix://", "redis+sentinel://")
"""What the URL of a Redis or Valkey server begins with."""
