"""What can be said of an engine of TensorRT without a GPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.support import model_files
from vision.domain.errors import ArtefactError, ConfigError
from vision.inference.gpu.tensorrt import TensorRtNetwork
from vision.models.store import ModelFile

_ENTRY = model_files.entry("m")


def _file(folder: Path, content: bytes) -> ModelFile:
    path = model_files.put(folder, "m.engine", content)
    return ModelFile("m", path, model_files.sha256(content), "registered here")


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt") is not None, reason="TensorRT is installed"
)
def test_without_its_package_the_line_says_what_to_install(tmp_path: Path) -> None:
    """Or what to do to go without."""
    file = _file(tmp_path, b"an engine")
    with pytest.raises(ConfigError, match="pip install tensorrt, or remove the file") as raised:
        TensorRtNetwork(file, _ENTRY)
    assert str(raised.value).startswith(f"{file.path}: ")
    assert "\n" not in str(raised.value)


def test_an_engine_that_was_changed_is_not_loaded(tmp_path: Path) -> None:
    """It is code for the GPU; its hash is checked before TensorRT sees it."""
    file = _file(tmp_path, b"an engine")
    file.path.write_bytes(b"another one")
    with pytest.raises(ArtefactError, match="the file was changed"):
        TensorRtNetwork(file, _ENTRY)
