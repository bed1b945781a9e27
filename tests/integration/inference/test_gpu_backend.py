"""The GPU engine, on the CPU where there is no GPU: same network, same boxes."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.networks import ResultWaiter, answer_to
from tests.support.photographs import as_captured
from tests.support.reference_yolo import overlap
from vision.config.core import InferenceSettings, ModelSettings
from vision.domain.detections import Detections
from vision.domain.errors import InferenceError
from vision.domain.frame import Image
from vision.frames.planar import from_rgb, size_of
from vision.inference.backends import ChosenModel, choose_for_gpu
from vision.inference.detection_filters import detection_filter_for_all
from vision.inference.export import can_export, export_model
from vision.inference.gpu.backend import LANES, GpuBackend
from vision.inference.gpu.device import torch_module
from vision.inference.gpu.graph import GraphReplay
from vision.inference.gpu.steps import most_confident, network_input
from vision.inference.heads import Candidates
from vision.inference.letterbox import Letterbox
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.postprocess import Postprocessor
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import NoProgress
from vision.models.store import ModelStore

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # PyTorch and Ultralytics warn of their own matters
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("torch", "ultralytics")),
        reason="the extra gpu is not installed",
    ),
]
_MAX_BATCH = 4


@pytest.fixture(scope="module")
def weights(shared: Path) -> ChosenModel:
    """YOLOv8n as PyTorch weights."""
    folders = Folders(shared / "models", Folders.of(None).cache)
    return choose_for_gpu("yolov8n", ModelStore(load_catalogue(), folders), NoProgress())


@pytest.fixture(scope="module")
def reference(weights: ChosenModel, tmp_path_factory: pytest.TempPathFactory) -> OpenVinoBackend:
    """The same weights in OpenVINO, single precision, all pictures in the square."""
    if not can_export():
        pytest.skip("the extra export is not installed: it makes the reference")
    folder = tmp_path_factory.mktemp("models")
    (folder / "yolov8n.pt").symlink_to(weights.file.path)
    store = ModelStore(load_catalogue(), Folders(folder, folder / "cache"))
    exported = export_model(weights.entry, store, NoProgress())
    single = ModelSettings(precision="fp32")
    return OpenVinoBackend(exported, weights.entry, single, InferenceSettings())


@pytest.fixture
def engine() -> Iterator[ThreadPoolExecutor]:
    """As many workers as there are lanes."""
    with ThreadPoolExecutor(LANES) as executor:
        yield executor


def _backend(
    weights: ChosenModel, engine: ThreadPoolExecutor, settings: ModelSettings | None = None
) -> GpuBackend:
    return GpuBackend(
        weights.file,
        weights.entry,
        settings or ModelSettings(precision="fp32"),
        InferenceSettings(max_batch=_MAX_BATCH),
        device="cpu",
        engine=engine,
    )


def _pictures(shared: Path) -> list[Image]:
    """Photographs of several shapes, as a camera would deliver them; the first is not portrait.

    One is square, so that a batch with it is inferred in the square as the reference does.
    """
    coco = sorted((shared / "data" / "coco-val128-images").glob("*.jpg"))
    paths = [shared / "media" / name for name in ("zidane.jpg", "bus.jpg")] + coco[:10]
    return [as_captured(path, 640)[0] for path in paths]


def _look(backend: GpuBackend, pictures: Sequence[Image], selection: Any) -> list[Detections]:
    """What is seen in pictures, by batches, each filled up to the square by the last of them."""
    postprocess = Postprocessor(backend.model.labels)
    answers = ResultWaiter(backend)
    square = np.zeros((960, 640), np.uint8)
    seen: list[Detections] = []
    for start in range(0, len(pictures), _MAX_BATCH - 1):
        ticket = backend.submit([*pictures[start : start + _MAX_BATCH - 1], square])
        (answer,) = answers.next()
        assert answer.ticket == ticket
        assert not isinstance(answer.results, InferenceError)
        assert {result.input_size for result in answer.results} == {(640, 640)}
        seen += [
            postprocess(result.output, result.letterbox, selection)
            for result in answer.results[:-1]
        ]
    return seen


@pytest.mark.parametrize("precision", ["fp32", "auto"], ids=["single", "half"])
def test_it_sees_what_openvino_sees(
    weights: ChosenModel,
    reference: OpenVinoBackend,
    shared: Path,
    engine: ThreadPoolExecutor,
    precision: Any,
) -> None:
    """Every object of 12 photographs has its like: same label, boxes that overlap by 0.98.

    The other engine may be a little less sure of it, in half precision by 0.02.
    """
    slack = 0.001 if precision == "fp32" else 0.02
    backend = _backend(weights, engine, ModelSettings(precision=precision))
    pictures = _pictures(shared)
    # Without suppression: whether one box out of two survives at the limit is a matter of chance.
    wide = detection_filter_for_all(ModelSettings(confidence=0.25 - slack, iou=1.0))
    postprocess = Postprocessor(backend.model.labels)
    objects = 0
    for picture, one in zip(pictures, _look(backend, pictures, wide), strict=True):
        answer = answer_to(reference, picture)
        assert not isinstance(answer.results, InferenceError)
        (raw,) = answer.results
        other = postprocess(raw.output, raw.letterbox, wide)
        answer.release()
        objects += _assert_found(one, other) + _assert_found(other, one)
    assert objects > 250


def _assert_found(seen: Detections, other: Detections) -> int:
    """All of ``seen`` that is at 0.25 or more is in ``other``; says how many that are."""
    sure = seen.confidence >= 0.25
    for class_id, box in zip(seen.class_id[sure], seen.xyxy[sure], strict=True):
        same = other.xyxy[other.class_id == class_id]
        assert max((overlap(tuple(box), tuple(rival)) for rival in same), default=0) >= 0.98
    return int(sure.sum())


def test_labels_after_suppression_are_those_of_openvino(
    weights: ChosenModel, reference: OpenVinoBackend, shared: Path, engine: ThreadPoolExecutor
) -> None:
    """The whole way, in single precision, at 0.25."""
    backend = _backend(weights, engine)
    pictures = _pictures(shared)
    live = detection_filter_for_all(ModelSettings())
    postprocess = Postprocessor(backend.model.labels)
    for picture, one in zip(pictures, _look(backend, pictures, live), strict=True):
        answer = answer_to(reference, picture)
        assert not isinstance(answer.results, InferenceError)
        (raw,) = answer.results
        other = postprocess(raw.output, raw.letterbox, live)
        answer.release()
        assert sorted(one.class_id) == sorted(other.class_id)


def test_two_batches_are_under_way_and_shapes_are_few(
    weights: ChosenModel, shared: Path, engine: ThreadPoolExecutor
) -> None:
    """Each picture's result is its own, whatever else is in its batch or beside it."""
    backend = _backend(weights, engine)
    landscape, portrait, *_ = _pictures(shared)
    live = detection_filter_for_all(ModelSettings())
    postprocess = Postprocessor(backend.model.labels)
    arrived = threading.Event()
    backend.notify(arrived.set)
    batches = {
        backend.submit([landscape, landscape, landscape]): (3, (384, 640)),
        backend.submit([portrait]): (1, (640, 480)),
    }
    assert backend.free() == 0
    labels: dict[int, list[list[int]]] = {}
    while len(labels) < len(batches):
        assert arrived.wait(120)
        arrived.clear()
        for answer in backend.finished():
            assert not isinstance(answer.results, InferenceError)
            count, size = batches[answer.ticket]
            assert [result.input_size for result in answer.results] == [size] * count
            labels[answer.ticket] = [
                sorted(postprocess(result.output, result.letterbox, live).class_id)
                for result in answer.results
            ]
            answer.release()
    assert backend.free() == LANES
    wide, narrow = (labels[ticket] for ticket in batches)
    assert wide[0] == wide[1] == wide[2]
    assert wide[0] != narrow[0]
    assert narrow[0].count(0) >= 3
    backend.close()


