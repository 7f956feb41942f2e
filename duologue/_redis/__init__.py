"""A Redis or Valkey server, as engines and other programs find it."""

from __future__ import annotations

# _address reads URLs, and says where something is without what is secret; _place reads
# what an engine has of its own in one; _durability says what waits for a copy.
# _client makes clients, and is imported where one is needed, since redis is large.
from duologue._redis._address import CLUSTERS, SCHEMES, Address
from duologue._redis._durability import Durability, kept_by, wait_for
from duologue._redis._place import (
    NAMESPACE,
    SHARDS,
    SHARDS_OF_CLUSTER,
    Place,
    check_place,
    place_in,
)

__all__ = [
    "CLUSTERS",
    "NAMESPACE",
    "SCHEMES",
    "SHARDS",
    "SHARDS_OF_CLUSTER",
    "Address",
    "Durability",
    "Place",
    "check_place",
    "kept_by",
    "place_in",
    "wait_for",
]
