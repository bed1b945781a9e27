"""Runs measurements with the ceiling before, between and after them.

A machine drifts: it grows warm, and others share it. What is compared is what was measured
next to it in time, so each measurement is divided by the mean of the two ceilings around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

Measured = TypeVar("Measured")


class Ceiling(NamedTuple):
    """What the engine alone did: frames per second, and processor time of a frame."""

    fps: float
    cpu_ms_per_frame: float


class Flanked(NamedTuple, Generic[Measured]):
    """A measurement and the mean of the ceilings around it."""

    measured: Measured
    ceiling: Ceiling


def interleaved(
    jobs: Iterable[Callable[[], Measured]], measure_ceiling: Callable[[], Ceiling]
) -> list[Flanked[Measured]]:
    """Run a ceiling, then each job with another ceiling after it."""
    done = []
    before = measure_ceiling()
    for job in jobs:
        measured = job()
        after = measure_ceiling()
        between = Ceiling(*((first + last) / 2 for first, last in zip(before, after, strict=True)))
        done.append(Flanked(measured, between))
        before = after
    return done
