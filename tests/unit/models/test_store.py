"""Nothing is loaded whose hash is not known."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import model_files
from vision.domain.errors import ArtefactError
from vision.models.digest import read_verified, sha256_of
from vision.models.manifest import LEDGER_NAME, Export, read_exports, record_export

_GOOD, _OTHER = b"the model", b"another model"
_ENTRY = model_files.entry("m", model_files.artefact("m.onnx", _GOOD))


def _export(file: str, sha256: str) -> Export:
    return Export("m", file, sha256, "b" * 64, "2026-11-23T11:40:00+00:00", 'tool "1.0" ü')


def test_a_known_build_is_found(tmp_path: Path) -> None:
    """In the models folder first, then in the cache."""
    store = model_files.store(tmp_path, _ENTRY)
    assert store.loadable(_ENTRY) is None
    cached = model_files.put(tmp_path / "cache" / "models", "m.onnx", _GOOD)
    found = store.loadable(_ENTRY)
    assert found is not None
    assert found.path == cached
    present = model_files.put(tmp_path / "models", "m.onnx", _GOOD)
    found = store.loadable(_ENTRY)
    assert found is not None
    assert (found.path, found.sha256, found.size) == (
        present,
        model_files.sha256(_GOOD),
        len(_GOOD),
    )


def test_a_file_with_an_unknown_hash_is_refused(tmp_path: Path) -> None:
    """The line names the file, both hashes in short, and the remedy."""
    path = model_files.put(tmp_path / "models", "m.onnx", _OTHER)
    with pytest.raises(ArtefactError) as raised:
        model_files.store(tmp_path, _ENTRY).loadable(_ENTRY)
    line = str(raised.value)
    assert "\n" not in line
    for part in (
        str(path),
        model_files.sha256(_OTHER)[:12],
        model_files.sha256(_GOOD)[:12],
        "vision models pull m",
    ):
        assert part in line


def test_a_file_the_catalogue_does_not_name_is_refused_too(tmp_path: Path) -> None:
    """A model somebody put there under the model's name must not be passed over silently."""
    model_files.put(tmp_path / "models", "m.xml", b"<net/>")
    model_files.put(tmp_path / "models", "m.bin", b"weights")
    with pytest.raises(ArtefactError, match="no such file is in the catalogue"):
        model_files.store(tmp_path, _ENTRY).loadable(_ENTRY)


def test_an_export_is_known_by_its_ledger(tmp_path: Path) -> None:
    """Only under the name and with the hash that were recorded."""
    models = tmp_path / "models"
    path = model_files.put(models, "m.onnx", _OTHER)
    record_export(models, _export("other.onnx", model_files.sha256(_OTHER)))
    store = model_files.store(tmp_path, _ENTRY)
    with pytest.raises(ArtefactError):
        store.loadable(_ENTRY)
    record_export(models, _export("m.onnx", model_files.sha256(_OTHER)))
    found = store.loadable(_ENTRY)
    assert found is not None
    assert found.origin == f"exported here from {'b' * 12}"
    path.write_bytes(_OTHER + b"!")
    with pytest.raises(ArtefactError):
        store.loadable(_ENTRY)


def test_an_openvino_model_is_hashed_with_its_weights(tmp_path: Path) -> None:
    """As the shell would: neither of the two files can be exchanged alone."""
    xml = model_files.put(tmp_path, "m.xml", b"<net/>")
    weights = model_files.put(tmp_path, "m.bin", b"weights")
    known = model_files.sha256(b"<net/>weights")
    assert sha256_of(xml) == known
    if shutil.which("sha256sum"):
        command = ["sh", "-c", f"cat '{xml}' '{weights}' | sha256sum"]
        assert subprocess.check_output(command, text=True).split()[0] == known
    assert read_verified(xml, known) == (b"<net/>", b"weights")
    weights.write_bytes(b"Weights")
    with pytest.raises(ArtefactError, match="was changed"):
        read_verified(xml, known)
    weights.unlink()
    with pytest.raises(ArtefactError, match="cannot be read"):
        sha256_of(xml)


def test_the_openvino_model_is_preferred(tmp_path: Path) -> None:
    """It was exported on purpose."""
    models = tmp_path / "models"
    model_files.put(models, "m.onnx", _GOOD)
    model_files.put(models, "m.xml", b"<net/>")
    model_files.put(models, "m.bin", b"weights")
    record_export(models, _export("m.xml", model_files.sha256(b"<net/>weights")))
    store = model_files.store(tmp_path, _ENTRY)
    found = store.loadable(_ENTRY)
    assert found is not None
    assert found.path.suffix == ".xml"
    assert [file.path.name for file in store.files(_ENTRY)] == ["m.xml", "m.onnx"]


def test_a_quantised_build_is_another_kind(tmp_path: Path) -> None:
    """It is found when it is asked for, never in place of the float build."""
    models = tmp_path / "models"
    model_files.put(models, "m.onnx", _GOOD)
    model_files.put(models, "m-int8.xml", b"<net/>")
    model_files.put(models, "m-int8.bin", b"weights")
    store = model_files.store(tmp_path, _ENTRY)
    with pytest.raises(ArtefactError, match=r"m-int8\.xml"):
        store.quantised(_ENTRY)
    export = _export("m-int8.xml", model_files.sha256(b"<net/>weights"))
    record_export(models, replace(export, making="quantised"))
    found, floating = store.quantised(_ENTRY), store.loadable(_ENTRY)
    assert found is not None
    assert floating is not None
    assert found.path.name == "m-int8.xml"
    assert found.origin == f"quantised here from {'b' * 12}"
    assert floating.path.name == "m.onnx"
    assert [file.path.name for file in store.files(_ENTRY)] == ["m.onnx", "m-int8.xml"]


def test_a_ledger_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """It knew of exports only."""
    record_export(tmp_path, _export("m.onnx", "c" * 64))
    ledger = tmp_path / LEDGER_NAME
    ledger.write_text(ledger.read_text().replace('making = "exported"\n', ""))
    assert read_exports(tmp_path) == (_export("m.onnx", "c" * 64),)


def test_the_ledger_keeps_what_it_was_told(tmp_path: Path) -> None:
    """Order, special characters and one line per export."""
    first, second = _export("m.onnx", "c" * 64), _export("m.xml", "d" * 64)
    for export in (first, second, first):
        record_export(tmp_path, export)
    assert read_exports(tmp_path) == (second, first)
    assert [path.name for path in tmp_path.iterdir()] == [LEDGER_NAME]


@pytest.mark.parametrize("text", ["[[exports]]\nmodel = 1\n", "exports = [", "exports = 3\n"])
def test_a_broken_ledger_is_named(tmp_path: Path, text: str) -> None:
    """With the remedy."""
    (tmp_path / LEDGER_NAME).write_text(text)
    with pytest.raises(ArtefactError, match=r"exports\.toml: cannot be read"):
        read_exports(tmp_path)
