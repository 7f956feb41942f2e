"""Several processes are simulated with all that may happen to them: the short form."""

from __future__ import annotations

import pytest

from duologue.transport.redis._wire._scripts import COMMIT
from tests.simulation.run import Result, main, run_seed
from tests.simulation.server import SimulatedServer

FEW = 40  # messages
_REFUSES = COMMIT.text.index("if unit[1] ~= token")
_CHANGES = COMMIT.text.index("redis.call('HDEL', MAIL, number)")
# What is put wrong, in which script, and what is done to find it.
FAULTY = [
    ("commit", COMMIT.text[_REFUSES:_CHANGES], "", "pause", "forked"),
    ("commit", "if current == mine then", "if false then", "lose-answers", "refused"),
    ("enqueue", "if is_in(ring, id) then", "if false then", "two-pollers", "doubled"),
]


def run(*faults: str, on: SimulatedServer | None = None) -> Result:
    return run_seed("1", messages=FEW, chosen=faults, server=on)


@pytest.mark.parametrize(
    "faults",
    [
        ("kill", "fail-over", "stop"),
        ("pause", "lose-answers", "forget-scripts"),
        ("break", "cut-off", "full"),
    ],
)
def test_nothing_is_lost_doubled_or_out_of_order(faults: tuple[str, ...]) -> None:
    result = run(*faults)

    assert result.faults == []
    assert result.counts["turns"] > FEW
    assert [name for name in faults if not result.counts[f"bitten {name}"]] == []


def test_a_seed_does_the_same_again() -> None:
    first, second = run("kill", "slow"), run("kill", "slow")

    assert first.history == second.history
    assert first.history != run("kill", "stop").history


@pytest.mark.parametrize(("script", "before", "after", "fault", "seen"), FAULTY)
def test_what_is_put_wrong_is_seen(
    script: str, before: str, after: str, fault: str, seen: str
) -> None:
    result = run(fault, on=SimulatedServer({script: (before, after)}))

    assert seen in {name for name, _ in result.faults}


def test_it_says_what_there_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1", "--messages", "15", "--fault", "stop"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "stop                            4, bit in 1 of 1 seeds" in lines
    assert "violations                      0" in lines
