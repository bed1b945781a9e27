"""What the rules of a broker forbid, as far as it says so or as it can be seen."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_LOG_PERIOD_S = 60.0


class DeniedTopics:
    """Topics that may not be written or read; one that may be is forgotten. Used by one thread."""

    def __init__(self, on_refused: Callable[[], None]) -> None:
        """``on_refused`` is called at each refusal."""
        self._on_refused = on_refused
        self._damper = LogThrottle(_LOG_PERIOD_S)
        self._writing: dict[str, None] = {}
        self._reading: dict[str, None] = {}

    def refuse_writing(self, topic: str) -> None:
        """The broker took a message and let nobody have it."""
        self._refuse(self._writing, "writing", topic)

    def refuse_reading(self, pattern: str) -> None:
        """What is published there does not reach us."""
        self._refuse(self._reading, "reading", pattern)

    def allow_writing(self, topic: str) -> None:
        """It was taken."""
        self._writing.pop(topic, None)

    def allow_reading(self, pattern: str) -> None:
        """It was heard."""
        self._reading.pop(pattern, None)

    @property
    def reason(self) -> str | None:
        """What is forbidden, in words; None while nothing is."""
        said = [
            f"{what} {next(iter(topics))}" + (f" and {len(topics) - 1} more" * (len(topics) > 1))
            for what, topics in (("writing", self._writing), ("reading", self._reading))
            if topics
        ]
        if not said:
            return None
        return f"the broker's rules forbid {' and '.join(said)}: allow it there"

    def _refuse(self, topics: dict[str, None], what: str, topic: str) -> None:
        topics[topic] = None
        self._on_refused()
        if times := self._damper.admit(what):
            _log.warning("mqtt.forbidden %s=%s times=%d reason=%s", what, topic, times, self.reason)
