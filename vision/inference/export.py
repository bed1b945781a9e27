"""Export of PyTorch weights to what an engine loads, with the ``export`` extra."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal, TypeAlias

from vision.artefacts.catalogue import ModelEntry
from vision.artefacts.digest import parts_of, read_verified, sha256_of, short
from vision.artefacts.ledger import Export, record_export
from vision.artefacts.progress import Progress
from vision.artefacts.store import WEIGHTS, ModelFile, ModelStore
from vision.domain.errors import ArtefactError
from vision.inference.openvino_runtime import ov, read_model

ExportFormat: TypeAlias = Literal["onnx", "openvino"]
INSTALL = "pip install 'ariia-vision[export]'"
_MODULES = ("ultralytics", "torch", "onnx", "onnxslim")
_PROGRAM = Path(__file__).with_name("export_program.py")
_SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}
# It shall neither install packages nor report usage nor look for updates.
_QUIET = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}


def can_export() -> bool:
    """Whether the ``export`` extra is installed."""
    return all(importlib.util.find_spec(module) is not None for module in _MODULES)


def export_model(
    entry: ModelEntry,
    store: ModelStore,
    progress: Progress,
    export_format: ExportFormat = "onnx",
) -> ModelFile:
    """Make a loadable file of the model with open batch, height and width.

    Weights that are not there are pulled. The file appears complete and checked or not at
    all, and its hash is in the ledger by then.

    Raises:
        ArtefactError: The extra is not installed, there are no weights, or the export failed.
    """
    if not can_export():
        raise ArtefactError(f"{entry.name}: exporting needs the export extra: {INSTALL}")
    weights = store.weights(entry) or store.pull(entry, WEIGHTS, progress)
    folder = store.folders.for_new_models()
    target = folder / f"{entry.name}{_SUFFIX[export_format]}"
    store.refuse_unknown(entry, target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as work:
            made = _make(weights, Path(work, target.name))
            exported = ModelFile(
                entry.name, made, sha256_of(made), f"exported here from {short(weights.sha256)}"
            )
            read_model(ov.Core(), exported, entry)
            record_export(folder, _ledger_entry(exported, weights))
            # The .xml last: it is what makes the pair visible.
            for part in reversed(parts_of(made)):
                part.replace(folder / part.name)
    except OSError as error:
        raise ArtefactError(f"{target}: cannot be written: {error.strerror}") from error
    return ModelFile(entry.name, target, exported.sha256, exported.origin)


def _make(weights: ModelFile, made: Path) -> Path:
    """Write the export of ``weights`` to ``made``, whose folder is a temporary one."""
    # A copy of the very bytes that were hashed: loading them runs what is in them.
    copy = made.with_suffix(weights.path.suffix)
    copy.write_bytes(*read_verified(weights.path, weights.sha256))
    _run_program(copy)
    onnx = made.with_suffix(".onnx")
    if not onnx.is_file():
        raise ArtefactError(f"{weights.path}: the export made no {onnx.name}")
    if made != onnx:
        ov.save_model(ov.Core().read_model(onnx), made, compress_to_fp16=False)
    return made


def _run_program(weights: Path) -> None:
    # -P: the folder of the program is not to be searched for modules.
    process = subprocess.Popen(
        [sys.executable, "-P", str(_PROGRAM), str(weights)],
        cwd=weights.parent,
        env={**os.environ, **_QUIET, "YOLO_CONFIG_DIR": str(weights.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with process:
        try:
            said = process.communicate()[1]
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        lines = [line for line in said.splitlines() if line.strip()]
        last = lines[-1].strip() if lines else f"exit code {process.returncode}"
        raise ArtefactError(f"{weights.name}: the export failed: {last}")


def _ledger_entry(exported: ModelFile, weights: ModelFile) -> Export:
    return Export(
        model=exported.model,
        file=exported.path.name,
        sha256=exported.sha256,
        source_sha256=weights.sha256,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        tool=_tool(),
    )


def _tool() -> str:
    # The module is shipped by several distributions, of which one is installed.
    names = metadata.packages_distributions().get("ultralytics", [])
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names)))
