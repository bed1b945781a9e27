"""OpenVINO without the parts that talk to others, and models read into it.

``import openvino`` sends a usage event over the network and writes an identifier into the
home folder, both by way of its model converter. The converter is not needed to run a model,
and OpenVINO goes without it where it cannot be imported.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

from vision.domain.errors import ArtefactError
from vision.models.catalogue import ModelEntry
from vision.models.digest import read_verified
from vision.models.store import ModelFile

_CONVERTER = "openvino.tools.ovc"


def _import_quietly() -> Any:
    if "openvino" in sys.modules or _CONVERTER in sys.modules:
        import openvino.passes  # noqa: PLC0415  the import is what this function is about

        return openvino
    # An entry of None makes an import of that name fail (docs.python.org, "The module cache").
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]  # as documented there
    try:
        import openvino.passes  # noqa: PLC0415  as above
    finally:
        del sys.modules[_CONVERTER]
    return openvino


ov: Any = _import_quietly()
"""The package ``openvino``; import it from here only."""


def read_model(core: Any, file: ModelFile, entry: ModelEntry) -> Any:
    """The network in ``file`` as an ``openvino.Model``.

    It is read from the very bytes that were hashed.

    Raises:
        ArtefactError: The file was changed, is broken, or holds another kind of network than
            the catalogue says.
    """
    contents = read_verified(file.path, file.sha256)
    try:
        network = core.read_model(*contents)
    except RuntimeError as error:
        raise ArtefactError(
            f"{file.path}: OpenVINO cannot read it: {reason(error)}: remove it and pull or "
            "export it again"
        ) from error
    _check(network, file, entry)
    return network


def reason(error: RuntimeError) -> str:
    """What OpenVINO says is wrong, without the lines of its source that say so."""
    lines = [line.strip().removeprefix("Caught exception: ") for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    return told[0] if told else "no reason given"


def input_of(network: Any) -> Literal["dynamic"] | tuple[int, int]:
    """The input as the catalogue writes it."""
    height, width = list(network.input().partial_shape)[2:]
    if height.is_dynamic or width.is_dynamic:
        return "dynamic"
    return height.get_length(), width.get_length()


def _check(network: Any, file: ModelFile, entry: ModelEntry) -> None:
    shapes = [list(port.partial_shape) for port in (*network.inputs, *network.outputs)]
    ranks = [len(shape) for shape in shapes]
    if ranks != [4, 3] or shapes[1][1] != 4 + len(entry.labels):
        raise ArtefactError(
            f"{file.path}: its result is not that of YOLOv8 with {len(entry.labels)} classes: "
            "export it again"
        )
    if input_of(network) != entry.input:
        raise ArtefactError(
            f"{file.path}: its input is {input_of(network)}, the catalogue says {entry.input}: "
            "export it again"
        )
