"""YOLOv8 as PyTorch computes it, its boxes decoded in single precision."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

from vision.domain.errors import ArtefactError
from vision.inference.gpu.device import Device, torch_module
from vision.inference.letterbox import STRIDE
from vision.models.digest import read_verified
from vision.models.store import ModelFile

# It shall neither install packages nor report usage nor look for updates.
_QUIET = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}

Inference: TypeAlias = Callable[[Any], Any]
"""From pixels (batch, 3, height, width), 0 to 1, to (batch, 4 + classes, anchors)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Which batches a network takes; sizes are height and width.

    Attributes:
        smallest: Size of the smallest input.
        largest: Size of the largest.
        max_batch: Most pictures, None for any number.
        min_batch: Least pictures; a smaller batch is filled up.
    """

    smallest: tuple[int, int]
    largest: tuple[int, int]
    max_batch: int | None = None
    min_batch: int = 1


class Network(Protocol):
    """A network that lies on the device."""

    @property
    def engine(self) -> str:
        """What computes it."""

    @property
    def limits(self) -> Limits:
        """Which batches it takes."""

    @property
    def dtype(self) -> Any:
        """Type of the pixels it takes."""

    def inference(self) -> Inference:
        """A way to run it on batches of one shape, independent of all others."""


class TorchNetwork:
    """Implements :class:`Network` with the network of the weights themselves."""

    engine = "torch"

    def __init__(self, file: ModelFile, device: Device, dtype: Any, input_size: int) -> None:
        """Load the weights in ``file``, whose hash is checked once more.

        Raises:
            ArtefactError: They are not what they are said to be.
        """
        torch = torch_module()
        if device == "cuda":
            # Shapes are fixed, so that it pays to try which algorithm is the fastest; and single
            # precision is what was asked for, not a shorter format that NVIDIA's convolutions take.
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = False
        network = _load(file)
        head = network.model[-1]
        strides = [float(stride) for stride in head.stride]
        head.forward = partial(_decoded, head, strides)
        self._network = network.to(device=device, dtype=dtype, memory_format=torch.channels_last)
        self.dtype = dtype
        self.limits = Limits((STRIDE, STRIDE), (input_size, input_size))

    def inference(self) -> Inference:
        """See :meth:`Network.inference`; the weights are shared by all."""
        network: Inference = self._network
        return network


def _decoded(head: Any, strides: Sequence[float], features: Sequence[Any]) -> Any:
    """What the head of YOLOv8 says of the features of each scale.

    In half precision a coordinate of 600 pixels is told to half a pixel, which is much for a small
    box: the convolutions run in the type of the network, the arithmetic on boxes does not.

    The distances of the sides are the mean of a distribution over whole strides (Li et al.,
    "Generalized Focal Loss", 2020, section 3).
    """
    torch = torch_module()
    boxes, scores = [], []
    for layer, (feature, stride) in enumerate(zip(features, strides, strict=True)):
        batch, _, height, width = feature.shape
        weights = head.cv2[layer](feature).float().reshape(batch, 4, -1, height * width).softmax(2)
        steps = torch.arange(weights.shape[2], device=feature.device, dtype=torch.float32)
        left, top, right, bottom = (weights * steps[:, None]).sum(2).unbind(1)
        y, x = torch.meshgrid(
            torch.arange(height, device=feature.device, dtype=torch.float32) + 0.5,
            torch.arange(width, device=feature.device, dtype=torch.float32) + 0.5,
            indexing="ij",
        )
        centre_x, centre_y = x.reshape(-1) + (right - left) / 2, y.reshape(-1) + (bottom - top) / 2
        boxes.append(torch.stack((centre_x, centre_y, left + right, top + bottom), 1) * stride)
        scores.append(head.cv3[layer](feature).float().flatten(2).sigmoid())
    return torch.cat((torch.cat(boxes, 2), torch.cat(scores, 2)), 1)


def _load(file: ModelFile) -> Any:
    """The network in ``file``, its layers fused, ready to infer."""
    (contents, *_) = read_verified(file.path, file.sha256)
    os.environ.update(_QUIET)
    import ultralytics  # noqa: F401, PLC0415  the network's classes are looked up in it

    try:
        # The hash is known: the code in these weights is that of their makers.
        checkpoint = torch_module().load(
            io.BytesIO(contents), map_location="cpu", weights_only=False
        )
        network = checkpoint.get("ema") or checkpoint["model"]
        return network.float().fuse(verbose=False).eval()
    except Exception as error:
        raise ArtefactError(
            f"{file.path}: PyTorch cannot load it: {type(error).__name__}: pull it again"
        ) from error
