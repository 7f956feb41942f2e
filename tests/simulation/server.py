"""A Redis server in memory that runs the real scripts, and may do whatever servers do."""

from __future__ import annotations

import asyncio
import copy
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import redis
from fakeredis import FakeServer
from fakeredis._core._database import Item
from fakeredis._helpers import NoResponse, SimpleError, SimpleString
from fakeredis._socket._fakesocket import FakeSocket

from duologue.transport.redis._wire._scripts import ALL

Reply: TypeAlias = "Sequence[Reply] | SimpleString | SimpleError | bytes | int | None"

_NAMES: Final = {script.sha.encode(): script.name for script in ALL}
_INFO: Final = b"\r\n".join(
    [
        b"redis_version:7.4.0",
        b"role:master",
        b"connected_slaves:1",
        b"aof_enabled:1",
        b"maxmemory:1000000",
        b"maxmemory_policy:noeviction",
    ]
)
_FULL: Final = "OOM command not allowed when used memory > 'maxmemory'."


def written(reply: Reply) -> bytes:
    """An answer as it goes over the wire."""
    match reply:
        case None:
            return b"$-1\r\n"
        case SimpleString():
            return b"+%b\r\n" % reply.value
        case SimpleError():
            return b"-%b\r\n" % reply.value.encode()
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case _:
            return b"*%d\r\n%b" % (len(reply), b"".join(map(written, reply)))


