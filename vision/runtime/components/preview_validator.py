"""What comes on the channels of pictures, which anybody may write to."""

from __future__ import annotations

import logging

from vision.domain.errors import PublishError
from vision.domain.message import DetectionMessage
from vision.frames.preview_channel import Preview
from vision.publishing.encoding import decode_detections
from vision.resilience.log_throttle import LogThrottle

_LOG_PERIOD_S = 60.0
# The first bytes of a JPEG.
_START_OF_IMAGE = b"\xff\xd8"


class PreviewValidator:
    """Tells the pictures that can be used from what is passed by; used by one thread."""

    def __init__(self, log: logging.Logger, told_as: str) -> None:
        """``log`` is told of the others in lines that begin with ``told_as``, one a minute."""
        self._log = log
        self._told_as = told_as
        self._damper = LogThrottle(_LOG_PERIOD_S)

    def message_of(self, picture: Preview) -> DetectionMessage | None:
        """The message about a picture; None for what is no message, or no picture."""
        reason: object = "it is no JPEG"
        try:
            message = decode_detections(picture.message)
            if picture.jpeg.startswith(_START_OF_IMAGE):
                return message
        except PublishError as error:
            reason = error
        if times := self._damper.admit("skipped"):
            self._log.warning("%s.picture_skipped times=%d reason=%s", self._told_as, times, reason)
        return None
