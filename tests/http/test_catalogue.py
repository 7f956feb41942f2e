"""The catalogue of metrics: complete, bounded, and true of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import duologue
from duologue.transport.http import (
    CATALOGUE,
    LABELS,
    Kind,
    Metric,
)

PACKAGE = Path(duologue.__file__).parent
ROOT = Path(__file__).parents[2]

# Events whose name is a variable at the place where they are told.
BY_VARIABLE = {
    "activations",
    "callbacks",
    "draws",
    "intake_errors",
    "marker_errors",
    "passivations",
    "poll_errors",
    "webhook_errors",
}


def events() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every `observer.count("name", label=...)` of the package, and `record`."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"count", "record"}
                and "observer" in ast.unparse(node.func.value)
                and isinstance(node.args[0], ast.Constant)
            ):
                labels = tuple(str(word.arg) for word in node.keywords)
                yield node.func.attr, str(node.args[0].value), labels


def test_the_code_tells_only_of_what_the_catalogue_has_with_just_its_labels() -> None:
    # In its order, too: that is what makes telling quick.
    kinds = {"count": Kind.COUNTER, "record": Kind.HISTOGRAM}
    told = {(kinds[verb], name, labels) for verb, name, labels in events()}

    known = {(metric.kind, metric.name, metric.labels) for metric in CATALOGUE.values()}

    assert told - known == set()


def test_nothing_is_in_the_catalogue_that_the_code_never_tells_of() -> None:
    told = {name for _, name, _ in events()} | BY_VARIABLE

    pushed = {one.name for one in CATALOGUE.values() if one.kind is not Kind.GAUGE}

    assert pushed - told == set()


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_a_metric_has_only_labels_that_cannot_grow_with_users(metric: Metric) -> None:
    assert set(metric.labels) <= LABELS


def test_no_label_is_allowed_that_names_a_person_a_place_or_a_text() -> None:
    parts = {part for label in LABELS for part in label.split("_")}

    assert parts.isdisjoint(
        {"address", "chat", "id", "key", "message", "path", "payload"}
        | {"text", "thread", "title", "token", "update", "url", "user", "username"}
    )


def test_every_allowed_label_is_used() -> None:
    used = {label for metric in CATALOGUE.values() for label in metric.labels}

    assert used == LABELS


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_a_name_says_its_unit_and_its_kind(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", metric.name)
    assert not metric.name.endswith("_total")
    assert metric.help.endswith(".")
    if metric.kind is Kind.HISTOGRAM:
        assert metric.name.endswith("_seconds")


def test_the_page_for_operators_lists_every_metric_with_its_labels() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    rows = re.findall(r"^\| `(duologue_\w+)` \| (\w+) \| (.*?) \|", page, re.MULTILINE)

    listed = {
        (name, kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in rows
    }

    assert listed == {
        (
            one.exposed + ("_total" if one.kind is Kind.COUNTER else ""),
            one.kind.value,
            frozenset(one.labels),
        )
        for one in CATALOGUE.values()
    }


def test_the_alerts_ask_for_numbers_that_there_are() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    alerts = page.partition("## Alerts")[2].partition("\n## ")[0]
    endings = {Kind.COUNTER: "_total", Kind.HISTOGRAM: "_bucket", Kind.GAUGE: ""}
    shown = {one.exposed + endings[one.kind]: one for one in CATALOGUE.values()}

    asked = re.findall(r"(duologue_\w+)(?:\{(.*?)\})?", alerts)

    assert len(asked) >= 10
    for name, matchers in asked:
        labels = re.findall(r"(\w+)(?:=~|!=|=)\"", matchers)
        assert set(labels) <= set(shown[name].labels)
