"""The server: named by a URL, checked, listened to."""

from __future__ import annotations

# _address reads URLs, and says where something is without what is secret; _checks knows
# what a server has to be like, and what its user has to be allowed; _server has the
# connections.
from duologue.transport.redis._server._address import Address
from duologue.transport.redis._server._checks import Durability
from duologue.transport.redis._server._server import Server

__all__ = [
    "Address",
    "Durability",
    "Server",
]
