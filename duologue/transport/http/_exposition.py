"""The numbers of a registry, in the form that a client asks for."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from prometheus_client.exposition import choose_encoder, gzip_accepted

from duologue.transport.http._prometheus import registry_of
from duologue.transport.http._registry import MetricsRegistry


class Exposition:
    """Writes the numbers down for each scrape.

    Args:
        registry: Where they are.
    """

    def __init__(self, registry: MetricsRegistry) -> None:
        self._registry = registry_of(registry)

    def of(self, accept: str, encodings: str) -> tuple[bytes, Mapping[str, str]]:
        """Write them down.

        Args:
            accept: The header `Accept` of the client.
            encodings: Its header `Accept-Encoding`.

        Returns:
            The numbers, and the headers that say what they are.
        """
        encode, content_type = choose_encoder(accept)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        body = encode(self._registry)
        if not gzip_accepted(encodings):
            return body, headers
        return gzip.compress(body, compresslevel=1), {
            **headers,
            "Content-Encoding": "gzip",
        }
