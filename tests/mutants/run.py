"""Take each sentence of what users can rely on away, and see its tests fail.

A mutant is one small change of the package that takes a sentence of
`docs/semantics*.md` away; the `mutants.toml` beside the tests of an area lists them.
Each is applied to a copy of the project in a temporary folder, and the tests named
with it are run there. All of them must fail: one that stays green does not test what
it says. What threads, browsers and
random examples do differs between runs, so one that is not noticed is tried again.

How long the tests may take is measured first, without a mutant.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from workshop import Run, Workshop

# What pytest ends with: all passed, some failed.
_GREEN, _RED = 0, 1
_TRIES = 3

# Seconds in which a test ends without a mutant, and how much longer it may take.
_PATIENCE = 180
_SLOWER = 4

T = TypeVar("T")


class GroundError(Exception):
    """Nothing that is found out here would mean anything."""


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    BROKEN = "broken"
    STALE = "does not apply"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change that must turn tests red.

    Attributes:
        sentence: How the sentence begins that it takes away.
        name: What does not hold any more.
        file: Where the change is made, relative to the project.
        before: The text that is replaced; it occurs once.
        after: What takes its place.
        tests: The tests that must fail.
    """

    sentence: str
    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What running the tests against a mutant showed.

    Attributes:
        mutant: The mutant.
        verdict: Whether it was noticed.
        detail: Why not, if it was not; or that it took more than one try.
        seconds: How long it took.
    """

    mutant: Mutant
    verdict: Verdict
    detail: str
    seconds: float


def read_mutants(paths: Iterable[Path]) -> list[Mutant]:
    """Read lists of mutants."""
    return [
        Mutant(**{**entry, "tests": tuple(entry["tests"])})
        for path in paths
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    ]


def find_stale(mutants: Iterable[Mutant], project: Path) -> list[Finding]:
    """The mutants whose place is not there exactly once; nothing is run."""
    found: list[Finding] = []
    for mutant in mutants:
        file = project / mutant.file
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if mutate(text, mutant) is None:
            found.append(_stale(mutant))
    return found


def mutate(text: str, mutant: Mutant) -> str | None:
    """Make the change; None if its place is not there exactly once."""
    if text.count(mutant.before) != 1 or mutant.before == mutant.after:
        return None
    return text.replace(mutant.before, mutant.after)


def judge(mutant: Mutant, run: Run) -> tuple[Verdict, str]:
    """Decide whether the tests have noticed a mutant.

    A run that had to be killed hung, which nobody overlooks. Any other must end
    with failed tests; what cannot even be imported or set up proves nothing.
    """
    if run.code is None:
        return Verdict.KILLED, "hung"
    if run.code not in (_GREEN, _RED):
        return Verdict.BROKEN, f"pytest ended with {run.code}: {_last_line(run.output)}"
    results = run.results()
    seen = {test: _seen(results, test) for test in mutant.tests}
    unborn = [test for test, words in seen.items() if words == {"ERROR"}]
    if unborn:
        return Verdict.BROKEN, f"not a failure but an error: {_names(unborn)}"
    # An error beside a result is one after the test, where fixtures check too.
    green = [test for test, words in seen.items() if not words & {"FAILED", "ERROR"}]
    if green:
        return Verdict.SURVIVED, f"green: {_names(green)}"
    return Verdict.KILLED, ""


async def try_out(workshop: Workshop, mutant: Mutant, limit: float) -> Finding:
    """Apply a mutant, run its tests once, each with so many seconds, and undo it."""
    began = time.monotonic()
    original = workshop.read(mutant.file)
    changed = mutate(original, mutant)
    if changed is None:
        return _stale(mutant)
    workshop.write(mutant.file, changed)
    try:
        run = await workshop.test(mutant.tests, limit=limit)
    finally:
        workshop.write(mutant.file, original)
    verdict, detail = judge(mutant, run)
    return Finding(mutant, verdict, detail, time.monotonic() - began)


async def measure(
    mutants: Sequence[Mutant], workshops: Sequence[Workshop]
) -> dict[str, float]:
    """Make sure that findings will mean something, and give seconds for each test.

    Raises:
        GroundError: If the tests import another copy or are red without a mutant.
    """
    package = mutants[0].file.partition("/")[0]
    for workshop in workshops:
        origin = await workshop.origin(package)
        if not Path(origin).is_relative_to(workshop.folder):
            raise GroundError(f"the tests would import {origin}, not the copy")
    files: dict[str, list[str]] = {}
    for test in sorted({test for mutant in mutants for test in mutant.tests}):
        files.setdefault(test.partition("::")[0], []).append(test)
    seconds: dict[str, float] = {}

    async def look(workshop: Workshop, tests: list[str]) -> None:
        run = await workshop.test(tests, limit=_PATIENCE)
        if run.code != _GREEN:
            red = [name for name, word in run.results() if word != "PASSED"]
            raise GroundError(f"red without any mutant: {_names(red)}\n{run.output}")
        # Any of them may have to start the browser that they share.
        seconds.update(dict.fromkeys(tests, run.slowest))

    await _share_out(files.values(), workshops, look)
    return seconds


async def run_all(
    limits: Mapping[Mutant, float], workshops: Sequence[Workshop], progress: Progress
) -> list[Finding]:
    """Try all mutants within their limits, each workshop one at a time.

    What may take long comes first, so that all workshops end together.
    """
    bar = progress.add_task("mutants", total=len(limits))
    findings: dict[Mutant, Finding] = {}

    async def work(workshop: Workshop, mutant: Mutant) -> None:
        finding = await _try_repeatedly(workshop, mutant, limits[mutant])
        findings[mutant] = finding
        if finding.detail:
            progress.console.print(_line(finding), soft_wrap=True)
        progress.advance(bar)

    in_order = sorted(limits, key=limits.__getitem__, reverse=True)
    await _share_out(in_order, workshops, work)
    return [findings[mutant] for mutant in limits]


async def _share_out(
    jobs: Iterable[T],
    workshops: Sequence[Workshop],
    work: Callable[[Workshop, T], Awaitable[None]],
) -> None:
    """Do all jobs; each workshop takes the next one when it has done one."""
    waiting = iter(jobs)

    async def go_on(workshop: Workshop) -> None:
        for job in waiting:
            await work(workshop, job)

    async with asyncio.TaskGroup() as group:
        for workshop in workshops:
            group.create_task(go_on(workshop))


async def _try_repeatedly(workshop: Workshop, mutant: Mutant, limit: float) -> Finding:
    finding = await try_out(workshop, mutant, limit)
    for number in range(2, _TRIES + 1):
        if finding.verdict in (Verdict.KILLED, Verdict.STALE):
            break
        finding = await try_out(workshop, mutant, limit)
        if finding.verdict is Verdict.KILLED:
            return replace(finding, detail=f"at try {number}")
    return finding


def make_table(findings: Sequence[Finding]) -> Table:
    """Lay out the findings for reading."""
    table = Table(box=None, pad_edge=False)
    table.add_column("sentence", no_wrap=True, overflow="ellipsis", max_width=32)
    for heading in ("what does not hold", "tests", "verdict", "s"):
        table.add_column(heading, justify="right" if heading == "s" else "left")
    for finding in findings:
        mutant = finding.mutant
        colour = "green" if finding.verdict is Verdict.KILLED else "red"
        verdict = f"[{colour}]{finding.verdict}[/] {finding.detail}".strip()
        tests = str(len(mutant.tests))
        table.add_row(
            mutant.sentence, mutant.name, tests, verdict, f"{finding.seconds:.1f}"
        )
    return table


async def main(arguments: argparse.Namespace) -> int:
    """Run what was asked for.

    Returns:
        The exit code: 0 if every mutant was killed.
    """
    console = Console(highlight=False)
    chosen = re.compile(arguments.only)
    mutants = [
        mutant
        for mutant in read_mutants(arguments.list)
        if chosen.search(f"{mutant.sentence} {mutant.name} {mutant.file}")
    ]
    if not mutants:
        console.print(f"no mutant is called like {arguments.only!r}")
        return 2
    if arguments.stale:
        stale = find_stale(mutants, arguments.project)
        console.print(*map(_line, stale), sep="\n", soft_wrap=True, markup=False)
        console.print(f"{len(stale)} of {len(mutants)} mutants do not apply")
        return 1 if stale else 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        workshops = _open_workshops(arguments, name)
        console.print("running the tests without a mutant first ...")
        try:
            seconds = await measure(mutants, workshops)
        except* GroundError as problems:
            console.print(*problems.exceptions, soft_wrap=True, markup=False)
            seconds = {}
        if not seconds:
            return 2
        limits = {
            mutant: max(
                arguments.timeout, *(_SLOWER * seconds[test] for test in mutant.tests)
            )
            for mutant in mutants
        }
        with _progress(console) as progress:
            findings = await run_all(limits, workshops, progress)
    console.print(make_table(findings))
    killed = sum(finding.verdict is Verdict.KILLED for finding in findings)
    console.print(f"{killed} of {len(findings)} mutants were noticed")
    return 0 if killed == len(findings) else 1


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", help="a regular expression of sentences, names and files"
    )
    parser.add_argument(
        "--stale", action="store_true", help="only see whether each place is there once"
    )
    parser.add_argument("--jobs", type=int, default=4, help="how many at once")
    parser.add_argument(
        "--timeout", type=float, default=4, help="seconds for a test, at least"
    )
    parser.add_argument(
        "--list",
        type=Path,
        nargs="+",
        default=sorted(here.parent.glob("*/mutants.toml")),
    )
    parser.add_argument("--project", type=Path, default=here.parent.parent)
    parser.add_argument(
        "--contents",
        nargs="+",
        default=["duologue", "tests", "docs", "pyproject.toml", "README.md"],
        help="what of the project is copied",
    )
    return parser.parse_args(given)


def _open_workshops(arguments: argparse.Namespace, folder: str) -> list[Workshop]:
    """Make as many copies as there are jobs."""
    return [
        Workshop(
            arguments.project,
            Path(folder).resolve() / str(number),
            contents=arguments.contents,
        )
        for number in range(arguments.jobs)
    ]


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
    )


def _stale(mutant: Mutant) -> Finding:
    detail = f"{mutant.file} does not hold the text exactly once"
    return Finding(mutant, Verdict.STALE, detail, 0.0)


def _seen(results: Sequence[tuple[str, str]], test: str) -> set[str]:
    """What became of a test, with all its parameters."""
    return {
        word for name, word in results if name == test or name.startswith(f"{test}[")
    }


def _names(tests: Sequence[str]) -> str:
    return ", ".join(test.rpartition("::")[2] for test in tests)


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1] if lines else "no output"


def _line(finding: Finding) -> str:
    mutant = finding.mutant
    return f"{finding.verdict}: {mutant.sentence} {mutant.name}: {finding.detail}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse_arguments())))
