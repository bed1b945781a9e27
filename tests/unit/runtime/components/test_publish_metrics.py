"""What the publisher tells becomes reasons, and they end by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vision.domain.losses import DropReason
from vision.domain.trouble import Trouble
from vision.publishing.keys import Kind, StreamKey
from vision.resilience.troubles import LOOK_BACK_S, Troubles
from vision.runtime.components.fan_out import PublishMetrics
from vision.telemetry.metrics import NodeMetrics

_FRONT = StreamKey(Kind.DETECTIONS, "front")
_STATES = StreamKey(Kind.STATUS, "front")
_LOST = [reason for reason in DropReason if reason is not DropReason.SHUTDOWN]


class Clock:
    """A clock that stands still."""

    now_s = 100.0

    def __call__(self) -> float:
        """Read it."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """Of the troubles."""
    return Clock()


@pytest.fixture
def troubles(clock: Clock) -> Troubles:
    """None yet."""
    return Troubles(clock)


@pytest.fixture
def observer(troubles: Troubles) -> PublishMetrics:
    """Of a node."""
    return PublishMetrics(NodeMetrics(list, troubles=troubles), troubles)


def test_a_held_stream_is_a_reason_until_it_is_taken(
    observer: PublishMetrics, troubles: Troubles
) -> None:
    """That states are taken says nothing of detections."""
    observer.held(_FRONT, "its memory is at its limit (OOM)")
    observer.taken(_STATES)
    (reason,) = troubles.reasons()
    assert reason == "Redis refuses the messages of front: its memory is at its limit (OOM)"
    observer.taken(_FRONT)
    assert troubles.reasons() == ()


def test_a_state_hash_that_is_refused_is_a_reason(
    observer: PublishMetrics, troubles: Troubles
) -> None:
    """Whoever looks there sees something old, whatever is taken besides."""
    observer.state_refused("front", "something of another type")
    observer.taken(_STATES)
    assert troubles.reasons() == (
        "Redis refuses the state hash of front: something of another type",
    )
    observer.state_refused("front", None)
    assert troubles.reasons() == ()


@pytest.mark.parametrize("why", _LOST)
def test_lost_messages_are_a_reason_until_a_minute_after_the_last(
    why: DropReason, observer: PublishMetrics, troubles: Troubles, clock: Clock
) -> None:
    """For as long as no message gets through, and then for a bounded time."""
    observer.dropped(_FRONT, why, 3)
    clock.now_s += 10 * LOOK_BACK_S
    (reason,) = troubles.reasons()
    assert reason.startswith("front loses messages: ")
    observer.dropped(_FRONT, why, 1)
    clock.now_s += LOOK_BACK_S / 2
    observer.taken(_FRONT)
    assert troubles.reasons() == (reason,)
    clock.now_s += LOOK_BACK_S / 2 + 1
    observer.taken(_FRONT)
    assert troubles.reasons() == ()


def test_what_an_end_leaves_behind_is_no_trouble(
    observer: PublishMetrics, troubles: Troubles
) -> None:
    """Nobody is there to be ready any more."""
    observer.dropped(_FRONT, DropReason.SHUTDOWN, 3)
    assert troubles.reasons() == ()


def test_another_writer_is_named_by_its_run_until_it_is_gone(
    observer: PublishMetrics, troubles: Troubles
) -> None:
    """Told again at each look."""
    for _ in range(3):
        observer.shared("front", ["1763898000123"])
    (reason,) = troubles.reasons_of(Trouble.OTHER_WRITER)
    assert "front is published by another process too (run 1763898000123)" in reason
    observer.shared("front", [])
    assert troubles.reasons() == ()


@pytest.mark.parametrize(
    ("begin", "label"),
    [
        (lambda observer: observer.held(_FRONT, "x"), "held"),
        (lambda observer: observer.dropped(_FRONT, DropReason.REFUSED_ID, 1), "dropped"),
        (lambda observer: observer.shared("front", ["7"]), "other_writer"),
    ],
)
def test_each_has_a_series(begin: Callable[[PublishMetrics], None], label: str) -> None:
    """1 while it holds and 0 after it; none before."""
    troubles = Troubles()
    metrics = NodeMetrics(list, troubles=troubles)
    observer = PublishMetrics(metrics, troubles)
    series = f'vision_camera_trouble{{camera="front",trouble="{label}"}}'
    assert series not in metrics.exposition()[0].decode()
    begin(observer)
    assert f"{series} 1.0" in metrics.exposition()[0].decode()
    observer.shared("front", [])
    for trouble in Trouble:
        for of in ("", *Kind):
            troubles.end(trouble, "front", of=of)
    assert f"{series} 0.0" in metrics.exposition()[0].decode()
