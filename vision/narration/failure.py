"""Why a provider did not answer."""

from __future__ import annotations

from vision.domain.errors import VisionError
from vision.domain.narration import AttemptOutcome


class AttemptFailedError(VisionError):
    """A provider did not answer; holds nothing of what it sent, nor what it was asked with."""

    def __init__(self, outcome: AttemptOutcome, rest_s: float | None = None) -> None:
        """``rest_s`` is for how long it wants to be left alone, None if it did not say."""
        super().__init__(outcome.value)
        self.outcome = outcome
        self.rest_s = rest_s
