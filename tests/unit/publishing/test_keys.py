"""Names on Redis."""

from __future__ import annotations

import pytest

from vision.publishing.keys import Kind, StreamKey, parse_stream_key, state_key


def test_names_hold_literal_braces() -> None:
    """The camera stands between braces, as the contract says."""
    assert str(StreamKey(Kind.DETECTIONS, "front")) == "vision:detections:{front}"
    assert str(StreamKey(Kind.STATUS, "front")) == "vision:status:{front}"
    assert state_key("front") == "vision:state:{front}"


def test_a_name_comes_back_as_its_key() -> None:
    """What PSUBSCRIBE and SCAN give can be told apart by camera and kind."""
    for kind in Kind:
        key = StreamKey(kind, "yard-2")
        assert parse_stream_key(str(key)) == key


@pytest.mark.parametrize(
    "name",
    [
        "vision:detections:front",
        "vision:detections:{}",
        "vision:state:{a}",
        "x:{a}",
        "",
        "vision:{a}",
    ],
)
def test_foreign_names_are_no_keys(name: str) -> None:
    """Names of other programs on the same Redis are left alone."""
    assert parse_stream_key(name) is None
