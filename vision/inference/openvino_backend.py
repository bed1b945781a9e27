"""The CPU engine: OpenVINO with several requests of one picture each under way."""

from __future__ import annotations

import itertools
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.config.core import InferenceSettings, ModelSettings
from vision.domain.detections import ModelInfo
from vision.domain.errors import InferenceError
from vision.domain.frame import Image, RgbImage
from vision.domain.noop import noop
from vision.frames.planar import size_of
from vision.inference.backend import RawResult
from vision.inference.heads import Heads
from vision.inference.letterbox import Letterbox
from vision.inference.openvino_runtime import ov, read_model, reason
from vision.inference.openvino_shapes import CompiledShape, ShapePool
from vision.inference.resize_to_fit import resize_to_fit
from vision.models.catalogue import ModelEntry
from vision.models.store import ModelFile

_log = logging.getLogger(__name__)


class OpenVinoBackend:
    """Implements :class:`vision.inference.backend.Backend`."""

    max_batch = 1

    def __init__(
        self,
        file: ModelFile,
        entry: ModelEntry,
        model: ModelSettings,
        inference: InferenceSettings,
        *,
        compiler: Executor | None = None,
    ) -> None:
        """Load ``file``, the build of ``entry`` that was chosen.

        Args:
            file: What to load; its hash is checked once more.
            entry: What the catalogue says of it.
            model: Of these, ``input_size``, where a network with a fixed input has its own, and
                ``precision``.
            inference: Of these, ``requests`` and ``threads``.
            compiler: Compiles further input shapes; without it all pictures are padded to
                the largest.

        Raises:
            ArtefactError: The file is not what it is said to be.
            InferenceError: OpenVINO cannot compile it.
        """
        # OpenCV's helpers burn four times what they help with, waiting in a loop on the cores
        # that the engine needs (measured: 0.9 instead of 0.2 ms a frame). For all the process.
        cv2.setNumThreads(1)
        # Without OpenVINO's cache of compiled networks: it would save a tenth of a second, and
        # loads a damaged file without noticing, past the hash of the model.
        core = ov.Core()
        network = read_model(core, file, entry)
        if entry.input == "dynamic":
            largest = (model.input_size, model.input_size)
        else:
            largest, compiler = entry.input, None
            if max(largest) != model.input_size:
                _log.warning(
                    "inference.input_size_fixed model=%s input_size=%d", entry.name, max(largest)
                )
        self._shapes = ShapePool(core, network, largest, _options(model, inference), compiler)
        self.model = ModelInfo(entry.name, file.sha256, "openvino", entry.labels)
        self.input_size = max(largest)
        optimal = self._shapes.largest.compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        # One more than run at a time: the one that waits in the engine starts the moment
        # another ends, while the worker still has to wake up (docs/adr/0018).
        self.capacity: int = inference.requests or optimal + 1
        precision = self._shapes.largest.compiled.get_property("INFERENCE_PRECISION_HINT")
        _log.info(
            "inference.engine_ready engine=openvino build=%s floats=%s requests=%d",
            file.path.name,
            precision.get_type_name(),
            self.capacity,
        )
        self._tickets = itertools.count(1)
        self._under_way: dict[int, _Request] = {}
        self._idle: defaultdict[tuple[int, int], list[_Request]] = defaultdict(list)
        self._finished: Callable[[], None] = noop

    def free(self) -> int:
        """See :meth:`Backend.free`."""
        return self.capacity - len(self._under_way)

    def submit(self, pictures: Sequence[Image]) -> int:
        """See :meth:`Backend.submit`."""
        (picture,) = (resize_to_fit(item, self._shapes.largest.size) for item in pictures)
        shape = self._shapes.best_for(size_of(picture))
        idle = self._idle[shape.size]
        request = idle.pop() if idle else _Request(shape, self._notify_done)
        try:
            request.start(picture)
        except InferenceError:
            idle.append(request)
            raise
        ticket = next(self._tickets)
        self._under_way[ticket] = request
        return ticket

    def finished(self) -> list[OpenVinoBatchResult]:
        """See :meth:`Backend.finished`."""
        under_way = self._under_way.items()
        told = [(ticket, request) for ticket, request in under_way if request.finished_mono_ns]
        answers = []
        # One that failed is not told of: all are asked where nobody said anything.
        for ticket, request in told or list(under_way):
            results = request.results()
            if results is not None:
                del self._under_way[ticket]
                give_back = self._idle[request.shape.size].append
                answers.append(OpenVinoBatchResult(ticket, request, results, give_back))
        return answers

    def notify(self, finished: Callable[[], None]) -> None:
        """See :meth:`Backend.notify`."""
        self._finished = finished

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        for request in self._under_way.values():
            request.wait()
        self._under_way.clear()
        self._idle.clear()

    def _notify_done(self) -> None:
        self._finished()


