"""The spool on its own: what is in the file after what was done; time is passed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.messages import detection
from vision.domain.errors import ConfigError
from vision.domain.losses import DropReason
from vision.publishing.encoding import encode
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.outbox import Entry, Outbox
from vision.publishing.writing.spool import Spool
from vision.publishing.writing.spool_restore import restore

_FRONT = StreamKey(Kind.DETECTIONS, "front")
_RUN = 1000


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _entry(seq: int, put_s: float = 0.0) -> Entry:
    message = detection(seq, run=_RUN)
    return Entry(_FRONT, message.stream_id, encode(message), put_s, run=message.run)


def _restored(folder: Path) -> tuple[list[Entry], int]:
    """What the next start finds, and how many messages it reports as lost."""
    spool, lost = Spool(folder / "a.sqlite3", 1), 0

    def on_drop(stream: StreamKey, reason: DropReason, messages: int) -> None:
        nonlocal lost
        assert (stream, reason) == (_FRONT, DropReason.OVERFLOW)
        lost += messages

    outbox = Outbox(10_000, on_drop)
    restore(spool, outbox, on_drop, 0.0)
    spool.close()
    return outbox.take(10_000, 10**9), lost


def test_what_is_settled_is_gone_and_the_rest_is_found_in_order(tmp_path: Path) -> None:
    """Rows are written in any order and found in that of the stream."""
    spool = Spool(tmp_path / "a.sqlite3", 1)
    entries = [_entry(seq) for seq in (3, 1, 2, 4)]
    assert spool.keep(entries)
    entries[0].ack()
    spool.close()
    found, lost = _restored(tmp_path)
    assert [entry.stream_id for entry in found] == [f"{_RUN}-{seq}" for seq in (1, 2, 4)]
    assert not lost
    assert all(entry.unsure and not entry.live_due for entry in found)


def test_a_message_is_written_once(tmp_path: Path) -> None:
    """And anew only if it has to account for more than before."""
    spool = Spool(tmp_path / "a.sqlite3", 1)
    entry = _entry(1)
    for _ in range(3):
        spool.keep([entry])
    entry.lost_before = 7
    spool.keep([entry])
    spool.close()
    found, _ = _restored(tmp_path)
    assert [(entry.stream_id, entry.lost_before) for entry in found] == [(f"{_RUN}-1", 7)]


def test_one_that_was_settled_meanwhile_does_not_stay(tmp_path: Path) -> None:
    """Dropped by another thread while it was being written, it is not sent by the next start."""
    spool = Spool(tmp_path / "a.sqlite3", 1)
    entry = _entry(1)
    spool.keep([entry])
    entry.ack()
    spool.close()
    assert _restored(tmp_path) == ([], 0)


def test_without_room_the_oldest_lose_their_bytes_and_are_told_of(tmp_path: Path) -> None:
    """In one large write as in many small ones."""
    spool = Spool(tmp_path / "a.sqlite3", 1)
    entries = [_entry(seq) for seq in range(1, 3001)]
    spool.keep(entries[:1500])
    spool.keep(entries[1500:])
    without_room = spool.without_room
    spool.close()
    found, lost = _restored(tmp_path)
    assert lost == without_room > 1000
    assert [entry.stream_id for entry in found] == [f"{_RUN}-{s}" for s in range(lost + 1, 3001)]
    assert found[0].lost_before == lost


def test_the_disk_is_left_alone_while_nothing_waits(tmp_path: Path) -> None:
    """Redis there: once a second, and only for what has waited. Redis away: at once, for all."""
    clock = _Clock()
    spool = Spool(tmp_path / "a.sqlite3", 1, clock)
    assert spool.is_due(is_away=False)
    assert not spool.is_due(is_away=False)
    assert spool.is_due(is_away=True)
    assert spool.until_s(is_away=True) == clock.now_s
    assert spool.until_s(is_away=False) == clock.now_s - 1.0
    clock.now_s += 1.0
    assert spool.is_due(is_away=False)
    spool.close()


def test_a_disk_that_fails_is_tried_again_after_a_while(tmp_path: Path) -> None:
    """What waits is written then."""
    clock = _Clock()
    spool = Spool(tmp_path / "a.sqlite3", 1, clock)
    assert spool._database is not None
    pages = spool._database.execute("PRAGMA page_count").fetchone()[0]
    spool._database.execute(f"PRAGMA max_page_count = {pages}")
    entries = [_entry(seq) for seq in range(1, 101)]
    assert not spool.keep(entries)
    assert spool.problem == "the disk is full"
    assert not spool.is_due(is_away=True)
    spool._database.execute("PRAGMA max_page_count = 1000000")
    clock.now_s += 10.0
    assert spool.is_due(is_away=True)
    assert spool.keep(entries)
    assert spool.problem is None
    spool.close()
    assert len(_restored(tmp_path)[0]) == 100


def test_a_file_in_use_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    """Whoever has it would send the same messages."""
    spool = Spool(tmp_path / "a.sqlite3", 1)
    with pytest.raises(ConfigError, match="in use by another process"):
        Spool(tmp_path / "a.sqlite3", 1)
    spool.close()


def test_what_is_no_message_is_lost_and_told_of(tmp_path: Path) -> None:
    """It would stop the sender for ever."""
    spool = Spool(tmp_path / "a.sqlite3", 1)
    broken = _entry(1)
    broken.payload = b"{}"
    spool.keep([broken, _entry(2)])
    spool.close()
    found, lost = _restored(tmp_path)
    assert lost == 1
    assert [(entry.stream_id, entry.lost_before) for entry in found] == [(f"{_RUN}-2", 1)]
