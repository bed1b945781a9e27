"""Export of PyTorch weights to what an engine loads, with the ``export`` extra."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Literal, TypeAlias

from vision.domain.errors import ArtefactError
from vision.inference.exports import new_build, run_program, tool_version
from vision.inference.openvino_runtime import ov, read_model
from vision.models.catalogue import ModelEntry
from vision.models.digest import read_verified
from vision.models.progress import TransferProgress
from vision.models.store import WEIGHTS, ModelFile, ModelStore

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
    progress: TransferProgress,
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
    with new_build(entry, store, _SUFFIX[export_format]) as build:
        _make(weights, build.made)
        read_model(ov.Core(), build.as_file(), entry)
        return build.publish(weights, "exported", tool_version("ultralytics"))


def _make(weights: ModelFile, made: Path) -> None:
    """Write the export of ``weights`` to ``made``, whose folder is a temporary one."""
    # A copy of the very bytes that were hashed: loading them runs what is in them.
    copy = made.with_suffix(weights.path.suffix)
    copy.write_bytes(*read_verified(weights.path, weights.sha256))
    run_program(
        _PROGRAM,
        copy,
        work=copy.parent,
        environment={**_QUIET, "YOLO_CONFIG_DIR": str(copy.parent)},
        what=f"{copy.name}: the export",
    )
    onnx = made.with_suffix(".onnx")
    if not onnx.is_file():
        raise ArtefactError(f"{weights.path}: the export made no {onnx.name}")
    if made != onnx:
        ov.save_model(ov.Core().read_model(onnx), made, compress_to_fp16=False)
