"""`duologue state` of a server: numbers, damage, an export, dead letters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from duologue.__main__ import main
from duologue.transport.redis import RedisEngine
from tests.engines.conftest import DIALOG, Desk, fill as fill_any
from tests.servers import RedisServer, server, valkey_program

FAILED, WRONG_USE = 1, 2
SECRET = "hunter2"  # noqa: S105  # that of no one


class Run(Protocol):
    def __call__(self, *arguments: str) -> str: ...


class Use(Protocol):
    def __call__(self, do: Callable[[RedisEngine], Awaitable[None]]) -> None: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; what it prints, the status last."""

    def command(*arguments: str) -> str:
        status = main(["state", *arguments])
        printed = capsys.readouterr()
        return f"{printed.out}{printed.err}{status}"

    return command


@pytest.fixture(scope="module")
def valkey() -> RedisServer:
    return server(valkey_program())


@pytest.fixture
def namespace(tmp_path: Path) -> str:
    return tmp_path.name


@pytest.fixture
def url(valkey: RedisServer, namespace: str) -> str:
    return f"{valkey.url}?namespace={namespace}"


@pytest.fixture
def use(valkey: RedisServer, namespace: str) -> Use:
    """Do something with an engine, and end it."""

    def with_engine(do: Callable[[RedisEngine], Awaitable[None]]) -> None:
        async def begin() -> None:
            engine = RedisEngine(valkey.url, namespace=namespace, shards=4)
            async with engine:
                await do(engine)

        asyncio.run(begin())

    return with_engine


async def fill(engine: RedisEngine) -> None:
    """Put one of everything there."""
    await fill_any(engine, "ValueError('no')\n  by me")


def numbers(printed: str) -> dict[str, str]:
    lines = [line for line in printed.splitlines() if line.startswith("  ")]
    return dict(line.strip().rsplit(None, 1) for line in lines)


def test_show_counts_what_is_there(
    run: Run, url: str, use: Use, namespace: str, valkey: RedisServer
) -> None:
    use(fill)

    printed = run("show", url)

    assert printed.startswith(f"{valkey.url}, namespace {namespace}, 4 shards, 0 proc")
    counted = numbers(printed)
    for name in ("dialogs", "mail", "owed drawings", "letters for later"):
        assert counted[name] == "1"
    assert counted["dead letters"] == counted["units ready"] == "1"
    assert counted["units leased"] == counted["parked mailboxes"] == "0"
    assert counted["mail of max.1:1:"] == "1"
    assert printed.endswith("\n0")


