"""Whoever waits for a message's fate hears of it once, whatever the fate."""

from __future__ import annotations

from tests.support.messages import detection
from vision.domain.losses import DropReason
from vision.publishing.encoding import encode
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.outbox import Entry, Outbox


def entry(seq: int, told: list[int]) -> Entry:
    """A message that notes its number when it is settled."""
    message = detection(seq)
    return Entry(
        StreamKey(Kind.DETECTIONS, "front"),
        message.stream_id,
        encode(message),
        put_s=0.0,
        run=message.run,
        on_acked=lambda: told.append(seq),
    )


def ignore(stream: StreamKey, reason: DropReason, messages: int) -> None:
    """Drops are not what these tests are about."""


def test_a_message_is_settled_once() -> None:
    """Confirmed again after a reconnect, it says nothing new."""
    told: list[int] = []
    message = entry(1, told)
    message.ack()
    message.ack()
    assert told == [1]


def test_a_message_that_overflows_is_settled() -> None:
    """It will never reach its stream; those that wait are not."""
    told: list[int] = []
    outbox = Outbox(2, ignore)
    for seq in range(1, 5):
        outbox.put(entry(seq, told))
    assert told == [1, 2]


def test_a_message_after_the_end_is_settled() -> None:
    """As one that is dropped."""
    told: list[int] = []
    outbox = Outbox(2, ignore)
    outbox.close()
    outbox.put(entry(1, told))
    assert told == [1]
