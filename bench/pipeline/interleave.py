"""Runs measurements with the ceiling before, between and after them.

A machine drifts: it grows warm, and others share it. What is compared is what was measured
next to it in time, so each measurement is divided by the mean of the two ceilings around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

Measured = TypeVar("Measured")


class Flanked(NamedTuple, Generic[Measured]):
    """A measurement and the mean of the ceilings around it, frames per second."""

    measured: Measured
    ceiling_fps: float


def interleaved(
    jobs: Iterable[Callable[[], Measured]], ceiling_fps: Callable[[], float]
) -> list[Flanked[Measured]]:
    """Run a ceiling, then each job with another ceiling after it."""
    done = []
    before_fps = ceiling_fps()
    for job in jobs:
        measured = job()
        after_fps = ceiling_fps()
        done.append(Flanked(measured, (before_fps + after_fps) / 2))
        before_fps = after_fps
    return done
