"""A document is checked whole where it comes in: what was accepted fits its published schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.event_messages import event
from tests.support.messages import detection, status
from tests.support.mutations import TIMES, mutations
from tests.support.narrations import narration
from tests.support.node import validate
from vision.domain.errors import PublishError
from vision.domain.event import EndReason, EventType
from vision.publishing.encoding import (
    decode_detections,
    decode_event,
    decode_narration,
    decode_status,
    encode,
)

_EVENT = event(3, kind=EventType.END, end=EndReason.LEFT, zones=("door",))
_KINDS: list[Any] = [
    (decode_detections, encode(detection(3))),
    (decode_status, encode(status())),
    (decode_event, encode(_EVENT)),
    (decode_narration, encode(narration())),
]
# What no reader of ours uses for more than showing it may say what it likes.
_SHOWN_ONLY = {"sha256", "time_base", "template", "outcome", "provider", "language", "state"}


def _without_shown(document: Any, sound: Any) -> Any:
    """``document`` with the values of ``sound`` wherever they are only shown."""
    if isinstance(document, dict):
        return {
            key: sound[key]
            if key in _SHOWN_ONLY
            else _without_shown(value, sound[key])
            if isinstance(sound, dict) and key in sound
            else value
            for key, value in document.items()
        }
    if isinstance(document, list) and isinstance(sound, list) and len(document) == len(sound):
        return [_without_shown(*pair) for pair in zip(document, sound, strict=True)]
    return document


def _refusal(decode: Callable[[bytes], Any], payload: bytes) -> str | None:
    try:
        decode(payload)
    except PublishError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("decode", "known"), _KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_what_is_accepted_fits_the_schema(
    decode: Callable[[bytes], Any], known: bytes, data: st.DataObject
) -> None:
    """And what is refused is refused in one line."""
    payload = data.draw(mutations(known))
    refusal = _refusal(decode, payload)
    if refusal is not None:
        assert len(refusal.splitlines()) == 1
        assert len(refusal) < 300
        return
    validate(json.dumps(_without_shown(json.loads(payload), json.loads(known))).encode())


@pytest.mark.parametrize(("decode", "known"), _KINDS)
def test_each_time_has_to_be_one(decode: Callable[[bytes], Any], known: bytes) -> None:
    """Wherever it stands: whoever reads it computes with it."""
    text = known.decode()
    moment = "2025-11-23T11:40:"
    assert moment in text
    for start in [index for index in range(len(text)) if text.startswith(moment, index)]:
        for wrong in TIMES:
            if wrong.startswith(("0001", "9999")):
                continue
            document = text[: start - 1] + json.dumps(wrong) + text[start + 25 :]
            with pytest.raises(PublishError, match=r"is not a time|not on one line"):
                decode(document.encode())


def test_a_document_of_several_lines_is_refused() -> None:
    """It would be several lines of a terminal, or of a stream of server-sent events."""
    pretty = json.dumps(json.loads(encode(detection(3))), indent=1).encode()
    with pytest.raises(PublishError, match="not on one line"):
        decode_detections(pretty)


def test_an_endless_document_is_refused_unread() -> None:
    """Nobody has to parse what nobody can have sent."""
    with pytest.raises(PublishError, match="longer than"):
        decode_event(encode(_EVENT) + b" " * 5 * 2**20)


def test_an_id_of_another_frame_is_refused() -> None:
    """Events and pictures are filed under it."""
    document = json.loads(encode(detection(3))) | {"id": encode(detection(4)).decode()[40:60]}
    with pytest.raises(PublishError, match="id"):
        decode_detections(json.dumps(document).encode())
