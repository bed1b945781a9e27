"""What the model saw in one frame, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Detections:
    """N detections of one frame, most confident first.

    Attributes:
        xyxy: ``float32`` (N, 4): left, top, right, bottom as shares 0 to 1 of the source
            frame, clipped to it.
        confidence: ``float32`` (N,), 0 to 1.
        class_id: ``int32`` (N,), the model's class numbers.
        discarded: Further ones that were left out: their score or box is no number, or out of all
            bounds.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    discarded: int = 0

    def __len__(self) -> int:
        return len(self.confidence)

    @classmethod
    def empty(cls, discarded: int = 0) -> Detections:
        """No detection at all."""
        return cls(
            xyxy=np.empty((0, 4), np.float32),
            confidence=np.empty(0, np.float32),
            class_id=np.empty(0, np.int32),
            discarded=discarded,
        )


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model answered.

    Attributes:
        name: Name in the catalogue.
        sha256: Of the file that was loaded, in hex.
        backend: Engine that ran it: ``openvino``.
        labels: Label of each class number.
    """

    name: str
    sha256: str
    backend: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InferenceRecord:
    """How one frame went through the model.

    Attributes:
        model: Which model answered.
        input_size: Height and width of the tensor the frame was letterboxed into.
        inferred_ns: UTC nanoseconds when the detections were ready.
        inference_ms: Milliseconds between handing the frame to the engine and its answer.
        skipped: Frames of this camera and run passed over since the one published before.
    """

    model: ModelInfo
    input_size: tuple[int, int]
    inferred_ns: int
    inference_ms: float
    skipped: int
