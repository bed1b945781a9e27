"""What the CPU engine loads, and what it refuses to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import networks
from vision.config.core import InferenceSettings, ModelSettings
from vision.domain.errors import ArtefactError
from vision.inference.openvino_backend import OpenVinoBackend
from vision.models.digest import sha256_of
from vision.models.store import ModelFile

pytestmark = pytest.mark.integration

_MODEL = ModelSettings(input_size=128)


@pytest.mark.parametrize("change", ["changed", "truncated", "missing"])
def test_a_file_that_was_changed_is_not_loaded(tmp_path: Path, change: str) -> None:
    """Between the choice and the load, too."""
    file = networks.colour_network(tmp_path)
    weights = file.path.with_suffix(".bin")
    if change == "changed":
        weights.write_bytes(bytes(len(weights.read_bytes())) + b"!")
    elif change == "truncated":
        file.path.write_bytes(file.path.read_bytes()[:100])
    else:
        weights.unlink()
    with pytest.raises(ArtefactError) as raised:
        OpenVinoBackend(file, networks.entry(), _MODEL, InferenceSettings())
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Other classes or another input than the catalogue says."""
    file = networks.colour_network(tmp_path)
    for entry, problem in (
        (networks.entry(labels=("one", "two")), "with 2 classes"),
        (networks.entry((64, 96)), "its input is dynamic"),
    ):
        with pytest.raises(ArtefactError, match=problem):
            OpenVinoBackend(file, entry, _MODEL, InferenceSettings())


def test_a_file_that_is_no_network_is_refused_in_one_line(tmp_path: Path) -> None:
    """Even if its hash is known."""
    path = tmp_path / "colours.onnx"
    path.write_bytes(b"\x08\x07not a network")
    file = ModelFile("colours", path, sha256_of(path), "made up")
    with pytest.raises(ArtefactError, match="OpenVINO cannot read it") as raised:
        OpenVinoBackend(file, networks.entry(), _MODEL, InferenceSettings())
    assert "\n" not in str(raised.value)


def test_nothing_is_told_to_others(tmp_path: Path) -> None:
    """Importing, loading and running opens no connection and writes nothing into the home."""
    networks.colour_network(tmp_path)
    program = f"""
import sys
def audit(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        print("forbidden", event, args)
sys.addaudithook(audit)
import numpy as np
from pathlib import Path
from tests.support import networks
from vision.models.digest import sha256_of
from vision.models.store import ModelFile
from vision.config.core import InferenceSettings, ModelSettings
from vision.inference.openvino_backend import OpenVinoBackend
path = Path({str(tmp_path)!r}, "colours.xml")
file = ModelFile("colours", path, sha256_of(path), "made up")
model = ModelSettings(input_size=64)
backend = OpenVinoBackend(file, networks.entry(), model, InferenceSettings())
networks.answer_to(backend, np.zeros((96, 64), np.uint8)).release()
backend.close()
print("telemetry", [name for name in sys.modules if name.startswith("openvino_telemetry")])
"""
    home = tmp_path / "home"
    home.mkdir()
    said = subprocess.check_output(
        [sys.executable, "-c", program],
        text=True,
        env={"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert said == "telemetry []\n"
    assert list(home.iterdir()) == []
