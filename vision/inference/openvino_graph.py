"""What is changed in a network before OpenVINO compiles it: pixels go in, heads come out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from vision.inference.heads import Grid, Heads
from vision.inference.openvino_runtime import ov

_PIXEL_MAX = 255.0
_SIDES = 4
# In pixels, and of a score: what single precision leaves of two ways to the same result.
_BOX_TOLERANCE, _SCORE_TOLERANCE = 0.02, 1e-4
_SEED = 0


def with_pixels_in(network: Any) -> Any:
    """``network`` for one picture of ``uint8`` (1, height, width, 3) in red, green, blue.

    Its input is of one fixed size. It is changed and of no further use.
    """
    (planes,) = network.get_parameters()
    size = list(planes.get_output_shape(0))[2:]
    pixels = ov.opset13.parameter([1, *size, 3], ov.Type.u8, name="pixels")
    # Turned last: the first convolution wants the channels of a pixel beside each other, as
    # they are, and no value is moved (docs/adr/0018).
    values = ov.opset13.convert(pixels, "f32")
    shares = ov.opset13.multiply(values, np.float32(1 / _PIXEL_MAX))
    turned = ov.opset13.transpose(shares, np.array([0, 3, 1, 2], np.int64))
    turned = ov.opset13.convert(turned, planes.get_element_type().get_type_name())
    for user in list(planes.output(0).get_target_inputs()):
        user.replace_source_output(turned.output(0))
    results = [_as_f32(result.input_value(0)) for result in network.get_results()]
    return ov.Model(results, [pixels], network.get_friendly_name())


class HeadSplit:
    """A network of a fixed input cut where its heads end.

    What an export appends to them works out all boxes and scores, of which a few are wanted:
    a thirtieth of the time of the network for what :meth:`Heads.decoded` does in microseconds.
    """

    def __init__(self, network: Any) -> None:
        """Find the place to cut; the input of ``network`` is of one fixed size.

        Raises:
            LookupError: The network does not end as YOLOv8 does.
            RuntimeError: It has shapes that are not fixed.
        """
        self._network = network
        whole = _source(network.get_results()[0])
        parts = _inputs(whole, "Concat", axis=1)
        if len(parts) != 2:  # noqa: PLR2004  boxes and scores
            raise LookupError("the result is not put together from boxes and scores")
        boxes, scores = parts
        (self._logits,) = _inputs(scores.get_node(), "Sigmoid")
        self._distances = _distances(boxes.get_node())
        if list(self._distances.get_shape())[1] % _SIDES:
            raise LookupError("its distances are not those to four sides")
        self._maps = list(_maps(self._logits))
        self._distance_maps = list(_maps(self._distances))
        shapes = [list(port.get_shape())[2:] for port in self._maps]
        if shapes != [list(port.get_shape())[2:] for port in self._distance_maps]:
            raise LookupError("boxes and scores have different maps")
        size = list(network.input().get_shape())[2:]
        self.grid = Grid.of([(rows, columns) for rows, columns in shapes], (size[0], size[1]))

    def heads_only(self) -> Any:
        """The network up to its heads: best logit, logits and distances of all anchors."""
        logits, distances = _rows(self._maps), _rows(self._distance_maps)
        best = ov.opset13.reduce_max(logits, np.array([2], np.int64), keep_dims=False)
        outputs = [best.output(0), logits, distances]
        return ov.Model(outputs, self._network.get_parameters(), self._network.get_friendly_name())

    def agrees(self, core: Any) -> bool:
        """Whether what is cut off means what :class:`Heads` takes it for, tried on numbers.

        The network is of no further use.

        Raises:
            RuntimeError: What is cut off cannot be run with nothing but the heads.
        """
        passes = ov.passes.Manager()
        # Some exports ask the network for the size of its maps, of which nothing is left here.
        passes.register_pass(ov.passes.ConstantFolding())
        passes.run_passes(self._network)
        random = np.random.default_rng(_SEED)
        ports = (self._logits, self._distances)
        values = [random.normal(0, 3, list(port.get_shape())).astype(np.float32) for port in ports]
        stubs = []
        for port in ports:
            stub = ov.opset13.parameter(port.get_shape(), port.get_element_type())
            for user in list(port.get_target_inputs()):
                user.replace_source_output(stub.output(0))
            stubs.append(stub)
        tail = ov.Model(self._network.get_results(), stubs, "tail")
        exactly = {"INFERENCE_PRECISION_HINT": "f32"}
        (theirs,) = core.compile_model(tail, "CPU", exactly)(values).values()
        logits, distances = (np.ascontiguousarray(value[0].T) for value in values)
        ours = Heads(logits.max(axis=1), logits, distances, self.grid).decoded(0.0)
        error = np.abs(ours - theirs[0])
        return bool(
            error[:_SIDES].max() <= _BOX_TOLERANCE and error[_SIDES:].max() <= _SCORE_TOLERANCE
        )


def _as_f32(port: Any) -> Any:
    return port if port.get_element_type() == ov.Type.f32 else ov.opset13.convert(port, "f32")


def _source(node: Any) -> Any:
    return node.input_value(0).get_node()


def _inputs(node: Any, kind: str, **attributes: int) -> list[Any]:
    """What flows into ``node``, which is to be of that kind."""
    has = node.get_attributes()
    if node.get_type_name() != kind or any(has.get(key) != at for key, at in attributes.items()):
        raise LookupError(f"{node.get_friendly_name()} is not the {kind} of YOLOv8")
    return list(node.input_values())


def _distances(boxes: Any) -> Any:
    """Of all anchors, (1, 4 * bins, anchors): what the softmax before the boxes is made of."""
    anchors = list(boxes.get_output_shape(0))[-1]
    node = _nearest(boxes, "Softmax")
    while True:
        port = node.input_value(0)
        shape = list(port.get_shape())
        if len(shape) == 3 and shape[0] == 1 and shape[2] == anchors:  # noqa: PLR2004  ranks
            return port
        node = port.get_node()
        if node.get_type_name() not in {"Reshape", "Transpose"}:
            raise LookupError(f"{node.get_friendly_name()} stands before the softmax")


def _nearest(node: Any, kind: str) -> Any:
    """The first of that kind upstream of ``node``."""
    known, waiting = set(), [node]
    while waiting:
        node = waiting.pop(0)
        if node.get_type_name() == kind:
            return node
        for port in node.input_values():
            source = port.get_node()
            if source.get_friendly_name() not in known:
                known.add(source.get_friendly_name())
                waiting.append(source)
    raise LookupError(f"there is no {kind}")


def _maps(port: Any, channels: slice | None = None) -> Iterator[Any]:
    """The maps of features, (1, channels, rows, columns), that ``port`` is put together from."""
    node, shape = port.get_node(), list(port.get_shape())
    channels = channels or slice(0, shape[1])
    kind = node.get_type_name()
    if kind == "Concat" and len(shape) == 3:  # noqa: PLR2004  of all anchors
        for source in node.input_values():
            yield from _maps(source, channels)
    elif kind in {"VariadicSplit", "Split"}:
        sizes = [list(output.get_shape())[1] for output in node.outputs()]
        start = sum(sizes[: port.get_index()])
        within = slice(start + channels.start, start + channels.stop)
        yield from _maps(node.input_value(0), within)
    elif kind == "Reshape":
        yield _channels(node.input_value(0), channels)
    else:
        raise LookupError(f"{node.get_friendly_name()} stands between maps and result")


def _channels(port: Any, channels: slice) -> Any:
    """That part of a map which is one of what it was put together from, or all of it."""
    shape = list(port.get_shape())
    if len(shape) == 4 and (channels.start, channels.stop) == (0, shape[1]):  # noqa: PLR2004
        return port
    parts = _inputs(port.get_node(), "Concat", axis=1)
    ends = accumulate((list(part.get_shape())[1] for part in parts), initial=0)
    for part, bounds in zip(parts, pairwise(ends), strict=True):
        if bounds == (channels.start, channels.stop):
            return part
    raise LookupError("boxes and scores come out of one convolution")


def _rows(maps: list[Any]) -> Any:
    """(1, anchors, channels) in single precision: as the engine has them, nothing is moved."""
    rows = []
    for port in maps:
        channels = list(port.get_shape())[1]
        turned = ov.opset13.transpose(port, np.array([0, 2, 3, 1], np.int64))
        shape = np.array([1, -1, channels], np.int64)
        rows.append(ov.opset13.reshape(turned, shape, special_zero=False))
    return _as_f32(ov.opset13.concat(rows, axis=1).output(0))
