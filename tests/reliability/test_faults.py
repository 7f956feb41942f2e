"""The driver notices what it is there for: faults put into a copy of the package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.reliability.campaign import Plan
from tests.reliability.run import campaigns
from tests.reliability.verdict import Verdict

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).parents[2]


def copy_with(folder: Path, file: str, before: str, after: str) -> Path:
    """Copy the package with one change."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "duologue", folder / "duologue", ignore=ignored)
    path = folder / file
    text = path.read_text("utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "before", "after", "noticed"),
    [
        pytest.param(
            "duologue/dialogs/_turns/_recovery.py",
            "for one in owed]",
            "for one in owed[:0]]",
            {"screens wrong", "texts missing", "windows missing", "broadcasts missing"},
            id="what is owed is not drawn after a restart",
        ),
        pytest.param(
            "duologue/dialogs/_screen/_presenter.py",
            "            await self._drawing.draw(screen, order)\n",
            "            await self._confirm(screen, [], _paid(order.debts), None)\n"
            "            await self._drawing.draw(screen, order)\n",
            {"screens wrong", "texts missing", "windows missing", "broadcasts missing"},
            id="what is owed is noted as done before it is sent",
        ),
        pytest.param(
            "duologue/transport/sqlite/_engine.py",
            "letter.mail)\n        await self._writer.safe()",
            "letter.mail)\n        self._writer.soon()",
            {"lost"},
            id="mail is accepted before it is in the file",
        ),
        pytest.param(
            "duologue/dialogs/_handling/_handling.py",
            "if not turn.snapshot.ring.add(update.id, batch):",
            "if turn.snapshot.ring.add(update.id, batch) is None:",
            {"doubled"},
            id="an update that comes again is handled again",
        ),
    ],
)
async def test_a_fault_is_noticed(
    tmp_path: Path, file: str, before: str, after: str, noticed: set[str]
) -> None:
    package = copy_with(tmp_path / "package", file, before, after)
    total = Verdict()
    for number in range(4):  # where a kill bites is a matter of luck
        plan = Plan(f"fault.{number}", 300, kills=15, users=10, patience=5)
        await campaigns([plan], tmp_path / str(number), total, package=package)
        if noticed & total.faults.keys():
            break

    assert noticed & total.faults.keys(), total.counts
