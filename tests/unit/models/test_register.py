"""An engine of TensorRT is known once its owner has registered it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import model_files
from vision.domain.errors import ArtefactError, ConfigError
from vision.models.manifest import LEDGER_NAME
from vision.models.register import register
from vision.models.store import ModelStore

_ENTRY = model_files.entry("m", model_files.artefact("m.onnx", b"the model"))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store without files."""
    return model_files.store(tmp_path, _ENTRY)


def test_a_registered_engine_is_found(store: ModelStore, tmp_path: Path) -> None:
    """A copy of it, by its hash; one that was registered before is replaced."""
    for content in (b"an engine", b"a newer one"):
        file = register(_ENTRY, model_files.put(tmp_path, "mine.plan", content), store)
        assert file.path == store.folders.models / "m.engine"
        assert file.path.read_bytes() == content
        assert store.tensorrt(_ENTRY) == file
        assert file.origin == f"registered here from {model_files.sha256(content)[:12]}"
    assert store.loadable(_ENTRY) is None
    names = {path.name for path in store.folders.models.iterdir()}
    assert names == {"m.engine", LEDGER_NAME}


def test_a_changed_engine_is_refused(store: ModelStore, tmp_path: Path) -> None:
    """It is code for the GPU: the line says how to register it."""
    file = register(_ENTRY, model_files.put(tmp_path, "mine.engine", b"an engine"), store)
    file.path.write_bytes(b"something else")
    with pytest.raises(ArtefactError, match="vision models register m FILE"):
        store.tensorrt(_ENTRY)


def test_a_file_nobody_registered_is_not_replaced(store: ModelStore, tmp_path: Path) -> None:
    """It may be the only one of its kind."""
    put = model_files.put(store.folders.models, "m.engine", b"put there by hand")
    with pytest.raises(ArtefactError, match=r"m\.engine"):
        register(_ENTRY, model_files.put(tmp_path, "mine.engine", b"an engine"), store)
    assert put.read_bytes() == b"put there by hand"


@pytest.mark.parametrize("name", ["mine.onnx", "mine.pt", "missing.engine"])
def test_what_is_no_engine_is_refused(store: ModelStore, tmp_path: Path, name: str) -> None:
    """One line with the file, and nothing is written."""
    if not name.startswith("missing"):
        model_files.put(tmp_path, name, b"content")
    with pytest.raises(ConfigError, match=name) as raised:
        register(_ENTRY, tmp_path / name, store)
    assert "\n" not in str(raised.value)
    assert not store.folders.models.exists()
