"""Break each promise on purpose and see its tests fail.

A mutant is one small change of the package that takes away the mechanism behind
a promise; `mutants.toml` lists them. Each is applied to a copy of the project in a
temporary folder, and the tests named with it are run there. All of them must
fail: one that stays green does not test what it says. What threads, browsers and
random examples do differs between runs, so a mutant that survives is tried again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR|XFAIL|XPASS|SKIPPED) (\S+)")

# What pytest ends with: all passed, some failed.
_GREEN, _RED = 0, 1
_TRIES = 3


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
        promise: Which promise it breaks.
        name: What does not hold any more.
        file: Where the change is made, relative to the project.
        before: The text that is replaced; it occurs once.
        after: What takes its place.
        tests: The tests that must fail.
    """

    promise: str
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


@dataclass(frozen=True, slots=True)
class Run:
    """One run of pytest.

    Attributes:
        code: How it ended; None if it had to be killed.
        results: What became of each test that was reported: a word for its body
            and, if they failed, one for what comes before or after it.
        output: What it printed.
    """

    code: int | None
    results: dict[str, set[str]]
    output: str


def read_mutants(path: Path) -> list[Mutant]:
    """Read the list of mutants."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def mutate(text: str, mutant: Mutant) -> str | None:
    """Make the change; None if its place is not there exactly once."""
    if text.count(mutant.before) != 1 or mutant.before == mutant.after:
        return None
    return text.replace(mutant.before, mutant.after)


def read_results(output: str) -> dict[str, set[str]]:
    """Read the short summary of pytest."""
    results: dict[str, set[str]] = {}
    for line in output.splitlines():
        match = _RESULT.match(line)
        if match is not None:
            results.setdefault(match[2], set()).add(match[1])
    return results


def judge(mutant: Mutant, run: Run) -> tuple[Verdict, str]:
    """Decide whether the tests have noticed a mutant.

    A run that had to be killed hung, which nobody overlooks. Any other must end
    with failed tests; what cannot even be imported or set up proves nothing.
    """
    if run.code is None:
        return Verdict.KILLED, "hung"
    if run.code not in (_GREEN, _RED):
        return Verdict.BROKEN, f"pytest ended with {run.code}: {_last_line(run.output)}"
    seen = {test: _seen(run.results, test) for test in mutant.tests}
    unborn = [test for test, words in seen.items() if words == {"ERROR"}]
    if unborn:
        return Verdict.BROKEN, f"not a failure but an error: {_names(unborn)}"
    # An error beside a result is one after the test, where fixtures check too.
    green = [test for test, words in seen.items() if not words & {"FAILED", "ERROR"}]
    if green:
        return Verdict.SURVIVED, f"green: {_names(green)}"
    return Verdict.KILLED, ""


class Workshop:
    """A copy of the project in which mutants are tried one after another.

    Args:
        project: The project, which is only read.
        folder: Where the copy goes.
        contents: What is copied.
        limit: Seconds for one test.

    Attributes:
        folder: Where the copy is.
    """

    def __init__(
        self, project: Path, folder: Path, *, contents: Sequence[str], limit: float
    ) -> None:
        self.folder = folder
        self._limit = limit
        folder.mkdir()
        for name in contents:
            source = project / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=LEFT_BEHIND)
            elif source.exists():
                shutil.copy2(source, folder / name)

    async def try_out(self, mutant: Mutant) -> Finding:
        """Apply a mutant, run its tests once, and undo it."""
        began = time.monotonic()
        file = self.folder / mutant.file
        original = file.read_text(encoding="utf-8") if file.exists() else ""
        changed = mutate(original, mutant)
        if changed is None:
            detail = f"{mutant.file} does not hold the text exactly once"
            return Finding(mutant, Verdict.STALE, detail, 0.0)
        _write(file, changed)
        try:
            run = await self.test(mutant.tests)
        finally:
            _write(file, original)
        verdict, detail = judge(mutant, run)
        return Finding(mutant, verdict, detail, time.monotonic() - began)

    async def test(self, tests: Sequence[str]) -> Run:
        """Run tests in the copy."""
        command = ("-m", "pytest", "-q", "-rA", "--tb=line", "--no-header")
        options = (f"--timeout={self._limit:g}", "-p", "no:cacheprovider")
        # Some seconds on top to start up, and for what pytest-timeout cannot end.
        patience = 15 + self._limit * (1 + len(tests) / 4)
        code, output = await self._python(*command, *options, *tests, within=patience)
        return Run(code, read_results(output), output)

    async def origin(self, package: str) -> Path:
        """Tell which copy of a package the tests import."""
        look = f"import {package}; print({package}.__file__)"
        _, output = await self._python("-c", look, within=30)
        return Path(output.strip().splitlines()[-1])

    async def _python(self, *arguments: str, within: float) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=self.folder,
            env=_environment(self.folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(within):
                output, _ = await process.communicate()
        except TimeoutError:
            return None, "killed"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode, output.decode(errors="replace")


async def check_ground(workshop: Workshop, mutants: list[Mutant]) -> str:
    """Make sure that findings will mean something.

    Returns:
        What is wrong: the tests import another copy, or are red without a mutant.
    """
    package = mutants[0].file.partition("/")[0]
    origin = await workshop.origin(package)
    if not origin.is_relative_to(workshop.folder):
        return f"the tests would import {origin}, not the copy in {workshop.folder}"
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    run = await workshop.test(tests)
    if run.code == _GREEN:
        return ""
    red = [test for test, words in run.results.items() if words != {"PASSED"}]
    return f"red without any mutant: {_names(red)}\n{run.output}"


async def run_all(
    mutants: list[Mutant], workshops: Sequence[Workshop], progress: Progress
) -> list[Finding]:
    """Try all mutants, each workshop one at a time."""
    bar = progress.add_task("mutants", total=len(mutants))
    waiting = list(reversed(mutants))
    findings: list[Finding] = []

    async def work(workshop: Workshop) -> None:
        while waiting:
            finding = await _try_repeatedly(workshop, waiting.pop())
            findings.append(finding)
            if finding.detail:
                progress.console.print(_line(finding), soft_wrap=True)
            progress.advance(bar)

    async with asyncio.TaskGroup() as group:
        for workshop in workshops:
            group.create_task(work(workshop))
    return sorted(findings, key=lambda finding: mutants.index(finding.mutant))


async def _try_repeatedly(workshop: Workshop, mutant: Mutant) -> Finding:
    finding = await workshop.try_out(mutant)
    for number in range(2, _TRIES + 1):
        if finding.verdict is not Verdict.SURVIVED:
            break
        finding = await workshop.try_out(mutant)
        if finding.verdict is Verdict.KILLED:
            return replace(finding, detail=f"at try {number}")
    return finding


def make_table(findings: Sequence[Finding]) -> Table:
    """Lay out the findings for reading."""
    table = Table(box=None, pad_edge=False)
    for heading in ("promise", "what does not hold", "tests", "verdict", "s"):
        table.add_column(heading, justify="right" if heading == "s" else "left")
    for finding in findings:
        mutant = finding.mutant
        colour = "green" if finding.verdict is Verdict.KILLED else "red"
        verdict = f"[{colour}]{finding.verdict}[/] {finding.detail}".strip()
        tests = str(len(mutant.tests))
        table.add_row(
            mutant.promise, mutant.name, tests, verdict, f"{finding.seconds:.1f}"
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
        if chosen.search(f"{mutant.promise} {mutant.name}")
    ]
    if not mutants:
        console.print(f"no mutant is called like {arguments.only!r}")
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        workshops = _open_workshops(arguments, name)
        console.print("running the tests without a mutant first ...")
        problem = await check_ground(workshops[0], mutants)
        if problem:
            console.print(problem, soft_wrap=True, markup=False)
            return 2
        with _progress(console) as progress:
            findings = await run_all(mutants, workshops, progress)
    console.print(make_table(findings))
    killed = sum(finding.verdict is Verdict.KILLED for finding in findings)
    console.print(f"{killed} of {len(findings)} mutants were noticed")
    return 0 if killed == len(findings) else 1


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--jobs", type=int, default=3, help="how many at once")
    parser.add_argument("--timeout", type=float, default=5, help="seconds for a test")
    parser.add_argument("--list", type=Path, default=here / "mutants.toml")
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
            limit=arguments.timeout,
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


def _environment(folder: Path) -> dict[str, str]:
    """Let the copy win over what is installed, whatever the folder Python starts in."""
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONSAFEPATH": "1",
        "COLUMNS": "400",
    }


def _write(file: Path, text: str) -> None:
    """Write a module and forget its compiled form, which may be as old and long."""
    file.write_text(text, encoding="utf-8")
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def _seen(results: dict[str, set[str]], test: str) -> set[str]:
    """What became of a test, with all its parameters."""
    found: set[str] = set()
    for name, words in results.items():
        if name == test or name.startswith(f"{test}["):
            found |= words
    return found


def _names(tests: Sequence[str]) -> str:
    return ", ".join(test.rpartition("::")[2] for test in tests)


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1] if lines else "no output"


def _line(finding: Finding) -> str:
    mutant = finding.mutant
    return f"{finding.verdict}: {mutant.promise} {mutant.name}: {finding.detail}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse_arguments())))