class OpenVinoBatchResult:
    """Implements :class:`vision.inference.backend.BatchResult`."""

    def __init__(
        self,
        ticket: int,
        request: _Request,
        results: tuple[RawResult] | InferenceError,
        give_back: Callable[[_Request], None],
    ) -> None:
        self.ticket = ticket
        self.finished_mono_ns = request.finished_mono_ns
        self.results = results
        self._request: _Request | None = request
        self._give_back = give_back

    def release(self) -> None:
        """See :meth:`BatchResult.release`; safe to repeat."""
        request, self._request = self._request, None
        if request is not None:
            self._give_back(request)


class _Request:
    """One infer request with its own input and output memory."""

    def __init__(self, shape: CompiledShape, tell: Callable[[], None]) -> None:
        self.shape = shape
        self.finished_mono_ns = 0
        self._notify_done = tell
        self._request: Any = shape.compiled.create_infer_request()
        self._request.set_callback(self._called_back, None)
        self._canvas: RgbImage = self._request.get_input_tensor().data[0]
        self._outputs: list[NDArray[np.float32]] = [
            tensor.data[0] for tensor in self._request.output_tensors
        ]
        self._letterbox = Letterbox(0, 0, *shape.size[::-1])

    def start(self, picture: Image) -> None:
        """Copy the picture in and start."""
        letterbox = Letterbox.centred(size_of(picture), self.shape.size)
        if letterbox != self._letterbox:
            self._letterbox = letterbox
            letterbox.pad(self._canvas)
        letterbox.draw(self._canvas, picture)
        self.finished_mono_ns = 0
        try:
            self._request.start_async()
        except RuntimeError as error:
            raise InferenceError(f"OpenVINO did not start: {reason(error)}") from error

    def results(self) -> tuple[RawResult] | InferenceError | None:
        """The result or why there is none; None while it is under way."""
        try:
            if self.finished_mono_ns:
                # Called back, but not yet returned from there: it could not be started again.
                self._request.wait()
            elif not self._request.wait_for(0):
                return None
        except RuntimeError as error:
            # A request that fails is never called back.
            self.finished_mono_ns = time.monotonic_ns()
            return InferenceError(f"OpenVINO failed: {reason(error)}")
        return (RawResult(self._output(), self._letterbox, self.shape.size),)

    def _output(self) -> NDArray[np.float32] | Heads:
        if self.shape.grid is None:
            (whole,) = self._outputs
            return whole
        best, logits, distances = self._outputs
        return Heads(best, logits, distances, self.shape.grid)

    def wait(self) -> None:
        """Wait until it is no longer under way, whatever comes of it."""
        try:
            self._request.wait()
        except RuntimeError as error:
            _log.debug("inference.request_failed reason=%s", reason(error))

    def _called_back(self, _: object) -> None:
        self.finished_mono_ns = time.monotonic_ns()
        self._notify_done()


def _options(model: ModelSettings, inference: InferenceSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        # Each compiled shape pins its threads from the first core on: with two shapes in use
        # at a time, the requests would share some cores and leave others idle.
        "ENABLE_CPU_PINNING": False,
    }
    if model.precision == "fp32":
        # Else the engine computes in bfloat16 where the processor has it.
        options["INFERENCE_PRECISION_HINT"] = "f32"
    if inference.threads:
        options["INFERENCE_NUM_THREADS"] = inference.threads
    if inference.requests:
        options["PERFORMANCE_HINT_NUM_REQUESTS"] = inference.requests
    return options
