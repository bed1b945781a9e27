"""Quantising a network with real NNCF, calibrated on made-up pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support import networks
from tests.support.networks import answer_to, output_of
from vision.config.core import InferenceSettings, ModelSettings
from vision.domain.errors import ArtefactError, ConfigError
from vision.domain.frame import Image
from vision.frames.planar import from_rgb
from vision.inference.openvino_backend import OpenVinoBackend
from vision.inference.openvino_runtime import ov
from vision.inference.quantize import LEAST_PICTURES, quantize_model
from vision.models.catalogue import Catalogue
from vision.models.digest import sha256_of
from vision.models.folders import Folders
from vision.models.store import ModelFile, ModelStore

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    networks.needs_nncf,
]
_ENTRY = networks.entry()
_SIDE = 64


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store of one model, whose float build is not in it."""
    catalogue = Catalogue(1, ("colours",), {"colours": _ENTRY}, {})
    return ModelStore(catalogue, Folders(tmp_path / "models", tmp_path / "cache"))


@pytest.fixture
def network(tmp_path: Path) -> ModelFile:
    """A network with convolutions, and after them arithmetic as YOLOv8 has it."""
    return networks.convolving_network(tmp_path)


def _pictures(count: int) -> Iterator[Image]:
    random = np.random.default_rng(6)
    for _ in range(count):
        yield from_rgb(random.integers(0, 256, (_SIDE, _SIDE, 3), np.uint8))


def test_a_quantised_network_answers_as_the_float_one(
    network: ModelFile, store: ModelStore
) -> None:
    """Nearly; its convolutions are in integers, what comes after them is not."""
    made = quantize_model(_ENTRY, network, store, _pictures(LEAST_PICTURES))
    assert store.quantised(_ENTRY) == made
    assert made.origin == f"quantised here from {network.sha256[:12]}"
    operations = ov.Core().read_model(made.path).get_ordered_ops()
    steps = [item for item in operations if item.get_type_name() == "FakeQuantize"]
    assert steps
    behind = {
        target.get_node().get_type_name()
        for item in steps
        for target in item.output(0).get_target_inputs()
    }
    assert behind == {"Convolution"}
    settings = ModelSettings(input_size=_SIDE, precision="fp32")
    outputs = []
    for file in (network, made):
        backend = OpenVinoBackend(file, _ENTRY, settings, InferenceSettings(requests=1))
        answer = answer_to(backend, next(_pictures(1)))
        outputs.append(output_of(answer).copy())
        answer.release()
    assert np.abs(outputs[0] - outputs[1]).max() == pytest.approx(0, abs=0.02)
    assert outputs[0].std() > 0.05


def test_one_that_was_made_before_is_replaced(network: ModelFile, store: ModelStore) -> None:
    """With nothing left of the first, nor of what was needed on the way."""
    for _ in range(2):
        quantize_model(_ENTRY, network, store, _pictures(LEAST_PICTURES))
    names = {path.name for path in store.folders.models.iterdir()}
    assert names == {"colours-int8.xml", "colours-int8.bin", "exports.toml"}


def test_a_file_that_is_not_ours_is_not_replaced(network: ModelFile, store: ModelStore) -> None:
    """It is named before anything is computed."""
    store.folders.models.mkdir()
    for suffix in (".xml", ".bin"):
        (store.folders.models / f"colours-int8{suffix}").write_text("somebody's work")
    with pytest.raises(ArtefactError, match=r"colours-int8\.xml"):
        quantize_model(_ENTRY, network, store, iter(()))
    assert (store.folders.models / "colours-int8.xml").read_text() == "somebody's work"


def test_too_few_pictures_are_refused(network: ModelFile, store: ModelStore) -> None:
    """In one line, with how many there should be; nothing stays behind."""
    with pytest.raises(ConfigError, match="3 pictures are too few") as raised:
        quantize_model(_ENTRY, network, store, _pictures(3))
    assert "\n" not in str(raised.value)
    assert not list(store.folders.models.iterdir())


def test_a_failure_is_told_in_one_line(store: ModelStore, tmp_path: Path) -> None:
    """Here a file that is no network, though its hash is known."""
    path = tmp_path / "colours.onnx"
    path.write_bytes(b"\x08\x07not a network")
    file = ModelFile("colours", path, sha256_of(path), "made up")
    with pytest.raises(ArtefactError, match="colours: quantising failed") as raised:
        quantize_model(_ENTRY, file, store, _pictures(LEAST_PICTURES))
    assert "\n" not in str(raised.value)
    assert not list(store.folders.models.iterdir())
