"""What the pages say about the code is true of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from duologue.__main__ import main

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
# Which test runs the code of a page.
RUNS = {
    "README.md": "tests/docs/test_examples.py",
    "actions.md": "tests/docs/test_actions_page.py",
    "actors.md": "tests/actors/test_docs.py",
    "dialogs.md": "tests/docs/test_dialogs_page.py",
    "embedding.md": "tests/docs/test_embedding_page.py",
    "operations.md": "tests/docs/test_operations_page.py",
    "recipes.md": "tests/docs/test_recipes_page.py",
    "remote.md": "tests/docs/test_remote_page.py",
    "restarts.md": "tests/docs/test_restarts_page.py",
    "sandbox.md": "tests/docs/test_sandbox_page.py",
    "scaling.md": "tests/docs/test_scaling_page.py",
    "state.md": "tests/docs/test_state_page.py",
    "tasks.md": "tests/docs/test_tasks_page.py",
    "testing.md": "tests/docs/test_testing_page.py",
    "webhooks.md": "tests/docs/test_webhooks_page.py",
    "workers.md": "tests/actors/test_workers_docs.py",
}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"^[\w-]+")


def _names(requirements: list[object]) -> set[str]:
    found = [NAME.match(text) for text in requirements if isinstance(text, str)]
    return {match.group() for match in found if match}


def test_the_files_and_folders_that_the_architecture_names_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    named = re.findall(r"`([\w/]+(?:\.(?:py|md|toml)|/))`", page)
    places = [ROOT, ROOT / "duologue"]

    missing = [
        name for name in named if not any((place / name).exists() for place in places)
    ]

    assert len(named) > 20
    assert missing == []


def test_every_dependency_has_its_reason_and_none_is_left_over() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = _names(project["project"]["dependencies"]).union(
        *map(_names, project["dependency-groups"].values())
    )
    rows = re.findall(
        r"^\| (`.*?) \|",
        (ROOT / "docs/dependencies.md").read_text("utf-8"),
        re.MULTILINE,
    )

    explained = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}

    assert explained == wanted


def test_every_page_with_code_has_a_test_that_runs_it() -> None:
    with_code = {page.name for page in PAGES if "```py" in page.read_text("utf-8")}

    assert with_code == set(RUNS)
    for page, test in RUNS.items():
        assert page in (ROOT / test).read_text("utf-8")


def _commands(name: str) -> list[list[str]]:
    """What the pages let their readers type: in a line of its own, or in a sentence."""
    lines: list[str] = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for kind, block in FENCED.findall(text):
            shell = [] if kind else block.splitlines()
            lines += [line.partition("#")[0] for line in shell]
        lines += re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
    words = [line.split() for line in lines]
    # A message that begins with the name is no command.
    return [one[1:] for one in words if one[:1] == [name] and one[1:2] != ["needs"]]


def test_every_target_of_make_that_the_pages_name_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    named = {
        word
        for command in _commands("make")
        for word in command
        if word.islower() and not word.startswith("-")  # else it is an option in ARGS
    }

    assert len(named) > 5
    assert named <= targets


def test_every_command_of_the_terminal_that_the_pages_show_is_understood(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = [command for command in _commands("duologue") if command]
    unknown = []
    for command, *options in shown:
        action = [one for one in options[:1] if not one.startswith("-")]
        with pytest.raises(SystemExit) as ended:
            main([command, *action, "--help"])
        told = capsys.readouterr().out
        unknown += [one for one in options if one.startswith("-") and one not in told]
        assert ended.value.code == 0, command

    assert len(shown) > 5
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    local = [target for target in targets if "://" not in target]

    assert [link for link in local if not (page.parent / link).exists()] == []
