"""One network compiled for a few input sizes, new ones in the background."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from vision.domain.errors import InferenceError
from vision.inference.heads import Grid
from vision.inference.letterbox import tight_canvas
from vision.inference.openvino_graph import HeadSplit, with_pixels_in
from vision.inference.openvino_runtime import reason

_log = logging.getLogger(__name__)
# Each keeps the weights in memory once more; cameras differ in few aspect ratios.
MAX_SHAPES = 4
# What else there is to do takes microseconds, and is not to wait for an inference of
# milliseconds: a packet, a result, a page, a sign of life (docs/adr/0018).
_NICENESS = 5
# Of any size a network means the same: a small one takes 13 MiB less than the largest for the
# trial of its end, and height and width are not to be mistaken for each other.
_TRIAL_SIZE = (96, 160)


@dataclass(frozen=True, slots=True)
class CompiledShape:
    """The network compiled for an input of ``size``: height and width.

    ``grid`` is that of its heads where these come out; None where boxes and scores do.
    """

    size: tuple[int, int]
    compiled: Any
    grid: Grid | None

    @property
    def area(self) -> int:
        """Pixels of the input: what one inference costs is proportional to it."""
        return self.size[0] * self.size[1]


class ShapePool:
    """Finds the cheapest input a picture fits in; used by one thread.

    The largest input is compiled at once and holds every picture. A tighter one is compiled
    by the executor when a picture first calls for it, and used once it is ready, so that no
    camera waits for another one's shape.
    """

    def __init__(
        self,
        core: Any,
        network: Any,
        largest: tuple[int, int],
        options: Mapping[str, Any],
        compiler: Executor | None,
    ) -> None:
        """Compile ``network`` for ``largest``; without a compiler that stays the only size.

        Raises:
            InferenceError: OpenVINO cannot compile it.
        """
        self._core = core
        self._network = network
        self._options = options
        self._compiler = compiler
        self._compiling = threading.Lock()
        self._pending: dict[tuple[int, int], Future[CompiledShape]] = {}
        self._asked = {largest}
        is_dynamic = network.input().partial_shape.is_dynamic
        self._is_cut = self._can_be_cut(_TRIAL_SIZE if is_dynamic else largest)
        self.largest = self._compile(largest)
        self._ready = [self.largest]

    def best_for(self, picture: tuple[int, int]) -> CompiledShape:
        """The smallest ready input for a picture of (height, width); the largest if none is."""
        if self._pending:
            self._collect()
        self._ask_for(tight_canvas(picture))
        fitting = [shape for shape in self._ready if _holds(shape.size, picture)]
        return min(fitting, key=lambda shape: shape.area, default=self.largest)

    def _ask_for(self, size: tuple[int, int]) -> None:
        if self._compiler is None or size in self._asked or len(self._asked) >= MAX_SHAPES:
            return
        self._asked.add(size)
        self._pending[size] = self._compiler.submit(self._compile, size)

    def _collect(self) -> None:
        for size, future in list(self._pending.items()):
            if not future.done():
                continue
            del self._pending[size]
            try:
                self._ready.append(future.result())
            except InferenceError as error:
                # It stays asked for, so that it is not tried again for each picture.
                _log.warning("inference.shape_failed input=%dx%d reason=%s", *size[::-1], error)

    def _compile(self, size: tuple[int, int]) -> CompiledShape:
        started_s = time.monotonic()
        try:
            # The engine's threads are as nice as the one that makes them.
            with self._compiling, ThreadPoolExecutor(1, initializer=_be_nice) as behind_others:
                network, grid = self._prepared(size)
                compile_model = self._core.compile_model
                compiled = behind_others.submit(
                    compile_model, network, "CPU", dict(self._options)
                ).result()
        except RuntimeError as error:
            raise InferenceError(
                f"OpenVINO cannot compile the model for {size[1]}x{size[0]}: {reason(error)}"
            ) from error
        elapsed_s = time.monotonic() - started_s
        _log.info("inference.shape_ready input=%dx%d seconds=%.2f", *size[::-1], elapsed_s)
        return CompiledShape(size, compiled, grid)

    def _prepared(self, size: tuple[int, int]) -> tuple[Any, Grid | None]:
        network = self._fixed(size)
        if not self._is_cut:
            return with_pixels_in(network), None
        cut = HeadSplit(network)
        return with_pixels_in(cut.heads_only()), cut.grid

    def _fixed(self, size: tuple[int, int]) -> Any:
        network = self._network.clone()
        network.reshape([1, 3, *size])
        return network

    def _can_be_cut(self, size: tuple[int, int]) -> bool:
        try:
            if HeadSplit(self._fixed(size)).agrees(self._core):
                return True
            why = "its last operations mean something else than those of YOLOv8"
        except LookupError as error:
            why = str(error)
        except RuntimeError as error:
            # Of no fixed size, say, or its end asks for more than its heads.
            why = f"OpenVINO does not run its end alone: {reason(error)}"
        # As right as ever, and a little slower.
        _log.info('inference.network_whole reason="%s"', why)
        return False


def _be_nice() -> None:
    # Of this thread alone: nice(2), "C library/kernel differences".
    os.nice(_NICENESS)


def _holds(canvas: tuple[int, int], picture: tuple[int, int]) -> bool:
    return picture[0] <= canvas[0] and picture[1] <= canvas[1]
