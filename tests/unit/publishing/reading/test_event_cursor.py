"""How far a subscriber has come on a stream of events."""

from __future__ import annotations

from tests.support.event_messages import event
from vision.publishing.reading.cursor import BEFORE_THE_FIRST, EventCursor


def test_each_message_of_an_event_is_new_once() -> None:
    """Whether it came live or was read: events are told apart, and so are their messages."""
    cursor = EventCursor(BEFORE_THE_FIRST)
    for message in (event(0), event(0, number=2), event(1)):
        assert cursor.is_new(message)
        assert cursor.missing_until(message) is None
        cursor.advance(message, None)
        assert not cursor.is_new(message)
    assert not cursor.is_new(event(0))


def test_a_revision_that_was_left_out_is_read_from_the_stream() -> None:
    """From the entry that was read last up to the end."""
    cursor = EventCursor("5-0")
    cursor.advance(event(0), "6-0")
    assert cursor.missing_until(event(2)) is not None
    assert cursor.missing_until(event(1)) is None
    assert cursor.missing_until(event(3, number=9)) is not None
    assert cursor.stream_id == "6-0"
