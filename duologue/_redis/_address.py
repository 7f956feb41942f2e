"""The URL of a server, read once: where it is, who asks, and what may be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from duologue.errors import RuntimeSettingError

CLUSTERS: Final = ("redis+cluster://", "rediss+cluster://")
"""What the URL of a cluster begins with."""

SCHEMES: Final = ("redis://", "rediss://", "unix://", "redis+sentinel://", *CLUSTERS)
"""What the URL of a Redis or Valkey server begins with."""

_SENTINEL_PORT: Final = 26379
_PORT: Final = 6379
_LAST_PORT: Final = 65535
_MASTER: Final = "mymaster"
_DATABASE: Final = "db"
_TLS: Final = frozenset(
    {
        "ssl_ca_certs",
        "ssl_ca_path",
        "ssl_cert_reqs",
        "ssl_certfile",
        "ssl_check_hostname",
        "ssl_keyfile",
    }
)


class Address:
    """Where a server is.

    Args:
        url: The URL, without what the engine itself takes from its query.
        setting: What it is the value of.

    Attributes:
        scheme: How it is reached, such as `rediss`.
        username: Who asks; None for the default user.
        password: Its password, as it is, without escapes.
        places: Hosts and ports: one, or those of sentinels or nodes.
        master: What sentinels call the server.
        database: The number of the database.
        query: The options of the connections, as the URL has them.
        said: Where it is, for people: without user, password and options.

    Raises:
        RuntimeSettingError: The URL is none, or says what this kind of server cannot.
    """

    def __init__(self, url: str, setting: str = "engine=") -> None:
        self._setting = setting
        if not url.startswith(SCHEMES):
            raise self._wrong(f"its URL begins with one of {', '.join(SCHEMES)}")
        parts = urlsplit(url)
        self.url: str = url
        self.scheme: str = parts.scheme
        user, _, hosts = parts.netloc.rpartition("@")
        name, has_password, password = user.partition(":")
        self.username: str | None = unquote(name) or None
        self.password: str | None = unquote(password) if has_password else None
        default = _SENTINEL_PORT if self.has_sentinels else _PORT
        self.places: Sequence[tuple[str, int]] = [
            self._place(each, default) for each in hosts.split(",")
        ]
        path = parts.path.strip("/")
        self.master: str = unquote(path) or _MASTER
        self.query: str = parts.query
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._check_options(options, parts.fragment)
        self.database: int = self._database(path, options.get(_DATABASE))
        said = parts.path if path else ""
        self.said: str = f"{parts.scheme}://{hosts}{said}"

    @property
    def is_cluster(self) -> bool:
        """Whether it is a cluster, some of whose servers are named."""
        return self.url.startswith(CLUSTERS)

    @property
    def has_sentinels(self) -> bool:
        """Whether sentinels say where it is."""
        return self.scheme == "redis+sentinel"

    def _check_options(self, options: dict[str, str], fragment: str) -> None:
        known = set[str]() if self.is_cluster else {_DATABASE}
        if self.scheme.startswith("rediss"):
            known |= _TLS
        unknown = sorted(options.keys() - known)
        if unknown:
            problem = f"its URL has {unknown[0]}=, which {self.scheme}:// does not know"
            raise self._wrong(problem)
        if fragment:
            raise self._wrong("its URL has a #; in a password write %23")
        are_many = self.has_sentinels or self.is_cluster or self.scheme == "unix"
        if len(self.places) > 1 and not are_many:
            raise self._wrong(
                f"{self.scheme}:// names one host; sentinels and servers of a cluster may "
                "be several"
            )

    def _database(self, path: str, given: str | None) -> int:
        """The number of the database.

        Raises:
            RuntimeSettingError: It is none.
        """
        if given is None:
            is_number = self.scheme in ("redis", "rediss") and path
            given = path if is_number else "0"
        if not (given.isascii() and given.isdigit()):
            raise self._wrong("the database in its URL is no number; write /0 or ?db=0")
        if self.is_cluster and path:
            raise self._wrong("a cluster has no databases, so its URL has no path")
        return int(given)

    def _place(self, text: str, default: int) -> tuple[str, int]:
        """A host and a port."""
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, port = text, str(default)
        if not (port.isascii() and port.isdigit() and int(port) <= _LAST_PORT):
            raise self._wrong(
                "the port in its URL is no number up to 65535; in a password write / "
                "as %2F, @ as %40, : as %3A"
            )
        return host.strip("[]") or "localhost", int(port)

    def _wrong(self, problem: str) -> RuntimeSettingError:
        # What is wrong is told without the URL: it may hold a password.
        return RuntimeSettingError(self._setting, problem)
