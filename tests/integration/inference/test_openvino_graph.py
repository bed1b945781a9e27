"""Networks that are cut where their heads end say what the whole ones say."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import networks
from vision.config.core import InferenceSettings, ModelSettings
from vision.inference.backends import choose_model
from vision.inference.heads import Heads
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.openvino_graph import HeadSplit, with_pixels_in
from vision.inference.openvino_runtime import ov, read_model
from vision.inference.openvino_shapes import ShapePool
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import NoProgress
from vision.models.store import ModelStore

pytestmark = pytest.mark.integration

_EXACTLY = {"INFERENCE_PRECISION_HINT": "f32"}
_SIZES = {"yolov8n": (384, 640), "yolov8s-person": (640, 640)}


@pytest.fixture(params=list(_SIZES))
def fixed(request: pytest.FixtureRequest) -> Any:
    """A real network with a fixed input: exports of two kinds."""
    name, catalogue, folders = request.param, load_catalogue(), Folders.of(None)
    if name == "yolov8n":
        folders = Folders(request.getfixturevalue("shared") / "models", folders.cache)
    chosen = choose_model(name, ModelStore(catalogue, folders), NoProgress(), None)
    network = read_model(ov.Core(), chosen.file, chosen.entry)
    network.reshape([1, 3, *_SIZES[name]])
    return network


def test_all_boxes_and_scores_are_those_of_the_whole_network(fixed: Any) -> None:
    """Of every anchor, in single precision, on a picture of noise."""
    core, whole = ov.Core(), fixed.clone()
    cut = HeadSplit(fixed)
    heads_only = core.compile_model(with_pixels_in(cut.heads_only()), "CPU", _EXACTLY)
    compiled = core.compile_model(with_pixels_in(whole), "CPU", _EXACTLY)
    pixels = np.random.default_rng(0).integers(0, 256, list(compiled.input().shape), np.uint8)
    best, logits, distances = (output[0] for output in heads_only([pixels]).values())
    ours = Heads(best, logits, distances, cut.grid).decoded(0.0)
    (theirs,) = (output[0] for output in compiled([pixels]).values())
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours[:4], theirs[:4], atol=0.05)
    np.testing.assert_allclose(ours[4:], theirs[4:], atol=1e-4)


def test_what_is_cut_off_is_tried_on_numbers(fixed: Any) -> None:
    """A network that ends as YOLOv8 does but means something else is found out."""
    assert HeadSplit(fixed.clone()).agrees(ov.Core())
    last = fixed.get_results()[0].input_value(0).get_node()
    boxes = last.input_value(0)
    last.input(0).replace_source_output(ov.opset13.multiply(boxes, np.float32(1.01)).output(0))
    assert not HeadSplit(fixed).agrees(ov.Core())


def test_a_network_whose_end_asks_for_more_than_its_heads_runs_whole(fixed: Any) -> None:
    """What cannot be tried is not cut, and is no reason not to start."""
    last = fixed.get_results()[0].input_value(0).get_node()
    axes = np.array([0, 1, 2, 3], np.int64)
    grey = ov.opset13.reduce_mean(fixed.input().get_node(), axes, keep_dims=False)
    moved = ov.opset13.add(last.input_value(0), grey)
    last.input(0).replace_source_output(moved.output(0))
    size = tuple(list(fixed.input().get_shape())[2:])
    pool = ShapePool(ov.Core(), fixed, size, _EXACTLY, None)
    assert pool.largest.grid is None


def test_a_network_that_ends_otherwise_runs_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says why."""
    with caplog.at_level(logging.INFO, "vision.inference"):
        backend = OpenVinoBackend(
            networks.colour_network(tmp_path),
            networks.entry(),
            ModelSettings(input_size=128),
            InferenceSettings(),
        )
    answer = networks.answer_to(backend, np.full((192, 128), 128, np.uint8))
    assert networks.output_of(answer).shape == (7, 16)
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if line.startswith("inference.network_whole reason=")]
