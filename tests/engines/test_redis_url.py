"""What the URL of a server says, and what is said of it: never a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue._redis import Address
from duologue.errors import EngineNotAvailableError, RuntimeSettingError
from duologue.runtime._engines import EngineChoice, place_of
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._engine import engine_of

SECRET = "hunter2"  # noqa: S105  # that of no one


@pytest.mark.parametrize(
    ("url", "places", "said"),
    [
        ("redis://db", [("db", 6379)], "redis://db"),
        ("redis://db:7/3", [("db", 7)], "redis://db:7/3"),
        (
            "rediss://ann:hunter2@db?ssl_cert_reqs=none",
            [("db", 6379)],
            "rediss://db",
        ),
        ("redis://:hunter2@[::1]:7", [("::1", 7)], "redis://[::1]:7"),
        ("redis://[::1]", [("::1", 6379)], "redis://[::1]"),
        (
            "unix:///run/valkey.sock?db=2",
            [("localhost", 6379)],
            "unix:///run/valkey.sock",
        ),
        (
            "redis+sentinel://ann:hunter2@a:1,b/shop",
            [("a", 1), ("b", 26379)],
            "redis+sentinel://a:1,b/shop",
        ),
        (
            "redis+cluster://ann:hunter2@a:1,b",
            [("a", 1), ("b", 6379)],
            "redis+cluster://a:1,b",
        ),
        (
            "rediss+cluster://ann:hunter2@a:1,b?ssl_cert_reqs=none",
            [("a", 1), ("b", 6379)],
            "rediss+cluster://a:1,b",
        ),
    ],
)
def test_a_url_names_servers_and_what_is_said_of_it_names_no_secret(
    url: str, places: list[tuple[str, int]], said: str
) -> None:
    address = Address(url)

    assert address.places == places
    assert address.said == said


def test_user_and_password_may_be_written_with_escapes() -> None:
    address = Address("redis+sentinel://ann:p%40ss%2F@a/m")

    assert (address.username, address.password) == ("ann", "p@ss/")
    assert Address("redis://a").password is None
    assert Address("redis://:x@a").username is None


def test_a_database_is_named_by_the_path_or_by_an_option() -> None:
    assert Address("redis://a/3").database == 3
    assert Address("unix:///a?db=4").database == 4
    assert Address("redis+sentinel://a/m?db=5").database == 5
    assert Address("redis://a").database == 0


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://ann:hunter2/@db", "port in its URL is no number"),
        ("redis://ann:hunter2@db:99999", "port in its URL is no number"),
        ("redis://ann:hunter2@db:none", "port in its URL is no number"),
        ("redis://ann:hunter2@db/three", "database in its URL is no number"),
        ("redis://ann:hunter2@db?db=-1", "database in its URL is no number"),
        ("redis://ann:hunter2@db?durabilty=safe", "has durabilty="),
        ("redis://ann:hunter2@db?ssl_cert_reqs=none", "has ssl_cert_reqs="),
        ("redis://ann:hunter2@a,b", "names one host"),
        ("redis://db/0#hunter2", "write %23"),
        ("redis+cluster://ann:hunter2@a/1", "has no databases"),
        ("redis+cluster://ann:hunter2@a?db=1", "has db="),
        ("redis+cluster://ann:hunter2@a?ssl_cert_reqs=none", "has ssl_cert_reqs="),
        ("redis://db?namespace=", "namespace="),
        ("redis://db?namespace={hunter}", "namespace="),
        ("redis://db?shards=many", "shards="),
        ("redis://db?shards=0", "shards="),
        ("redis://db?shards=1025", "shards="),
        ("redis://db?durability=soon", "durability="),
    ],
)
def test_a_wrong_url_is_refused_at_once_and_no_secret_is_shown(
    url: str, problem: str
) -> None:
    with pytest.raises(RuntimeSettingError, match=problem) as refused:
        engine_of(url)

    assert SECRET not in f"{refused.value!r} {refused.value}"


@pytest.mark.parametrize(
    "url", ["reddis://ann:hunter2@db", "redis:/ann:hunter2@db", "redis:hunter2"]
)
def test_a_url_of_nothing_known_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(EngineNotAvailableError) as refused:
        redis_choice(url)

    assert SECRET not in f"{refused.value!r} {refused.value}"


def redis_choice(url: str) -> EngineChoice:
    return EngineChoice(url, state_dir=Path(), drain=1.0)


def test_an_engine_of_a_url_shows_no_secret() -> None:
    engine = engine_of("redis://ann:hunter2@db/1?namespace=shop&durability=strict")

    assert place_of(engine) == "redis://db/1"
    assert (
        SECRET not in f"{engine!r}{engine}{engine._server!r}{engine._server._address!r}"
    )


def test_a_socket_keeps_its_slashes() -> None:
    assert place_of(engine_of("unix:///run/v.sock?shards=4")) == "unix:///run/v.sock"


def test_an_engine_without_a_url_is_refused() -> None:
    with pytest.raises(RuntimeSettingError, match="begins with one of redis://"):
        RedisEngine("http://db")
