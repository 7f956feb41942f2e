"""The server: named by a URL, checked, listened to."""

from __future__ import annotations

# _checks knows what a server has to be like, and what its user has to be allowed; _server
# has the connections.
from duologue._redis import Durability
from duologue.transport.redis._server._server import Server

__all__ = [
    "Durability",
    "Server",
]
