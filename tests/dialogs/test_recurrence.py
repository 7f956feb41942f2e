"""Calls that repeat: by spans, and by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from duologue.dialogs import Daily
from duologue.dialogs._state._recurrence import dump_every, next_due
from duologue.errors import ScheduleError, WrongArgumentError

# They change their clocks by an hour, by half an hour, on other days, and not at all; one
# has left out a whole day.
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Tokyo",
    "Pacific/Apia",
]
times_of_day = st.times().map(lambda at: at.replace(microsecond=0))
moments = st.datetimes(
    datetime(2011, 1, 1),  # noqa: DTZ001  # the zone comes with `timezones`
    datetime(2030, 1, 1),  # noqa: DTZ001  # the same
    timezones=st.just(UTC),
)


def around(change: date) -> st.SearchStrategy[datetime]:
    """Moments of the three days around a change of the clock."""
    first = datetime.combine(change, time(), UTC) - timedelta(days=1)
    return st.integers(0, 3 * 86400).map(lambda late: first + timedelta(seconds=late))


@given(at=times_of_day, zone=st.sampled_from(ZONES), moment=moments)
def test_the_next_time_is_in_the_future_and_within_two_days(
    at: time, zone: str, moment: datetime
) -> None:
    found = Daily(at, zone).after(moment)

    assert moment < found <= moment + timedelta(hours=49)


@given(at=times_of_day, zone=st.sampled_from(ZONES), moment=moments)
def test_the_clock_on_the_wall_shows_the_time_unless_it_was_skipped(
    at: time, zone: str, moment: datetime
) -> None:
    place = ZoneInfo(zone)

    shown = Daily(at, zone).after(moment).astimezone(place).replace(tzinfo=None)

    asked = datetime.combine(shown.date(), at)
    there_and_back = asked.replace(tzinfo=place).astimezone(UTC).astimezone(place)
    assert shown == asked or there_and_back.replace(tzinfo=None) != asked


@pytest.mark.parametrize(
    "change", [date(2026, 3, 29), date(2026, 10, 25)], ids=["spring", "autumn"]
)
@given(data=st.data(), at=times_of_day)
def test_around_a_change_of_the_clock_each_day_has_its_time_once(
    change: date, data: st.DataObject, at: time
) -> None:
    moment = data.draw(around(change))
    daily = Daily(at, "Europe/Berlin")

    days: list[date] = []
    for _ in range(4):
        moment = daily.after(moment)
        days.append(moment.astimezone(ZoneInfo("Europe/Berlin")).date())

    assert days == [days[0] + timedelta(days=late) for late in range(4)]


def test_nine_o_clock_stays_nine_o_clock_in_spring_and_autumn() -> None:
    daily = Daily(time(9), "Europe/Berlin")

    spring = daily.after(datetime(2026, 3, 28, 8, tzinfo=UTC))
    autumn = daily.after(datetime(2026, 10, 24, 7, tzinfo=UTC))

    assert spring == datetime(2026, 3, 29, 7, tzinfo=UTC)  # 23 hours after the last
    assert autumn == datetime(2026, 10, 25, 8, tzinfo=UTC)  # 25 hours after the last


def test_a_time_that_the_clock_skips_comes_an_hour_later() -> None:
    daily = Daily(time(2, 30), "Europe/Berlin")

    found = daily.after(datetime(2026, 3, 28, 12, tzinfo=UTC))

    berlin = found.astimezone(ZoneInfo("Europe/Berlin"))
    assert (berlin.day, berlin.hour, berlin.minute) == (29, 3, 30)


def test_a_time_that_the_clock_shows_twice_counts_the_first_time() -> None:
    daily = Daily(time(2, 30), "Europe/Berlin")

    found = daily.after(datetime(2026, 10, 24, 12, tzinfo=UTC))

    assert found == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert daily.after(found) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@given(
    seconds=st.integers(1, 10**6),
    due=st.integers(0, 10**9),
    late=st.integers(-(10**6), 10**7),
)
def test_what_was_missed_comes_once_and_the_next_keeps_the_step(
    seconds: int, due: int, late: int
) -> None:
    every = dump_every(timedelta(seconds=seconds))

    found = next_due(every, due, due + late)

    assert max(due, due + late) < found <= max(due, due + late) + seconds
    assert (found - due) % seconds == 0


@given(
    span=st.timedeltas(timedelta(seconds=1), timedelta(days=1)),
    due=st.floats(1.7e9, 2e9),
    late=st.floats(0, 1e6),
)
def test_a_span_of_any_length_comes_again_in_the_future(
    span: timedelta, due: float, late: float
) -> None:
    found = next_due(dump_every(span), due, due + late)

    assert due + late < found <= due + late + 2 * span.total_seconds()


def test_a_day_that_was_missed_is_not_made_up_for() -> None:
    every = dump_every(Daily(time(9), "Europe/Berlin"))
    due = datetime(2026, 3, 28, 8, tzinfo=UTC).timestamp()
    now = datetime(2026, 4, 2, 20, tzinfo=UTC).timestamp()

    found = next_due(every, due, now)

    assert found == datetime(2026, 4, 3, 7, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("zone", ["Europe/Bernau", "", "Europe", "../passwd", "a\0b"])
def test_a_zone_that_is_not_there_is_named_with_advice(zone: str) -> None:
    with pytest.raises(ScheduleError, match="such as 'Europe/Berlin'"):
        Daily(time(9), zone)


def test_a_time_of_day_with_a_zone_of_its_own_is_refused() -> None:
    with pytest.raises(ScheduleError, match="has a zone; write Daily"):
        Daily(time(9, tzinfo=UTC), "Europe/Berlin")


def test_what_is_no_time_of_day_or_no_name_is_refused() -> None:
    with pytest.raises(WrongArgumentError, match=r"needs a datetime\.time"):
        Daily("09:00", "Europe/Berlin")  # type: ignore[arg-type]  # the mistake
    with pytest.raises(WrongArgumentError, match="the name of a time zone"):
        Daily(time(9), ZoneInfo("Europe/Berlin"))  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize(
    "span",
    [timedelta(seconds=0.5), timedelta(0), timedelta(-1), timedelta(days=4000)],
    ids=str,
)
def test_what_repeats_too_often_or_too_rarely_is_refused(span: timedelta) -> None:
    with pytest.raises(ScheduleError, match="between 1 second and 10 years"):
        dump_every(span)


def test_what_is_no_repetition_is_refused() -> None:
    with pytest.raises(WrongArgumentError, match="needs a timedelta or Daily"):
        dump_every(60)  # type: ignore[arg-type]  # the mistake
