"""Quantises a network with NNCF; run as a program of its own by :mod:`vision.inference.quantize`.

NNCF is a large package that only this needs, and it reports its use over the network if it can.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# An entry of None makes an import of that name fail (docs.python.org, "The module cache"): both
# packages then go without telling anybody that they are used.
for _name in ("openvino_telemetry", "openvino.tools.ovc"):
    sys.modules[_name] = None  # type: ignore[assignment]  # as documented there

import nncf  # noqa: E402  after what keeps it quiet
import numpy as np  # noqa: E402  as above
import openvino as ov  # noqa: E402  as above
from numpy.typing import NDArray  # noqa: E402  as above

_PIXEL_MAX = 255.0


def main(source: str, target: str, pictures: str) -> None:
    """Write ``source`` in integers to ``target``, calibrated on the arrays in ``pictures``.

    Weights are symmetric, activations are not where they need not be (the preset "mixed"): SiLU
    is not symmetric at all. What comes after the last convolutions stays in floating point: a box
    is told in hundreds of pixels, of which 256 steps would be too few.
    """
    network = ov.Core().read_model(source)
    paths = sorted(Path(pictures).glob("*.npy"))
    quantised = nncf.quantize(
        network,
        nncf.Dataset(paths, _planes),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(paths),
        ignored_scope=nncf.IgnoredScope(names=sorted(_after_convolutions(network))),
    )
    ov.save_model(quantised, target, compress_to_fp16=False)


def _planes(path: Path) -> NDArray[np.float32]:
    """A picture of (height, width, 3) as the network's input, 0 to 1."""
    picture: NDArray[np.uint8] = np.load(path)
    return picture.transpose(2, 0, 1)[None].astype(np.float32) / _PIXEL_MAX


def _after_convolutions(network: Any) -> set[str]:
    """Names of the operations that are between the last convolutions and the result."""
    found: set[str] = set()
    open_nodes = [port.get_node() for port in network.outputs]
    while open_nodes:
        node = open_nodes.pop()
        if node.get_friendly_name() in found or node.get_type_name() in ("Constant", "Parameter"):
            continue
        if not _is_layer(node):
            found.add(node.get_friendly_name())
            open_nodes += _sources(node)
    return found


def _is_layer(node: Any) -> bool:
    """Whether it is a convolution of many channels: that of the boxes' distances makes one."""
    if node.get_type_name() != "Convolution":
        return False
    return bool(node.output(0).get_partial_shape()[1] != 1)


def _sources(node: Any) -> Iterator[Any]:
    return (port.get_source_output().get_node() for port in node.inputs())


if __name__ == "__main__":
    main(*sys.argv[1:])
