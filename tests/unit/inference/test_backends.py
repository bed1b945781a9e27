"""Which model is chosen, and that the reason is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import model_files
from vision.domain.errors import ArtefactError, ConfigError
from vision.inference.backends import ChosenModel, Precision, choose_for_gpu, choose_model
from vision.models.catalogue import ModelEntry
from vision.models.manifest import Export, record_export
from vision.models.progress import NoProgress
from vision.models.register import register
from vision.models.store import ModelFile, ModelStore

_FIRST = model_files.entry("first", model_files.artefact("first.onnx", b"first"))
_LAST = model_files.entry("last", model_files.artefact("last.onnx", b"last"))


@dataclass
class ScriptedExporter:
    """Makes a file out of nothing, or fails."""

    folder: Path
    error: str | None = None
    asked: list[str] = field(default_factory=list)

    def __call__(self, entry: ModelEntry) -> ModelFile:
        """Make it."""
        self.asked.append(entry.name)
        if self.error:
            raise ArtefactError(self.error)
        path = model_files.put(self.folder, f"{entry.name}.onnx", b"export")
        return ModelFile(entry.name, path, model_files.sha256(b"export"), "exported")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store that knows two models; the second one is there."""
    model_files.put(tmp_path / "models", "last.onnx", b"last")
    return model_files.store(tmp_path, _FIRST, _LAST)


def _choose(
    store: ModelStore,
    name: str = "auto",
    exporter: ScriptedExporter | None = None,
    precision: Precision = "auto",
) -> ChosenModel:
    chosen = choose_model(name, store, NoProgress(), exporter, precision)
    assert "\n" not in chosen.reason
    return chosen


def test_auto_takes_the_first_that_is_there(store: ModelStore) -> None:
    """Without asking the exporter."""
    model_files.put(store.folders.models, "first.onnx", b"first")
    exporter = ScriptedExporter(store.folders.models)
    chosen = _choose(store, exporter=exporter)
    assert chosen.entry is _FIRST
    assert chosen.reason.startswith("model first: ")
    assert not exporter.asked


def test_auto_falls_back_on_the_embedded_default(store: ModelStore) -> None:
    """And says why: what is missing, and how to get it."""
    chosen = _choose(store)
    assert chosen.entry is _LAST
    assert "the embedded default" in chosen.reason
    assert "first: no model file in" in chosen.reason
    assert "pip install 'ariia-vision[export]'" in chosen.reason


def test_auto_exports_what_it_prefers(store: ModelStore) -> None:
    """If the extra is installed."""
    exporter = ScriptedExporter(store.folders.models)
    chosen = _choose(store, exporter=exporter)
    assert (chosen.entry, chosen.file.sha256) == (_FIRST, model_files.sha256(b"export"))
    assert "exported to" in chosen.reason


def test_auto_survives_an_export_that_fails(store: ModelStore) -> None:
    """No network must not keep the node from starting with what is there."""
    chosen = _choose(store, exporter=ScriptedExporter(store.folders.models, "first: no network"))
    assert chosen.entry is _LAST
    assert "passed over first: no network" in chosen.reason


def test_auto_does_not_pass_over_a_file_with_an_unknown_hash(store: ModelStore) -> None:
    """Who put it there wants it used: the error says so instead of another model running."""
    model_files.put(store.folders.models, "first.onnx", b"something else")
    with pytest.raises(ArtefactError, match=r"first\.onnx"):
        _choose(store)


def test_a_name_insists(store: ModelStore) -> None:
    """No other model is taken in its place."""
    assert _choose(store, "last").reason.startswith("model last, as asked for")
    with pytest.raises(ArtefactError, match="first: no model file"):
        _choose(store, "first")


def test_a_name_that_does_not_exist_is_a_mistake_in_the_configuration(store: ModelStore) -> None:
    """With the names that do."""
    with pytest.raises(ConfigError, match="known: first, last"):
        _choose(store, "zzz")


def _quantise(store: ModelStore, name: str) -> str:
    """Put a quantised build of the model there, and say its hash."""
    model_files.put(store.folders.models, f"{name}-int8.xml", b"<net/>")
    model_files.put(store.folders.models, f"{name}-int8.bin", name.encode())
    sha256 = model_files.sha256(b"<net/>" + name.encode())
    made = Export(name, f"{name}-int8.xml", sha256, "b" * 64, "now", "a tool", "quantised")
    record_export(store.folders.models, made)
    return sha256


@pytest.mark.parametrize("name", ["auto", "last"])
def test_a_quantised_build_is_used_once_it_was_made(store: ModelStore, name: str) -> None:
    """Its owner made it for this machine; single precision is what is left with `fp32`."""
    sha256 = _quantise(store, "last")
    assert _choose(store, name).file.sha256 == sha256
    assert _choose(store, name, precision="int8").file.sha256 == sha256
    assert _choose(store, name, precision="fp32").file.path.name == "last.onnx"


def test_a_quantised_build_does_not_make_a_model_preferred_less(store: ModelStore) -> None:
    """The order of the catalogue comes first; only `int8` takes what is there in integers."""
    model_files.put(store.folders.models, "first.onnx", b"first")
    _quantise(store, "last")
    assert _choose(store).file.path.name == "first.onnx"
    assert _choose(store, precision="int8").file.path.name == "last-int8.xml"


@pytest.mark.parametrize("name", ["auto", "last"])
def test_int8_without_such_a_build_is_refused(store: ModelStore, name: str) -> None:
    """One line that says how to make it; none is made on the way."""
    with pytest.raises(
        ArtefactError, match=r"model\.precision: .*vision models quantize"
    ) as raised:
        _choose(store, name, precision="int8")
    assert "\n" not in str(raised.value)


def test_a_gpu_takes_a_registered_engine_before_weights(store: ModelStore, tmp_path: Path) -> None:
    """It was built for this GPU."""
    weights = model_files.entry("w", model_files.artefact("w.pt", b"weights"))
    store = model_files.store(tmp_path, weights)
    model_files.put(store.folders.models, "w.pt", b"weights")
    chosen = choose_for_gpu("auto", store, NoProgress())
    assert (chosen.file.path.name, chosen.device) == ("w.pt", "cuda")
    register(weights, model_files.put(tmp_path, "my.engine", b"engine"), store)
    assert choose_for_gpu("w", store, NoProgress()).file.path.name == "w.engine"
