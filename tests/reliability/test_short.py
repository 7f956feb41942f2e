"""A bot that is killed between its calls loses nothing: the short form."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.reliability.campaign import Plan, gather
from tests.reliability.messenger import Messenger
from tests.reliability.run import campaigns, in_calls, main
from tests.reliability.users import Act, Crowd
from tests.reliability.verdict import Verdict

pytestmark = pytest.mark.real_time


async def test_nothing_is_lost_doubled_or_out_of_order_when_the_bot_is_killed(
    tmp_path: Path,
) -> None:
    plans = [
        Plan(f"short.{number}", 300, kills=10, users=20, spares=True)
        for number in range(2)
    ]
    total = Verdict()

    await campaigns(plans, tmp_path, total)

    assert total.faults == {}, total.examples
    assert total.counts["messages"] == 600
    assert total.counts["kills"] == 20
    assert in_calls(total) > 0


@pytest.mark.parametrize("strike", ["stop", "term"])
async def test_so_it_is_when_the_bot_is_frozen_or_ended_in_order(
    tmp_path: Path, strike: str
) -> None:
    plan = Plan(f"short-{strike}", 40, kills=1, users=10, strike=strike)
    total = Verdict()

    await campaigns([plan], tmp_path, total)

    assert total.faults == {}, total.examples
    assert in_calls(total) == 1


async def test_no_call_is_too_many_when_the_bot_is_killed(tmp_path: Path) -> None:
    plan = Plan("limits", 60, kills=4, users=10, limits=True, spares=True)
    total = Verdict()

    await campaigns([plan], tmp_path, total)

    assert total.faults == {}, total.examples
    assert in_calls(total) > 0


async def test_the_driver_notices_an_engine_that_forgets(tmp_path: Path) -> None:
    plan = Plan("forgets", 200, kills=5, users=10, engine="memory", patience=3)
    total = Verdict()

    await campaigns([plan], tmp_path, total)

    assert total.faults["lost"] > 0


def test_a_run_in_which_no_call_was_struck_is_invalid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = ("--sample=10", "--kills=0", "--users=3")

    code = main(["--seed=quiet.0", *few])

    assert code == 1
    assert (
        "invalid: no kill happened in the middle of a call" in capsys.readouterr().out
    )


async def acts_of(seed: str) -> list[Act]:
    async with Messenger() as messenger:
        crowd = gather(messenger, random.Random(seed), 5, Crowd)  # noqa: S311  # to be repeated
        for _ in range(50):
            crowd.act(messenger)
        return [act for user in crowd.users for act in user.acts]


async def test_a_seed_decides_what_users_do() -> None:
    first, second, other = [await acts_of(seed) for seed in ("one", "one", "two")]

    assert first == second
    assert first != other
