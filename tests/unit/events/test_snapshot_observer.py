"""A store of pictures tells what becomes of them, and does not ask a disk that refuses too often."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.support.snapshots import (
    DAY_S,
    JPEG,
    NOW_S,
    Clock,
    RecordingObserver,
    event_id,
    kept,
    store_in,
    taken_at,
)
from vision.events.snapshot_store import SnapshotFailure, SnapshotRemoval


def test_it_tells_what_becomes_of_pictures(tmp_path: Path) -> None:
    """What is kept, what goes for its age and what makes room; what is left, and how old that is."""
    clock, tally = Clock(), RecordingObserver()
    store = store_in(tmp_path, clock, max_bytes=1_000, observer=tally)
    for number, age_s in ((1, DAY_S + 1), (2, 60), (3, 50)):
        store.write(event_id(number), JPEG.ljust(400))
        taken_at(tmp_path, number, NOW_S - age_s)
    assert tally.kept_of == ["front"] * 3
    # The third was too much: that is looked at without waiting for the minute.
    assert tally.removals == [SnapshotRemoval.AGE]
    assert tally.looks.pop() == (800, NOW_S - 60)
    store.write(event_id(4), JPEG.ljust(400))
    assert tally.removals == [SnapshotRemoval.AGE, SnapshotRemoval.SIZE]
    assert tally.looks.pop() == (800, NOW_S - 50)
    clock.s += 2 * DAY_S
    for number in (3, 4):
        taken_at(tmp_path, number, NOW_S)
    store.sweep()
    assert tally.looks.pop() == (0, None)
    assert not tally.failures


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, SnapshotFailure.FULL),
        (errno.EDQUOT, SnapshotFailure.FULL),
        (errno.EACCES, SnapshotFailure.DENIED),
        (errno.EROFS, SnapshotFailure.DENIED),
        (errno.EIO, SnapshotFailure.IO),
    ],
)
def test_it_tells_why_a_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: SnapshotFailure
) -> None:
    """In words of its own: an operator does something else about each."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    tally = RecordingObserver()
    store = store_in(tmp_path, observer=tally)
    monkeypatch.setattr("vision.events.snapshot_store.os.replace", refuse)
    assert not store.write(event_id(1), JPEG)
    assert not store.write(event_id(1), JPEG.ljust(10_001))
    assert tally.failures == [("front", reason), ("front", SnapshotFailure.TOO_LARGE)]
    assert not tally.kept_of
    assert kept(tmp_path) == []


def test_a_folder_that_cannot_be_swept_is_not_asked_at_every_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a minute, even while it holds more than it may."""
    clock, asked = Clock(), []

    def refuse(path: Path, **_: object) -> None:
        asked.append(path)
        raise PermissionError(errno.EACCES, "no")

    store = store_in(tmp_path, clock, max_bytes=1_000)
    monkeypatch.setattr(Path, "unlink", refuse)
    for number in range(3):
        store.write(event_id(number), JPEG.ljust(400))
    assert len(asked) == 1
    for _ in range(3):
        store.sweep()
    assert len(asked) == 1
    clock.s += 61
    store.sweep()
    assert len(asked) == 2
