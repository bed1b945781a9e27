"""What the inference worker asks of an engine.

An engine takes pictures in batches and answers later, in any order. On a CPU a batch is one
picture and several batches are under way at a time; on a GPU a batch is one large tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision.domain.detections import ModelInfo
from vision.domain.errors import InferenceError
from vision.domain.frame import Image
from vision.inference.heads import Candidates, Heads
from vision.inference.letterbox import Letterbox


@dataclass(frozen=True, slots=True)
class RawResult:
    """What the network said of one picture.

    Attributes:
        output: (4 + classes, anchors); or what it is made of; or what is left of it where
            copying all would cost more than looking through it on the device. A view of the
            engine's memory.
        letterbox: Where the picture lies in the input.
        input_size: Height and width of the input.
    """

    output: NDArray[np.float32] | Heads | Candidates
    letterbox: Letterbox
    input_size: tuple[int, int]


class BatchResult(Protocol):
    """The engine's answer to one batch; to be released once it was read."""

    @property
    def ticket(self) -> int:
        """What ``submit`` returned for the batch."""

    @property
    def finished_mono_ns(self) -> int:
        """When the engine was done, on CLOCK_MONOTONIC."""

    @property
    def results(self) -> Sequence[RawResult] | InferenceError:
        """One per picture in the order of the batch, or why there are none."""

    def release(self) -> None:
        """Give the memory of the results back to the engine."""


class Backend(Protocol):
    """An engine with a model loaded; used by one thread."""

    @property
    def model(self) -> ModelInfo:
        """The model that answers."""

    @property
    def input_size(self) -> int:
        """Longest side, in pixels, that pictures are to be scaled to."""

    @property
    def max_batch(self) -> int:
        """Most pictures in one batch; 1 where larger batches gain nothing."""

    @property
    def capacity(self) -> int:
        """Most batches under way at a time."""

    def free(self) -> int:
        """How many batches could be submitted now."""

    def submit(self, pictures: Sequence[Image]) -> int:
        """Start a batch and return its ticket; the pictures are copied before it returns.

        Raises:
            InferenceError: The engine refused it; nothing was started.
        """

    def finished(self) -> Sequence[BatchResult]:
        """The batches that were answered or failed since the last call."""

    def notify(self, finished: Callable[[], None]) -> None:
        """Have ``finished`` called, on a thread of the engine, when a batch was answered.

        A batch that failed may be told by :meth:`finished` only.
        """

    def close(self) -> None:
        """Wait for what is under way and free the engine."""
