"""The rules that the random faults are judged by."""

from __future__ import annotations

import json

import pytest

from tests.faults.contract import Message, complaints, parse

_FULL = [Message(1, 1, 0), Message(1, 4, 2), Message(2, 3, 2)]


@pytest.mark.parametrize("live", [[], _FULL, _FULL[1:], [_FULL[0], _FULL[2]]])
def test_told_gaps_and_missed_live_messages_are_no_breach(live: list[Message]) -> None:
    """A subscriber may miss what it was not connected for."""
    assert not list(complaints(_FULL, live))


@pytest.mark.parametrize(
    ("stream", "live", "complaint"),
    [
        ([Message(1, 1, 0), Message(1, 3, 0)], [], "nobody tells of 1 frames"),
        ([Message(1, 2, 0)], [], "nobody tells of 1 frames"),
        ([Message(1, 1, 0), Message(1, 3, 2)], [], "told of and not missing: 1 frames"),
        ([Message(1, 1, 0), Message(1, 1, 0)], [], "stream: (1, 1) came 2 times"),
        ([Message(2, 1, 0), Message(1, 1, 0)], [], "stream: Message(run=1"),
        (_FULL, [Message(1, 2, 0)], "live and not on the stream"),
        (_FULL, [_FULL[1], _FULL[0]], "live: Message(run=1, seq=1"),
        (_FULL, [_FULL[0], _FULL[0]], "live: (1, 1) came 2 times"),
    ],
)
def test_each_breach_is_named(stream: list[Message], live: list[Message], complaint: str) -> None:
    """One complaint at least, and it says which rule."""
    found = list(complaints(stream, live))
    assert any(complaint in line for line in found), found


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"[]", b"null", b"{}", b'{"schema": 1}', b"[" * 100_000]
)
def test_foreign_payloads_are_no_messages(payload: bytes) -> None:
    """Anybody may write to Redis."""
    assert parse(payload) is None


def test_a_message_is_read() -> None:
    """Only what the contract speaks of."""
    document = {"schema": "vision.detections/1", "run": "7", "seq": 3, "skipped": 1, "id": "x"}
    assert parse(json.dumps(document).encode()) == Message(7, 3, 1)