class Session(FakeSocket):
    """A connection, on the side of the server.

    Args:
        server: The server.
        say: Is given what goes to the client.
    """

    def __init__(self, server: SimulatedServer, say: Callable[[bytes], None]) -> None:
        super().__init__(server.fake, 0, client_class=redis.Redis)
        self._simulated = server
        self._say = say
        self._last: Reply = None
        self._wanted: Callable[[bool], Reply] | None = None
        self._end_of_wait: asyncio.TimerHandle | None = None

    def take(self, data: bytes) -> None:
        """Do what has been asked for."""
        self.sendall(data)
        self._simulated.wake()

    def end(self) -> None:
        """The client has left."""
        self._stop_waiting()
        self.close()

    def put_response(self, msg: Reply) -> None:
        self._last = msg
        self._say(written(msg))

    def _decode_result(self, result: Reply) -> Reply:
        return result

    def _process_command(self, fields: list[bytes]) -> None:
        match fields[0].upper():
            case b"INFO":
                self.put_response(_INFO)
            case b"XREAD":  # only to find out whether one may; fakeredis breaks on it
                self.put_response(SimpleError("WRONGTYPE it is no stream"))
            case b"WAIT":
                self.put_response(self._simulated.replicas())
            case _:
                super()._process_command(fields)
        if self._simulated.transcript is not None:
            said = Said(round(time.time() * 1e6) // 1000, fields, self._last)
            self._simulated.transcript.append(said)

    def evalsha(self, sha1: bytes, numkeys: int, *rest: bytes) -> Reply:
        """Run a script, which was read only once."""
        server, name = self._simulated, _NAMES.get(sha1, "")
        text = self._server.script_cache.get(sha1)
        if text is None:
            server.met["unknown script"] += 1
            return SimpleError("NOSCRIPT No matching script. Please use EVAL.")
        if server.is_full and b"flags=allow-oom" not in text.partition(b"\n")[0]:
            server.met["refused, memory is full"] += 1
            return SimpleError(_FULL)
        runtime = self._get_server_runtime(self._server)
        script = server.scripts.get(sha1)
        if script is None:
            script = server.scripts[sha1] = runtime.compile(server.readable(name, text))
        state = vars(self._server)  # it has got these by the line above
        state["_lua_current_socket"][0] = self
        self._script_resp = 2
        state["_lua_set_keys_argv"](
            runtime.table_from(rest[:numkeys]), runtime.table_from(rest[numkeys:])
        )
        try:
            reply: Reply = self._convert_lua_result(script(), nested=False)
        finally:
            self._script_resp = None
        server.count(name, reply)
        return reply

    def _lua_redis_call(
        self, lua_runtime: object, _: object, op: bytes, *args: object
    ) -> object:
        # Without a look at all globals each time: scripts that set one fail anyway.
        command, signature = self._name_to_func(op.decode().lower())
        words = [_word(arg) for arg in args]
        reply = self._run_command(command, signature, words, from_script=True)
        return self._convert_redis_result(lua_runtime, reply)

    def _blocking(
        self,
        timeout: float | None,
        func: Callable[[bool], Reply],
        shape: Callable[[Reply], Reply] | None = None,  # noqa: ARG002  # nothing is nothing
    ) -> Reply | NoResponse:
        found = func(True)  # noqa: FBT003  # so it is called
        if found is not None:
            return found
        self._wanted = func
        self._paused = True
        self._simulated.waiting.append(self)
        loop = asyncio.get_running_loop()
        self._end_of_wait = loop.call_later(timeout or 1e9, self._answer, None)
        return NoResponse()

    def try_again(self) -> None:
        """Look once more for what the client waits for."""
        assert self._wanted is not None
        with self._server.lock:
            found = self._wanted(False)  # noqa: FBT003  # so it is called
        if found is not None:
            self._answer(found)

    def _answer(self, reply: Reply) -> None:
        self._stop_waiting()
        self.put_response(reply)
        self.resume()

    def _stop_waiting(self) -> None:
        if self._end_of_wait is not None:
            self._end_of_wait.cancel()
            self._end_of_wait = None
            self._wanted = None
            self._simulated.waiting.remove(self)


def _word(value: object) -> bytes:
    """A word of a command in a script, as the server takes it."""
    if isinstance(value, bytes):
        return value
    assert isinstance(value, (int, float)), value
    return f"{value:.17g}".encode()


@dataclass(frozen=True, slots=True)
class Said:
    """A command and its answer.

    Attributes:
        at: The time of the server, in milliseconds.
        words: The command.
        reply: The answer.
    """

    at: int
    words: Sequence[bytes]
    reply: Reply


@dataclass(frozen=True, slots=True)
class Data:
    """What a server kept at one moment.

    Attributes:
        items: All of it.
        ends: How many turns had ended.
    """

    items: dict[bytes, Item]
    ends: int


class SimulatedServer:
    """A server.

    Args:
        changes: What is put wrong in the script of a name: a text, and another one.

    Attributes:
        met: How often what a fault is to bring about has come about.
        clock: Seconds by which its clock is wrong.
        is_full: Whether it has no memory left for more.
        lags: Whether its replica hears nothing.
        waiting: Who waits for something to come, longest first.
        scripts: Those that have been read.
        transcript: All commands and their answers, if these are wanted.
    """

    def __init__(self, changes: Mapping[str, tuple[str, str]] | None = None) -> None:
        self._changes = changes or {}
        self.fake = FakeServer(version=(7, 4))
        self.met: Counter[str] = Counter()
        self.clock: float = 0.0
        self.is_full = False
        self.lags = False
        self.waiting: list[Session] = []
        self.transcript: list[Said] | None = None
        self.scripts: dict[bytes, Callable[[], object]] = {}

    def readable(self, name: str, text: bytes) -> bytes:
        """What is run of a script: Lua knows nothing of its first line."""
        before, after = self._changes.get(name, ("#!", "--"))
        assert before.encode() in text
        changed = text.replace(before.encode(), after.encode(), 1)
        return changed.replace(b"#!", b"--", 1)

    def count(self, name: str, reply: Reply) -> None:
        """Count what a script has answered."""
        if not isinstance(reply, list):
            return
        if name == "lease":
            self.met["lease expired"] += reply[2]
        elif name == "extend":
            self.met["lease lost"] += reply.count(b"")
        elif name == "enqueue":
            self.met["came twice"] += reply[2].count(0)
        elif reply and isinstance(reply[0], bytes):
            self.met[f"{name} {reply[0].decode()}"] += 1
        if self.clock:
            self.met["at a wrong time"] += 1

    @property
    def _ends(self) -> int:
        return self.met["commit done"] + self.met["commit released"]

    def wake(self) -> None:
        """Serve those who have waited for what is there now."""
        for session in self.waiting.copy():
            session.try_again()

    def replicas(self) -> int:
        """How many replicas have all that was written."""
        if self.lags:
            self.met["no replica had it"] += 1
        return 0 if self.lags else 1

    def forget_scripts(self) -> None:
        """Forget all scripts, as after a start."""
        self.fake.script_cache.clear()

    def copied(self) -> Data:
        """All that it keeps, as it is now."""
        return Data(copy.deepcopy(self.fake.dbs[0]._dict), self._ends)

    def restore(self, data: Data) -> int:
        """Keep what was kept then, and nothing since; tell how many ends of turns that is."""
        database = self.fake.dbs[0]
        database._dict.clear()
        database._expiry_heap.clear()
        database._dict.update(data.items)
        for key, item in database._dict.items():
            database.schedule_expiry(key, item.expireat)
        return self._ends - data.ends

    def names(self) -> list[str]:
        """The names of all that it keeps."""
        return sorted(key.decode() for key in self.fake.dbs[0])

    def value(self, key: str) -> object:
        """What it keeps under a name."""
        item = self.fake.dbs[0].get(key.encode())
        return None if item is None else item.value
