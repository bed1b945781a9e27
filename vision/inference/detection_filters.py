"""From settings to what is reported of each camera."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from vision.config.camera import CameraSettings
from vision.config.core import ModelSettings
from vision.domain.errors import ConfigError
from vision.inference.postprocess import DetectionFilter


def detection_filter_for_all(model: ModelSettings) -> DetectionFilter:
    """What is reported of a camera without settings of its own."""
    return DetectionFilter(model.confidence, model.iou, model.max_detections)


def detection_filters(
    cameras: Mapping[str, CameraSettings], model: ModelSettings, labels: tuple[str, ...]
) -> dict[str, DetectionFilter]:
    """The selection of each camera by name; ``labels`` are the model's.

    Raises:
        ConfigError: A camera asks for a label the model does not know.
    """
    return {name: _selection(name, camera, model, labels) for name, camera in cameras.items()}


def _selection(
    name: str, camera: CameraSettings, model: ModelSettings, labels: tuple[str, ...]
) -> DetectionFilter:
    confidence = model.confidence if camera.confidence is None else camera.confidence
    class_ids = None
    if camera.labels is not None:
        for label in camera.labels:
            if label not in labels:
                raise ConfigError(f"cameras.{name}.labels: {_unknown(label, labels)}")
        class_ids = tuple(number for number, label in enumerate(labels) if label in camera.labels)
    return DetectionFilter(confidence, model.iou, model.max_detections, class_ids)


def _unknown(label: str, labels: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(label, labels, n=1)
    known = ", ".join(dict.fromkeys(labels))
    remedy = f"did you mean {close[0]!r}?" if close else f"it knows: {known}"
    return f"{label!r} is not a label of the model: {remedy}"
