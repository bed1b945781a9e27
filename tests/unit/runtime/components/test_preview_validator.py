"""Pictures from a channel that anybody may write to."""

from __future__ import annotations

import logging

import pytest

from tests.support.messages import detection
from tests.support.mutations import RUBBISH
from vision.frames.preview_channel import Preview
from vision.publishing.encoding import encode
from vision.runtime.components.preview_validator import PreviewValidator


def test_what_is_no_picture_is_passed_by_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it comes."""
    sent = PreviewValidator(logging.getLogger("test"), "web")
    sound = Preview(encode(detection(3)), b"\xff\xd8\xff\xe0")
    for _ in range(3):
        for message in RUBBISH:
            assert sent.message_of(Preview(message, sound.jpeg)) is None
        assert sent.message_of(Preview(sound.message, b"<html>")) is None
    assert len(caplog.records) == 1
    assert sent.message_of(sound) == detection(3)
