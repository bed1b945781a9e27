"""From settings to what is reported of each camera."""

from __future__ import annotations

import pytest

from vision.config.camera import CameraSettings
from vision.config.core import ModelSettings
from vision.domain.errors import ConfigError
from vision.inference.detection_filters import detection_filter_for_all, detection_filters
from vision.inference.postprocess import DetectionFilter

_URL = "rtsp://10.0.0.20/stream"
_LABELS = ("person", "car", "person")


def test_a_camera_without_settings_gets_those_of_the_model() -> None:
    """All labels, the model's confidence."""
    model = ModelSettings(confidence=0.4, iou=0.6, max_detections=7)
    made = detection_filters({"front": CameraSettings(url=_URL)}, model, _LABELS)
    assert made == {"front": DetectionFilter(0.4, 0.6, 7)}
    assert detection_filter_for_all(model) == made["front"]


def test_a_camera_has_its_own_labels_and_confidence() -> None:
    """A label stands for every class that has it; a confidence of 0 is one too."""
    camera = CameraSettings(url=_URL, labels=("person",), confidence=0.0)
    (made,) = detection_filters({"front": camera}, ModelSettings(), _LABELS).values()
    assert (made.confidence, made.class_ids) == (0.0, (0, 2))


def test_a_label_the_model_does_not_know_is_refused() -> None:
    """With the key and the nearest one."""
    camera = CameraSettings(url=_URL, labels=("car", "persn"))
    with pytest.raises(ConfigError, match=r"cameras\.front\.labels: 'persn'.*'person'"):
        detection_filters({"front": camera}, ModelSettings(), _LABELS)
