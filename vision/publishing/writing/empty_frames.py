"""The policy for frames with nothing in them: publish all, or only the first."""

from __future__ import annotations

import dataclasses
from typing import Literal

from vision.domain.message import DetectionMessage


@dataclasses.dataclass(slots=True)
class _Camera:
    """What a subscriber knows of a camera's run.

    Attributes:
        run: The run of the newest message.
        is_empty: Whether the last message that was passed on had nothing in it.
        kept_back: Frames since then that no message tells of, for the next to account for.
    """

    run: str
    is_empty: bool
    kept_back: int = 0


class EmptyFrames:
    """Keeps messages back under ``on_change``; used by one thread at a time.

    A message kept back is a frame that nobody is told of, exactly like one that was never
    inferred. The next message passed on counts it, and what it had skipped itself, in its
    own ``skipped``: ``seq == previous seq + 1 + skipped`` holds for whoever reads on.
    """

    def __init__(self, policy: Literal["always", "on_change"]) -> None:
        self._keeps_back = policy == "on_change"
        self._cameras: dict[str, _Camera] = {}

    def pass_on(self, message: DetectionMessage) -> DetectionMessage | None:
        """The message to publish, None when it is kept back.

        The first message of a run is always passed on: a restart must not look like a
        camera that went quiet.
        """
        if not self._keeps_back:
            return message
        is_empty = not message.detections
        camera = self._cameras.get(message.camera)
        if camera is None or camera.run != message.run:
            self._cameras[message.camera] = _Camera(message.run, is_empty)
            return message
        if is_empty and camera.is_empty:
            camera.kept_back += 1 + message.skipped
            return None
        kept_back, camera.kept_back = camera.kept_back, 0
        camera.is_empty = is_empty
        return dataclasses.replace(message, skipped=message.skipped + kept_back)
