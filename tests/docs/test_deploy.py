"""The files of deploy/: each is read by the program that it is for."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.__main__ import main
from duologue.actors import Letter, Mail
from duologue.dialogs import MessageCreated
from duologue.testing import Playground
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._server import Durability
from duologue.transport.redis._server._checks import probes
from tests.engines.conftest import Desk
from tests.programs import installed
from tests.servers import RedisServer, redis_program, valkey_program

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
USERS = (DEPLOY / "redis/users.acl").read_text("utf-8")
SETTINGS = DEPLOY / "redis/redis.conf"
FILES = sorted(
    path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob("*") if path.is_file()
)
REDIS = ROOT / "duologue/transport/redis"
LUA = REDIS / "_wire/lua"

pytestmark = pytest.mark.real_time


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # a program of the tests
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **more},
    )


def servers() -> Mapping[str, str]:
    redis = redis_program()
    found = {"valkey": valkey_program()}
    return found if redis is None else {**found, "redis": redis}


@pytest.fixture(params=list(servers().values()), ids=list(servers()))
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A server with the settings and the users of deploy/."""
    users = tmp_path / "users.acl"
    users.write_text(USERS, "utf-8")
    server = RedisServer(request.param, "--aclfile", str(users), settings=SETTINGS)
    server.start()
    yield server
    server.stop()


def test_every_file_is_explained() -> None:
    page = (DEPLOY / "README.md").read_text("utf-8")

    assert set(re.findall(r"\]\(([\w/.@-]+)\)", page)) >= {*FILES} - {"README.md"}


def test_the_user_of_bots_may_do_what_they_need_and_nothing_else() -> None:
    (bot,) = re.findall(r"^user bot (.*)$", USERS, re.MULTILINE)
    may = set(re.findall(r"\+([\w|]+)", bot))
    scripts = "".join(path.read_text("utf-8") for path in LUA.glob("*.lua"))
    in_scripts = {one.lower() for one in re.findall(r"call\('(\w+)'", scripts)}
    asked = {each[0].lower() for each in probes("k", "c")}
    at_the_start = {"info", "set", "script|load", "subscribe", "unsubscribe"}
    of_connections = {"select", "ping", "wait", "cluster|slots"}

    assert len(in_scripts) > 20
    assert in_scripts <= asked | {"set"}
    assert (
        may == (asked - {"pubsub"}) | {"pubsub|numsub"} | at_the_start | of_connections
    )


def test_the_rights_are_checked_of_all_commands_that_are_sent() -> None:
    modules = set(REDIS.rglob("*.py")) - {REDIS / "_inspect.py"}
    code = "".join(path.read_text("utf-8") for path in modules)
    sent = set(re.findall(r'\["([A-Z]{3,})"', code)) - {"SCHEMES"}

    assert len(sent) > 10
    assert sent <= {each[0] for each in probes("k", "c")}


def test_a_bot_works_with_the_settings_and_the_rights_of_its_user(
    guarded: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def echo(message: MessageCreated) -> None:
        await message.answer(message.text)

    url = guarded.url.replace("unix://", "unix://bot:change-me@")

    async def talk(durability: Durability) -> None:
        engine = RedisEngine(url, durability=durability)
        async with Playground(dispatcher, engine=engine) as playground:
            await playground.say(1, "hello")
            assert [each.text for each in playground.messages(1)] == ["hello"]

    asyncio.run(talk("fast"))

    assert caplog.messages == []
    assert b"NOAUTH" in guarded.ask("GET", "duologue:{main}:meta")


def test_an_operator_may_look_and_bring_dead_letters_again(
    guarded: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = guarded.url.replace("unix://", "unix://bot:change-me@")
    operator = guarded.url.replace("unix://", "unix://operator:change-me-as-well@")

    async def leave_one() -> None:
        async with RedisEngine(url) as engine:
            await engine.enqueue([Letter("x/a", Mail("1", b"1"))])
            some = Desk(engine)
            turn = await some.begin("x/a")
            await engine.fail(turn, error="no", retry=False)

    asyncio.run(leave_one())

    for what in (["show"], ["check"], ["export"], ["dead"], ["dead", "--requeue", "1"]):
        assert main(["state", what[0], operator, *what[1:]]) == 0
    assert main(["state", "dead", url]) == 1
    assert "scan" in capsys.readouterr().err


def test_compose_takes_its_file() -> None:
    compose = installed("docker-compose")
    secrets = {"VALKEY_PASSWORD": "a", "DUOLOGUE_MAX_TOKEN": "b"}
    file = str(DEPLOY / "docker-compose.yml")

    done = run(compose, "--file", file, "config", **secrets)

    assert done.returncode == 0, done.stderr
    assert "redis://bot:a@valkey:6379/0" in done.stdout
    assert run(compose, "--file", file, "config").returncode != 0


@pytest.mark.parametrize("name", [each for each in FILES if "kubernetes/" in each])
def test_kubernetes_knows_every_field_of_its_files(name: str) -> None:
    check = str(Path(sys.executable).with_name("kubernetes-validate"))

    done = run(check, "--strict", str(DEPLOY / name))

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed") == 2


def test_systemd_takes_its_unit(tmp_path: Path) -> None:
    analyze = installed("systemd-analyze")
    unit = (DEPLOY / "systemd/bot@.service").read_text("utf-8")
    known = unit.replace("/opt/bot/.venv/bin/python", sys.executable)
    assert known != unit
    (tmp_path / "bot@.service").write_text(known, "utf-8")

    done = run(analyze, "verify", str(tmp_path / "bot@1.service"))

    assert (done.returncode, done.stderr) == (0, "")
