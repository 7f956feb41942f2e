"""The acts of the demo: what the user does, and what must be seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from duologue._demo._checks import (
    Check,
    all_jobs,
    all_presses,
    answered_once,
    counted_up,
    each_press_once,
    few_redraws,
    is_poll,
    killed,
    messenger_was_down,
    nothing_refused,
    progress_to_the_end,
    redrawn_in_place,
    sent_once,
    still_there,
    stopped_half_way,
    went_on,
)
from duologue._demo._player import Player
from duologue._demo._scene import Scene, shows
from duologue.transport.sandbox import LogKind

PATIENCE = 10.0
"""Seconds for what should come at once."""
OUTAGE = 3.0
RECOVERY = 15.0
"""Seconds after an outage: the bot asks again after up to 8, then answers."""
TICKS = 10
PRESSES = 20
JOBS = 10
WRITTEN = ("раз", "два")
FLIGHT = 4.0
"""Seconds that the worker takes."""
REPORTS = 40
HALF_WAY = 40
BOOM, STOPPED = "Кабуууум!", "Полёт отменён"
NAME, ORDERED = "Анна", "заказано"
START = 15.0
"""Seconds for the start of the bot, on a busy machine."""
TAKEOVER = 40.0
"""Seconds until another copy has what a killed one had, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the conversation.

    Attributes:
        title: Its heading.
        note: What to look at.
        play: Acts as the user until all has been seen, or time is over.
        check: Judges what was seen.
        has_copies: Whether two copies of the bot play it, behind one server.
    """

    title: str
    note: str
    play: Callable[[Player], Awaitable[None]]
    check: Callable[[Scene], Sequence[Check]]
    has_copies: bool = False


async def _play_timer(player: Player) -> None:
    await player.say("/start")
    if await player.until(_has_view, PATIENCE):
        await player.press(0)
        await player.until(
            lambda scene: scene.last_numbers() == [TICKS], TICKS + PATIENCE
        )


def _check_timer(scene: Scene) -> Sequence[Check]:
    return (
        redrawn_in_place(scene, edits=TICKS),
        counted_up(scene, to=TICKS),
        nothing_refused(scene),
    )


async def _play_counter(player: Player) -> None:
    await player.say("/count")
    if await player.until(_has_view, PATIENCE):
        half = [0] * (PRESSES // 2)
        await player.press(*half, 1, *half)
        await player.until(
            lambda scene: all(check.kept for check in _nothing_lost(scene)), PATIENCE
        )


def _check_counter(scene: Scene) -> Sequence[Check]:
    return (
        *_nothing_lost(scene),
        few_redraws(scene, changes=PRESSES + JOBS),
        nothing_refused(scene),
    )


def _nothing_lost(scene: Scene) -> Sequence[Check]:
    return all_presses(scene, presses=PRESSES), all_jobs(scene, jobs=JOBS)


async def _play_outage(player: Player) -> None:
    await player.say("/echo")
    if not await player.until(_has_view, PATIENCE):
        return
    await player.break_messenger(OUTAGE)
    # The poll that is open brings this one; the answer has to wait.
    await player.say(WRITTEN[0])
    await player.until(lambda scene: any(map(is_poll, scene.entries)), PATIENCE)
    # This one cannot even be fetched.
    await player.say(WRITTEN[1])
    await player.until(_has_answers, OUTAGE + RECOVERY)


def _check_outage(scene: Scene) -> Sequence[Check]:
    return (
        messenger_was_down(scene),
        answered_once(scene, WRITTEN),
        nothing_refused(scene),
    )


async def _play_rocket(player: Player) -> None:
    await player.say("/rocket")
    if not await player.until(_has_view, PATIENCE):
        return
    await player.press(0)
    if await player.until(_has_ended, FLIGHT + PATIENCE):
        await player.press(0)
        await player.until(_is_half_way, FLIGHT + PATIENCE)
        await player.press(0)
        await player.until(_was_stopped, PATIENCE)


def _check_rocket(scene: Scene) -> Sequence[Check]:
    return (
        progress_to_the_end(scene, words=BOOM),
        few_redraws(scene, changes=REPORTS),
        stopped_half_way(scene, words=STOPPED),
        nothing_refused(scene),
    )


async def _play_kill(player: Player) -> None:
    if not await _begin_order(player):
        return
    await player.kill_bot()
    # Nobody is there to take this one; the messenger keeps it.
    await player.press(0)
    await player.until(_has_both_presses, PATIENCE)
    await player.start_bot()
    await _finish_order(player, START)


async def _play_copies(player: Player) -> None:
    if not await _begin_order(player):
        return
    await player.kill_polling_copy()
    await player.press(0)
    await player.until(_has_both_presses, PATIENCE)
    await _finish_order(player, TAKEOVER)


async def _begin_order(player: Player) -> bool:
    """Write the name, and order one."""
    await player.say("/order")
    if not await player.until(_has_view, START):
        return False
    await player.say(NAME)
    if not await player.until(lambda scene: scene.last_numbers() == [0], PATIENCE):
        return False
    await player.press(0)
    return await player.until(lambda scene: scene.last_numbers() == [1], PATIENCE)


async def _finish_order(player: Player, seconds: float) -> None:
    """Wait for the second one, and end the form."""
    if await player.until(lambda scene: scene.last_numbers() == [2], seconds):
        await player.press(1)
        await player.until(_is_ordered, PATIENCE)


def _check_kill(scene: Scene) -> Sequence[Check]:
    return (
        killed(scene),
        still_there(scene, NAME),
        each_press_once(scene, presses=2),
        sent_once(scene, messages=2),
        went_on(scene, words=ORDERED),
        nothing_refused(scene),
    )


def _has_both_presses(scene: Scene) -> bool:
    return len(scene.of(LogKind.CLICKED)) == 2  # noqa: PLR2004  # as the name says


def _is_ordered(scene: Scene) -> bool:
    return shows(scene.last_view(), ORDERED)


def _has_ended(scene: Scene) -> bool:
    return shows(scene.last_view(), BOOM)


def _is_half_way(scene: Scene) -> bool:
    return not _has_ended(scene) and max(scene.last_numbers(), default=0) >= HALF_WAY


def _was_stopped(scene: Scene) -> bool:
    return shows(scene.last_view(), STOPPED)


def _has_view(scene: Scene) -> bool:
    return scene.last_view() is not None


def _has_answers(scene: Scene) -> bool:
    return len(scene.of(LogKind.MESSAGE)) > len(WRITTEN)


ACTS = (
    Act(
        "A timer",
        f"A background task updates the dialog {TICKS} times, once a second.",
        _play_timer,
        _check_timer,
    ),
    Act(
        "All at the same moment",
        f"{PRESSES} presses and {JOBS} background updates meet in one dialog, whose "
        "handler waits between reading and writing.",
        _play_counter,
        _check_counter,
    ),
    Act(
        "A messenger that fails",
        f"For {OUTAGE:.0f} seconds it answers every request of the bot with an error.",
        _play_outage,
        _check_outage,
    ),
    Act(
        "A long operation",
        "A worker in a thread reports ten times a second. The first flight ends by "
        "itself, the second is stopped half-way.",
        _play_rocket,
        _check_rocket,
    ),
    Act(
        "A bot that is killed",
        "In the middle of a form its process gets SIGKILL, and is started again. "
        "The user just goes on.",
        _play_kill,
        _check_kill,
    ),
    Act(
        "Two copies of the bot",
        "Both work behind one server. The one that polls gets SIGKILL in the middle of "
        "a form, and nobody starts it again.",
        _play_copies,
        _check_kill,
        has_copies=True,
    ),
)