def test_show_works_while_a_bot_works(
    url: str, use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    async def look(engine: RedisEngine) -> None:
        await fill(engine)
        assert await asyncio.to_thread(main, ["state", "show", url]) == 0

    use(look)

    printed = capsys.readouterr().out
    assert "1 processes" in printed
    assert numbers(printed)["units leased"] == "1"


def test_the_server_of_the_environment_is_the_default(
    run: Run, url: str, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(fill)
    monkeypatch.setenv("DUOLOGUE_ENGINE", f"{url}&durability=safe&shards=4")

    assert numbers(run())["mail"] == "1"


def test_without_a_namespace_all_are_shown(
    run: Run, valkey: RedisServer, use: Use, namespace: str
) -> None:
    use(fill)

    assert f"namespace {namespace}, " in run("show", valkey.url)


def test_check_finds_nothing_where_all_is_well(run: Run, url: str, use: Use) -> None:
    use(fill)

    assert ": all is well\n0" in run("check", url)


def test_check_finds_what_nobody_will_do_and_nobody_can_read(
    run: Run, url: str, use: Use, namespace: str, valkey: RedisServer
) -> None:
    use(fill)
    shards = [f"duologue:{{{namespace}:{number:02d}}}" for number in range(4)]
    for shard in shards:
        valkey.ask("DEL", f"{shard}:rdy:dialog/max.1")
    valkey.ask("HSET", f"{shards[0]}:m:x/odd", "1", "\x09nonsense")

    printed = run("check", url)

    assert "max.1:1 has something to do, and nobody will be told" in printed
    assert "1 messages of x/odd are of no version that is known here" in printed
    assert printed.endswith(f"\n{FAILED}")


def test_check_names_a_layout_of_another_version(
    run: Run, url: str, namespace: str, valkey: RedisServer
) -> None:
    valkey.ask("HSET", f"duologue:{{{namespace}}}:meta", "shards", "1", "layout", "9")
    assert "its layout is 9" in run("check", url)

    valkey.ask("HDEL", f"duologue:{{{namespace}}}:meta", "layout")
    assert "its layout is none" in run("check", url)


def test_export_writes_state_mail_and_dead_letters(
    run: Run, url: str, use: Use
) -> None:
    use(fill)

    lines = [json.loads(line) for line in run("export", url).splitlines()[:-1]]

    by_kind = {line.pop("kind"): line for line in lines}
    assert by_kind["snapshot"] == {"key": DIALOG, "body": '{"name": "Zoë"}'}
    assert by_kind["mail"] == {"key": DIALOG, "id": "3", "body": "3"}
    assert by_kind["dead letter"]["id"] == "2"
    assert by_kind["dead letter"]["error"].startswith("ValueError")


def test_dead_letters_are_listed_and_dropped(run: Run, url: str, use: Use) -> None:
    use(fill)

    listed = run("dead", url)
    assert f"  2  {DIALOG}  ValueError('no') by me\n" in listed
    missing = run("dead", url, "--drop", "7")
    assert "no dead letter 7 is there" in missing
    assert missing.endswith(str(FAILED))
    assert run("dead", url, "--drop", "2").endswith(": 1 dropped\n0")
    assert "dead letters: 0" in run("dead", url)


def test_a_dead_letter_is_brought_again_behind_what_waits(
    run: Run, url: str, use: Use
) -> None:
    use(fill)

    assert run("dead", url, "--requeue", "all").endswith(": 1 again\n0")

    bodies: list[bytes] = []

    async def handle(engine: RedisEngine) -> None:
        some = Desk(engine, "dialog")
        assert await some.leased() == [DIALOG]
        turn = await some.open(DIALOG)
        bodies.append(turn.mail.body)
        following = await engine.commit(turn, snapshot=None, keep=True)
        assert following is not None
        bodies.append(following.mail.body)

    use(handle)

    assert bodies == [b"3", b"2"]
    assert numbers(run("show", url))["dead letters"] == "0"


@pytest.mark.parametrize(
    ("arguments", "told", "status"),
    [
        (("backup", "redis://ann:hunter2@db"), "a server has only show", WRONG_USE),
        (("dead", "state.db"), "a file has only show", WRONG_USE),
        (("show", "redis://ann:hunter2@db/x"), "no number", WRONG_USE),
        (("show", "unix:///nowhere/v.sock"), "did not answer", FAILED),
    ],
)
def test_what_cannot_be_looked_at_is_told(
    run: Run, arguments: tuple[str, ...], told: str, status: int
) -> None:
    printed = run(*arguments)

    assert told in printed
    assert printed.endswith(f"\n{status}")
    assert SECRET not in printed


def test_a_server_with_nothing_of_ours_is_told(
    run: Run, url: str, namespace: str, valkey: RedisServer
) -> None:
    assert f"nothing of the namespace {namespace} is there" in run("show", url)
    assert "nothing of duologue is there" in run("show", f"{valkey.url}?db=15")

    valkey.ask("HSET", f"duologue:{{{namespace}}}:meta", "shards", "many")
    assert "nothing of the namespace" in run("show", url)
    valkey.ask("SET", f"duologue:{{{namespace}}}:meta", "hello")
    assert "nothing of the namespace" in run("show", url)
