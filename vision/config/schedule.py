"""Weekly schedules: the hours in which a camera is on, as ``mon-fri 22:00-06:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(?:(?P<days>[a-z,\- ]+?)\s+)?(?P<begin>\d\d:\d\d)\s*-\s*(?P<end>\d\d:\d\d)")
_MINUTES_PER_DAY = 24 * 60
# Two weeks hold every change of a weekly schedule, also around a change of the clocks.
_HORIZON_DAYS = 15


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some days of the week.

    Attributes:
        days: Numbers of the days on which it begins, Monday is 0.
        begin_min: Minutes after midnight at which it begins.
        end_min: Minutes after that midnight at which it ends; past 1440 on the next day.
    """

    days: frozenset[int]
    begin_min: int
    end_min: int


def parse_window(text: str) -> Window:
    """The window that ``text`` describes.

    Raises:
        ValueError: It is not of the form ``mon-fri 22:00-06:00``.
    """
    match = _WINDOW.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(
            f"{text[:40]!r} is no window of time: write it as 'mon-fri 22:00-06:00', "
            "'sat,sun 08:00-24:00' or '22:00-06:00' for every day"
        )
    days = _days(match["days"] or "mon-sun")
    begin_min, end_min = _minutes(match["begin"]), _minutes(match["end"])
    if begin_min in {end_min, _MINUTES_PER_DAY}:
        raise ValueError(f"{text[:40]!r} is empty: the whole day is 00:00-24:00")
    if end_min < begin_min:
        end_min += _MINUTES_PER_DAY
    return Window(days, begin_min, end_min)


def is_within(windows: tuple[Window, ...], local: datetime) -> bool:
    """Whether the local time ``local`` lies in one of ``windows``."""
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday(), (local.weekday() - 1) % 7
    return any(
        (today in window.days and window.begin_min <= minute < window.end_min)
        or (yesterday in window.days and minute + _MINUTES_PER_DAY < window.end_min)
        for window in windows
    )


def next_change(windows: tuple[Window, ...], local: datetime) -> datetime | None:
    """The first time after ``local`` at which :func:`is_within` changes.

    None where it never does: the windows cover the whole week, or there is none.
    """
    is_on = is_within(windows, local)
    candidates = set[datetime]()
    for ahead in range(-1, _HORIZON_DAYS):
        date = local.date() + timedelta(days=ahead)
        midnight = datetime.combine(date, time(), local.tzinfo)
        for window in windows:
            if date.weekday() in window.days:
                candidates.add(midnight + timedelta(minutes=window.begin_min))
                candidates.add(midnight + timedelta(minutes=window.end_min))
    return next(
        (
            moment
            for moment in sorted(candidates)
            if moment > local and is_within(windows, moment) is not is_on
        ),
        None,
    )


def _days(text: str) -> frozenset[int]:
    days = set[int]()
    for part in re.split(r"[,\s]+", text.strip()):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(
                f"{part[:20]!r} is no day: use {', '.join(DAYS)}, as mon-fri or sat,sun"
            )
        begin = DAYS.index(first)
        count = (DAYS.index(last) - begin) % 7 if dash else 0
        days.update((begin + number) % 7 for number in range(count + 1))
    return frozenset(days)


def _minutes(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    total = hours * 60 + minutes
    if minutes >= 60 or total > _MINUTES_PER_DAY:  # noqa: PLR2004  minutes of an hour
        raise ValueError(f"{text!r} is no time of day: use 00:00 to 24:00")
    return total
