"""The terminal commands."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

import duologue
from duologue.__main__ import main


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{duologue.__version__}\n"


def test_an_unknown_command_is_refused_with_what_exists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dance"])

    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert "dance" in errors
    assert "demo" in errors
    assert "sandbox" in errors


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--help"], ["demo", "sandbox", "--version"]),
        (["demo", "--help"], ["--act", "--bot", "--plain"]),
        (["sandbox", "--help"], ["--port", "--profile", "--json"]),
    ],
)
def test_everything_has_help(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert [word for word in told if word not in output] == []


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([])

    assert status == 0
    assert capsys.readouterr().out.startswith("usage: duologue [-h]")


def test_the_demo_says_what_to_install_where_nothing_can_draw() -> None:
    code = "import sys; sys.modules['rich'] = None; import duologue.__main__ as it"
    command = [sys.executable, "-c", f"{code}; sys.exit(it.main(['demo', '--plain']))"]

    ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "duologue demo: it draws with rich, which is not installed; type: "
        'pip install "duologue[cli]"\n'
    )


def test_the_sandbox_needs_nothing_to_draw_with() -> None:
    code = "import sys; sys.modules['rich'] = None; import duologue.__main__ as it"
    command = [sys.executable, "-c", f"{code}; it.main(['sandbox', '--json'])"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)

    assert facts["url"].startswith("http://127.0.0.1:")


def test_the_sandbox_runs_until_ctrl_c() -> None:
    command = [sys.executable, "-m", "duologue", "sandbox", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)

    assert process.returncode == 0
    assert facts["url"].startswith("http://127.0.0.1:")
