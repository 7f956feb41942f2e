"""Access tokens of other programs, and the command that makes them."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from duologue.__main__ import main
from duologue.errors import (
    AccessTokenFileError,
    AccessTokenNameError,
    AccessTokenScopeError,
)
from duologue.transport.http import AccessToken, AccessTokenFile, AccessTokens
from duologue.transport.http._tokens import digest_of, new_token

LOCKING = """
import sys
from pathlib import Path
from duologue.transport._lock import lock_file

lock_file(Path(sys.argv[1]))
sys.stdout.write("x")
sys.stdout.flush()
sys.stdin.read()
"""


class Command:
    """Runs `duologue token`."""

    def __init__(self, capsys: pytest.CaptureFixture[str], file: Path) -> None:
        self.file = file
        self._capsys = capsys
        self.problem = ""

    def __call__(self, *arguments: str, status: int = 0) -> str:
        assert main(["token", *arguments]) == status
        said = self._capsys.readouterr()
        self.problem = said.err
        return said.out.strip()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kept" / "tokens.json"
    monkeypatch.setenv("DUOLOGUE_TOKENS", str(path))
    return path


@pytest.fixture
def command(file: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, file)


def test_a_token_is_found_by_its_secret_until_it_expires() -> None:
    now = [100.0]
    secret, token = new_token("shop", ["tell:dialog/max.42:*"], expires_at=200)
    other, _ = new_token("shop", ["tell:*"])
    tokens = AccessTokens([token], clock=lambda: now[0])

    assert tokens.find(secret) == token
    assert tokens.find(other) is None
    assert tokens.find("") is None
    assert tokens.find("\udc80") is None
    now[0] = 200
    assert tokens.find(secret) is None


def test_a_scope_names_one_thing_or_a_beginning() -> None:
    token = AccessToken("shop", "", ("tell:dialog/max.42:*", "ask:worker/gpu"))

    assert token.allows("tell", "dialog/max.42:5:5")
    assert not token.allows("tell", "dialog/max.421:5:5")
    assert not token.allows("ask", "dialog/max.42:5:5")
    assert token.allows("ask", "worker/gpu")
    assert not token.allows("ask", "worker/gpu2")
    assert AccessToken("all", "", ("tell:*",)).allows("tell", "anything")
    assert not AccessToken("none", "").allows("tell", "")


@pytest.mark.parametrize(
    "scope", ["", "tell", "*", "*:*", "tell:a*b", "tell:a b", ":a"]
)
def test_a_scope_that_says_nothing_is_refused(scope: str) -> None:
    with pytest.raises(AccessTokenScopeError, match="is no scope"):
        AccessToken("shop", "", (scope,))


@pytest.mark.parametrize("name", ["", "two words", "-x", "x" * 65, "а"])  # noqa: RUF001
def test_a_name_that_could_be_misread_is_refused(name: str) -> None:
    with pytest.raises(AccessTokenNameError, match="cannot be named"):
        AccessToken(name, "")


def test_the_secret_is_printed_once_and_kept_nowhere(
    command: Command, file: Path
) -> None:
    secret = command("new", "shop", "--scope", "tell:*", "--scope", "message:shop.*")

    assert "shown this once" in command.problem
    assert secret not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert command() == "shop  for ever  tell:* message:shop.*"
    found = AccessTokenFile(file).find(secret)
    assert found is not None
    assert found.scopes == ("tell:*", "message:shop.*")
    assert secret not in repr(found)
    assert digest_of(secret) not in repr(found)


def test_both_tokens_live_while_they_are_rotated(command: Command, file: Path) -> None:
    old = command("new", "shop", "--scope", "tell:*", "--expires", "90d")
    new = command("rotate", "shop", "--keep", "1h")
    door = AccessTokenFile(file)
    later = AccessTokenFile(file, clock=lambda: file.stat().st_mtime + 3601)

    assert door.find(old) is not None
    assert door.find(new) == replace(
        next(iter(door.tokens())), digest=digest_of(new), expires_at=None
    )
    assert later.find(old) is None
    assert later.find(new) is not None
    assert command("list").count("shop") == 2


def test_a_door_that_is_open_sees_what_the_command_changed(
    command: Command, file: Path
) -> None:
    door = AccessTokenFile(file)
    secret = command("new", "shop", "--scope", "tell:*")
    assert door.find(secret) is not None

    file.write_text("{")  # somebody writes it by hand
    assert door.find(secret) is not None
    file.unlink()
    assert door.find(secret) is None


def test_revoked_tokens_are_worth_nothing(command: Command, file: Path) -> None:
    secret = command("new", "shop", "--scope", "tell:*")
    kept = command("new", "bank", "--scope", "tell:*")
    assert command("revoke", "shop") == "the tokens of shop have ended"

    door = AccessTokenFile(file)
    assert door.find(secret) is None
    assert door.find(kept) is not None


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("new",), "cannot be named"),
        (("new", "shop"), "is no scope"),
        (("new", "shop", "--scope", "everything"), "is no scope"),
        (("rotate", "bank"), "duologue token new bank"),
        (("revoke", "bank"), "there is no token of 'bank'"),
        (("new", "known", "--scope", "tell:*"), "duologue token rotate known"),
    ],
)
def test_wrong_use_says_what_to_do(
    command: Command, arguments: tuple[str, ...], problem: str
) -> None:
    command("new", "known", "--scope", "tell:*")
    assert command(*arguments, status=2) == ""
    assert problem in command.problem


@pytest.mark.parametrize(
    ("scopes", "doubt"),
    [
        (("tel:*",), "asks for the verb 'tel'; known are ask, dialog"),
        (("ask:dialog/*",), "such as message:shop.*"),
        (("tell:*", "message:shop.*", "operations.read:*"), ""),
    ],
)
def test_scopes_that_do_less_than_was_meant_are_told(
    command: Command, scopes: tuple[str, ...], doubt: str
) -> None:
    options = [part for scope in scopes for part in ("--scope", scope)]

    assert command("new", "shop", *options).startswith("duo_")

    said = command.problem.splitlines()
    assert len(said) == 1 + bool(doubt)
    assert doubt in said[-1]


def test_a_time_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["token", "new", "shop", "--expires", "soon"])
    assert "write 90d" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "no list of tokens"),
        ("[]", "no list of tokens"),
        ('{"format": 2}', "its format is 2"),
        ('{"format": 1, "more": 1}', "no list of tokens"),
        (
            '{"format": 1, "tokens": [{"name": "a", "digest": "b"}]}',
            "the digest of 'a'",
        ),
        ('{"format": 1, "tokens": [{"name": "", "digest": "b"}]}', "no list of tokens"),
        (" " * (1 << 20) + " ", "more than"),
    ],
)
def test_a_file_that_is_none_is_said_to_be(
    command: Command, file: Path, content: str, problem: str
) -> None:
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(AccessTokenFileError, match=problem):
        AccessTokenFile(file)
    command(status=1)
    assert problem in command.problem


def test_a_file_that_cannot_be_read_or_written_is_said_to_be(
    command: Command, file: Path
) -> None:
    file.parent.mkdir()
    file.mkdir()
    command(status=1)
    assert "Is a directory" in command.problem
    command("revoke", "shop", "--file", "/dev/null/tokens.json", status=1)
    assert "/dev/null/tokens.json" in command.problem


def test_a_failed_write_leaves_the_file_as_it_was(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = command("new", "shop", "--scope", "tell:*")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    command("new", "bank", "--scope", "tell:*", status=1)
    assert "No space left" in command.problem
    assert AccessTokenFile(file).find(secret) is not None
    assert {path.name for path in file.parent.iterdir()} == {
        "tokens.json",
        ".tokens.json.lock",
    }
    assert json.loads(file.read_text())["tokens"][0]["name"] == "shop"


def test_two_changes_at_once_lose_none(command: Command, file: Path) -> None:
    file.parent.mkdir()
    lock = str(file.with_name(".tokens.json.lock"))
    with Popen(  # noqa: S603
        [sys.executable, "-c", LOCKING, lock], stdin=PIPE, stdout=PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.read(1) == b"x"
        command("new", "bank", "--scope", "tell:*", status=1)
        assert f"process {other.pid}" in command.problem
    command("new", "bank", "--scope", "tell:*")
