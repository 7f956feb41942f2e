"""The server, or several that act as one: named by a URL, checked, listened to."""

from __future__ import annotations

# _checks knows what a server has to be like, and what its user has to be allowed; _server
# has the connections. _cluster is one of several servers, which _nodes knows.
from duologue._redis import Durability
from duologue.transport.redis._server._cluster import ClusterServer, server_of
from duologue.transport.redis._server._server import Server

__all__ = [
    "ClusterServer",
    "Durability",
    "Server",
    "server_of",
]
