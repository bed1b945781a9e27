"""The GPU engine, on the CPU where there is no GPU: same network, same boxes."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.support.networks import answer_to
from tests.support.photographs import as_captured
from tests.support.reference_yolo import overlap
from vision.artefacts.catalogue import load_catalogue
from vision.artefacts.folders import Folders
from vision.artefacts.progress import NoProgress
from vision.artefacts.store import ModelStore
from vision.config.topics import InferenceSettings, ModelSettings
from vision.domain.detections import Detections
from vision.domain.errors import InferenceError
from vision.frames.planar import from_rgb
from vision.inference.choice import choose_weights
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.postprocess import Postprocessor
from vision.inference.selections import selection_for_all
from vision.inference.torch_backend import TorchBackend

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # PyTorch and Ultralytics warn of their own matters
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("torch", "ultralytics")),
        reason="the extra gpu is not installed",
    ),
]


@pytest.fixture
def torch_backend(shared: Path) -> Iterator[TorchBackend]:
    """YOLOv8n's weights on the CPU, in single precision."""
    folders = Folders(shared / "models", Folders.of(None).cache)
    chosen = choose_weights("auto", ModelStore(load_catalogue(), folders), NoProgress())
    with ThreadPoolExecutor(1) as executor:
        backend = TorchBackend(
            chosen.file,
            chosen.entry,
            ModelSettings(),
            InferenceSettings(max_batch=4),
            device="cpu",
            engine=executor,
        )
        yield backend
        backend.close()


def test_a_batch_of_pictures_is_seen_as_openvino_sees_each(
    torch_backend: TorchBackend, yolov8n: OpenVinoBackend, shared: Path
) -> None:
    """Labels are the same and boxes overlap by 0.95, also beside a picture of another shape."""
    paths = [shared / "media" / name for name in ("bus.jpg", "zidane.jpg")]
    pictures = [as_captured(path, 640)[0] for path in paths]
    arrived = threading.Event()
    torch_backend.notify(arrived.set)
    ticket = torch_backend.submit(pictures)
    assert torch_backend.free() == 1
    assert arrived.wait(120)
    (answer,) = torch_backend.finished()
    assert answer.ticket == ticket
    assert not isinstance(answer.results, InferenceError)
    selection = selection_for_all(ModelSettings(confidence=0.4))
    postprocess = Postprocessor(torch_backend.model.labels)
    for picture, result in zip(pictures, answer.results, strict=True):
        seen = postprocess(result.output, result.letterbox, selection)
        other = answer_to(yolov8n, picture)
        assert not isinstance(other.results, InferenceError)
        (raw,) = other.results
        _assert_alike(seen, postprocess(raw.output, raw.letterbox, selection))
        other.release()


def _assert_alike(one: Detections, other: Detections) -> None:
    assert sorted(one.class_id) == sorted(other.class_id)
    assert len(one) >= 2
    for class_id, box in zip(one.class_id, one.xyxy, strict=True):
        same = other.xyxy[other.class_id == class_id]
        assert max(overlap(tuple(box), tuple(rival)) for rival in same) >= 0.95


def test_a_picture_that_does_not_fit_harms_nobody(torch_backend: TorchBackend) -> None:
    """It is refused, and the engine goes on."""
    with pytest.raises(InferenceError, match="do not fit"):
        torch_backend.submit([from_rgb(np.zeros((8, 700, 3), np.uint8))])
    assert torch_backend.free() == torch_backend.capacity