def test_a_picture_of_another_scale_is_scaled(
    weights: ChosenModel, engine: ThreadPoolExecutor
) -> None:
    """Its sender did not know which model would be chosen; one without pixels is refused."""
    backend = _backend(weights, engine, ModelSettings(precision="fp32", input_size=128))
    answers = ResultWaiter(backend)
    backend.submit([from_rgb(np.zeros((720, 1280, 3), np.uint8))])
    (answer,) = answers.next()
    assert not isinstance(answer.results, InferenceError)
    (result,) = answer.results
    assert (result.letterbox.height, result.letterbox.width) == (72, 128)
    assert isinstance(result.output, Candidates)
    with pytest.raises(InferenceError, match="160x0 shows nothing"):
        backend.submit([np.zeros((0, 160), np.uint8)])
    assert backend.free() == LANES


@pytest.mark.parametrize("picture", [(54, 96), (62, 50), (90, 64), (2, 2)])
def test_colours_are_made_on_the_device_as_on_the_host(picture: tuple[int, int]) -> None:
    """To the bit, wherever the picture lies, and whatever the memory held before."""
    torch = torch_module()
    height, width = 96, 96
    rows, columns = picture
    image = np.random.default_rng(3).integers(0, 256, (3 * rows // 2, columns), np.uint8)
    letterbox = Letterbox.centred(picture, (height, width))
    expected = np.empty((height, width, 3), np.uint8)
    letterbox.fill(expected, image)
    planes = np.full(height * width * 3 // 2, 201, np.uint8)
    planes[: height * width].reshape(height, width)[:rows, :columns] = image[:rows]
    chroma = planes[height * width :].reshape(2, height // 2, width // 2)
    chroma[:, : rows // 2, : columns // 2] = image[rows:].reshape(2, rows // 2, columns // 2)
    place = torch.tensor([[letterbox.top, letterbox.left, *size_of(image)]])
    made = network_input(torch.from_numpy(planes)[None], place, (height, width), torch.float32)
    assert (np.rint(made[0].permute(1, 2, 0).numpy() * 255) == expected).all()


def test_only_the_most_confident_anchors_leave_the_device() -> None:
    """With their best class, best first; postprocessing makes the same of them as of all."""
    torch = torch_module()
    random = np.random.default_rng(4)
    raw = random.uniform(0, 1, (2, 4 + 5, 300)).astype(np.float32) ** 4
    raw[:, :4] = random.uniform(20, 600, (2, 4, 300))
    found = most_confident(torch.from_numpy(raw), 250).numpy()
    assert found.shape == (2, 6, 250)
    assert most_confident(torch.from_numpy(raw), 1000).shape == (2, 6, 300)
    postprocess = Postprocessor(("a", "b", "c", "d", "e"))
    letterbox = Letterbox(0, 0, 640, 640)
    selection = detection_filter_for_all(ModelSettings(confidence=0.5))
    for every, (boxes, scores, classes) in zip(
        raw, ((item[:4], item[4], item[5].astype(np.int32)) for item in found), strict=True
    ):
        expected = postprocess(every, letterbox, selection)
        seen = postprocess(Candidates(boxes, scores, classes), letterbox, selection)
        assert len(seen) > 20
        assert seen.xyxy.tolist() == expected.xyxy.tolist()
        assert seen.class_id.tolist() == expected.class_id.tolist()


def test_without_a_gpu_work_is_done_at_each_call() -> None:
    """There is no graph to replay."""
    calls: list[int] = []
    replayed = GraphReplay(lambda: calls.append(1), "cpu", None)
    assert not calls
    replayed()
    replayed()
    assert len(calls) == 2
