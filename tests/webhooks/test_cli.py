"""`duologue webhook`, as an operator types it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from duologue.__main__ import main
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox

URL = "https://bot.example/max"


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def sandbox(
    portal: BlockingPortal, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """A sandbox in another thread, which the environment names."""
    monkeypatch.delenv("DUOLOGUE_WEBHOOK_SECRET", raising=False)
    with portal.wrap_async_context_manager(Sandbox()) as running:
        monkeypatch.setenv("DUOLOGUE_MAX_URL", running.url)
        monkeypatch.setenv("DUOLOGUE_MAX_TOKEN", running.token)
        yield running


def test_a_webhook_is_set_shown_and_removed(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = [
        main(["webhook"]),
        main(["webhook", "set", URL]),
        main(["webhook", "set", URL + "/2", "--types", "bot_started,bot_stopped"]),
        main(["webhook", "show"]),
        main(["webhook", "remove", URL]),
        main(["webhook", "remove", "--all"]),
        main(["webhook", "show"]),
    ]

    assert statuses == [0] * 7
    assert capsys.readouterr().out.splitlines() == [
        f"max.{sandbox.bot_id} has no webhook; its updates wait for polls",
        f"updates are brought to {URL}",
        f"updates are brought to {URL}/2",
        f"{URL}  all types",
        f"{URL}/2  bot_started, bot_stopped",
        f"removed {URL}",
        f"removed {URL}/2",
        f"max.{sandbox.bot_id} has no webhook; its updates wait for polls",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set"], "arguments are required: url"),
        (["set", URL, "--all"], "unrecognized arguments: --all"),
        (["set", URL, "--types", "bot_started,,"], "no list such as bot_started"),
        (["show", URL], f"unrecognized arguments: {URL}"),
        (["remove"], "one of the arguments url --all is required"),
        (["remove", URL, "--all"], "not allowed with argument url"),
        (["remove", URL, "--types", "bot_started"], "unrecognized arguments"),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["webhook", *arguments])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("sandbox")
def test_an_address_that_nobody_can_call_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["webhook", "set", "http://bot.example"])

    errors = capsys.readouterr().err
    assert status == 2
    assert "url= cannot be used" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.usefixtures("sandbox")
def test_an_option_may_stand_before_the_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["webhook", "set", "--types", "bot_started, bot_stopped", URL])

    assert status == 0
    assert main(["webhook", "show"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == f"{URL}  bot_started, bot_stopped"


@pytest.mark.usefixtures("sandbox")
def test_a_secret_of_the_environment_is_checked_and_never_shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DUOLOGUE_WEBHOOK_SECRET", "my_own secret")
    refused = main(["webhook", "set", URL])
    monkeypatch.setenv("DUOLOGUE_WEBHOOK_SECRET", "my-own-secret")
    taken = main(["webhook", "set", URL])

    said = capsys.readouterr()
    assert (refused, taken) == (2, 0)
    assert "my" not in said.err + said.out


@pytest.mark.usefixtures("sandbox")
def test_what_the_messenger_refuses_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = main(["webhook", "remove", URL])
    wrong_type = main(["webhook", "set", URL, "--types", "nonsense"])
    monkeypatch.setenv("DUOLOGUE_MAX_TOKEN", "another")
    stranger = main(["webhook", "show"])

    errors = capsys.readouterr().err
    assert (unknown, wrong_type, stranger) == (1, 1, 1)
    assert f"{URL} is no webhook of this bot" in errors
    assert "update_types" in errors


def test_without_a_token_it_says_where_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DUOLOGUE_MAX_TOKEN", raising=False)

    assert main(["webhook"]) == 2
    assert "DUOLOGUE_MAX_TOKEN" in capsys.readouterr().err


def test_the_secret_is_the_one_that_the_bot_expects(sandbox: Sandbox) -> None:
    assert main(["webhook", "set", URL]) == 0
    assert len(Bot().own_secret()) == 48
    assert sandbox.token not in Bot().own_secret()
