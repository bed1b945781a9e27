"""What is done on the device before and after the network, on tensors of fixed shapes."""

from __future__ import annotations

from typing import Any

from vision.inference.gpu.device import torch_module
from vision.inference.letterbox import PAD_VALUE

# ITU-R BT.601 in studio range, in the fixed-point arithmetic of OpenCV: to the bit what the CPU's
# engine is given by `vision.frames.planar`.
_BLACK, _NEUTRAL, _PIXEL_MAX = 16, 128, 255
_FRACTION_BITS = 20
_LUMA, _RED_V, _GREEN_U, _GREEN_V, _BLUE_U = (
    round(factor * (1 << _FRACTION_BITS)) for factor in (1.164, 1.596, -0.391, -0.813, 2.018)
)


def network_input(planes: Any, places: Any, size: tuple[int, int], dtype: Any) -> Any:
    """Planar YUV to letterboxed colours of 0 to 1.

    Args:
        planes: (batch, 3 * height * width / 2) ``uint8``: the three planes of a canvas of
            ``size`` one after the other, each with its picture in the corner at the top left.
        places: (batch, 4) integers: top and left of where the picture is to be, its height and
            width. What is outside becomes grey, whatever the planes hold there.
        size: Height and width of the input.
        dtype: Of the result.

    Returns:
        (batch, 3, height, width), red, green and blue, channels last in memory.
    """
    torch = torch_module()
    height, width = size
    batch = planes.shape[0]
    luma = planes[:, : height * width].view(batch, height, width)
    chroma = planes[:, height * width :].view(batch, 2, height // 2, width // 2)
    top, left, picture_height, picture_width = places[:, :, None].unbind(1)
    rows = torch.arange(height, device=planes.device)[None] - top
    columns = torch.arange(width, device=planes.device)[None] - left
    outside = ((rows < 0) | (rows >= picture_height))[:, :, None]
    outside = outside | ((columns < 0) | (columns >= picture_width))[:, None]
    rows = rows.clamp_(0, height - 1)[:, :, None]
    columns = columns.clamp_(0, width - 1)[:, None]
    picture = torch.arange(batch, device=planes.device)[:, None, None]
    # The nearest chroma, as OpenCV takes it.
    y = (luma[picture, rows, columns].int() - _BLACK).clamp_(min=0) * _LUMA
    y += 1 << (_FRACTION_BITS - 1)
    u = chroma[:, 0][picture, rows // 2, columns // 2].int() - _NEUTRAL
    v = chroma[:, 1][picture, rows // 2, columns // 2].int() - _NEUTRAL
    colours = torch.stack((y + _RED_V * v, y + _GREEN_U * u + _GREEN_V * v, y + _BLUE_U * u), dim=1)
    colours = (colours >> _FRACTION_BITS).clamp_(0, _PIXEL_MAX)
    colours = colours.masked_fill_(outside[:, None], PAD_VALUE).float().div_(_PIXEL_MAX)
    return colours.to(dtype, memory_format=torch.channels_last)


def most_confident(raw: Any, count: int) -> Any:
    """The ``count`` anchors of each picture with the best scores, or all if there are fewer.

    Args:
        raw: (batch, 4 + classes, anchors).
        count: Of a picture.

    Returns:
        (batch, 6, count): the four numbers of the box, the best score and its class.
    """
    torch = torch_module()
    scores, class_ids = raw[:, 4:].max(dim=1)
    scores, anchors = scores.topk(min(count, raw.shape[2]), dim=1)
    boxes = raw[:, :4].gather(2, anchors[:, None].expand(-1, 4, -1))
    class_ids = class_ids.gather(1, anchors)
    parts = boxes, scores[:, None], class_ids[:, None]
    return torch.cat([part.float() for part in parts], dim=1)
