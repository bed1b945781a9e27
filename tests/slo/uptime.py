"""Uptime as a share of time: when a message was there whose frame was fresh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Span = tuple[float, float]
"""From and until, seconds of one clock."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message at a subscriber.

    Attributes:
        arrived_s: When the subscriber had it.
        received_s: When its frame reached the ingest process, by the same clock.
    """

    arrived_s: float
    received_s: float


def fresh_spans(arrivals: Iterable[Arrival], fresh_s: float) -> list[Span]:
    """When a subscriber had a message of a frame no older than ``fresh_s``, in order and apart."""
    spans = sorted(
        (item.arrived_s, item.received_s + fresh_s)
        for item in arrivals
        if item.arrived_s < item.received_s + fresh_s
    )
    return joined(spans)


def joined(spans: Sequence[Span]) -> list[Span]:
    """Sorted ``spans`` without overlaps."""
    merged: list[Span] = []
    for begin, end in spans:
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def overlap_s(spans: Sequence[Span], others: Sequence[Span]) -> float:
    """Seconds that are in both; each list is in order and without overlaps."""
    return sum(
        max(0.0, min(end, other_end) - max(begin, other_begin))
        for begin, end in spans
        for other_begin, other_end in others
    )


def outside(window: Span, spans: Sequence[Span]) -> list[Span]:
    """What of ``window`` is in none of ``spans``, which are in order and without overlaps."""
    begin, until = window
    left = []
    for taken, free in spans:
        if begin < min(taken, until):
            left.append((begin, min(taken, until)))
        begin = max(begin, free)
    return [*left, (begin, until)] if begin < until else left


def down_and_watched_s(
    arrivals: Iterable[Arrival], window: Span, excused: Sequence[Span], fresh_s: float
) -> tuple[float, float]:
    """Seconds without a fresh message, and seconds that count.

    Args:
        arrivals: All messages of a camera.
        window: What is looked at.
        excused: Spans that do not count, since the camera itself sent nothing.
        fresh_s: How old a frame may be.
    """
    counted = outside(window, joined(sorted(excused)))
    watched_s = sum(end - begin for begin, end in counted)
    return watched_s - overlap_s(counted, fresh_spans(arrivals, fresh_s)), watched_s
