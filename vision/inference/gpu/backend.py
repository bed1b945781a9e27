"""Batches on a GPU: one on its way there while another is computed."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.config.core import InferenceSettings, ModelSettings
from vision.domain.detections import ModelInfo
from vision.domain.errors import ConfigError, InferenceError
from vision.domain.frame import Image
from vision.domain.noop import noop
from vision.frames.planar import size_of
from vision.inference.backend import RawResult
from vision.inference.gpu.device import Device, torch_module
from vision.inference.gpu.execution_slot import ExecutionSlot
from vision.inference.gpu.network import Network, TorchNetwork
from vision.inference.gpu.tensorrt import TensorRtNetwork
from vision.inference.heads import Candidates
from vision.inference.letterbox import Letterbox, tight_canvas
from vision.inference.resize_to_fit import resize_to_fit
from vision.models.catalogue import ModelEntry
from vision.models.store import TENSORRT, ModelFile

_log = logging.getLogger(__name__)
# One batch is computed, and the next one copied meanwhile.
LANES = 2
# Each has memory and a graph of its own for every number of pictures; cameras differ in few
# aspect ratios.
_MOST_SIZES = 4

# What was found in each picture of a batch, and when, on CLOCK_MONOTONIC.
_Output = tuple[NDArray[np.float32], int]


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch under way: its output to come, and where its pictures lie in the input."""

    output: Future[_Output]
    lane: ExecutionSlot
    letterboxes: Sequence[Letterbox]
    size: tuple[int, int]


class GpuBackend:
    """Implements :class:`vision.inference.backend.Backend`."""

    capacity = LANES

    def __init__(
        self,
        file: ModelFile,
        entry: ModelEntry,
        model: ModelSettings,
        inference: InferenceSettings,
        *,
        device: Device,
        engine: Executor,
    ) -> None:
        """Load ``file`` and run it once.

        Args:
            file: PyTorch weights or an engine of TensorRT; its hash is checked once more.
            entry: What the catalogue says of the model.
            model: Of these, ``input_size`` and ``precision``: single for ``fp32``, else half.
            inference: Of these, ``max_batch``.
            device: ``cuda``; ``cpu`` does the same slowly, for tests.
            engine: Waits for batches: an executor with a worker for each of the lanes.

        Raises:
            ConfigError: The package that ``file`` is for is not installed, or the settings do
                not go with it.
            ArtefactError: The file is not what it is said to be.
            InferenceError: The device refused it.
        """
        network = _network(file, entry, model, device)
        limits = network.limits
        self._smallest, self._largest = limits.smallest, limits.largest
        self._min_batch = limits.min_batch
        self._engine = engine
        self.model = ModelInfo(entry.name, file.sha256, f"{network.engine}-{device}", entry.labels)
        self.input_size = max(limits.largest)
        self.max_batch = min(inference.max_batch, limits.max_batch or inference.max_batch)
        starting = threading.Lock()
        self._idle = [ExecutionSlot(network, device, starting) for _ in range(self.capacity)]
        self._sizes = {self._largest}
        self._tickets = itertools.count(1)
        self._under_way: dict[int, _Batch] = {}
        self._tell: Callable[[], None] = noop
        # The first runs prepare the device; frames do not have to wait for that.
        nothing = np.zeros((3 * self._largest[0] // 2, self._largest[1]), np.uint8)
        for count in (1, self.max_batch):
            for lane in self._idle:
                self._stage(lane, [nothing] * count)
                self._run(lane)

    def free(self) -> int:
        """See :meth:`Backend.free`."""
        return len(self._idle)

    def submit(self, pictures: Sequence[Image]) -> int:
        """See :meth:`Backend.submit`."""
        scaled = [resize_to_fit(picture, self._largest) for picture in pictures]
        lane = self._idle.pop()
        try:
            letterboxes, size = self._stage(lane, scaled)
        except RuntimeError as error:
            self._idle.append(lane)
            raise self._refused(error) from None
        ticket = next(self._tickets)
        output = self._engine.submit(self._run, lane)
        self._under_way[ticket] = _Batch(output, lane, letterboxes, size)
        output.add_done_callback(lambda _: self._tell())
        return ticket

    def finished(self) -> list[GpuBatchResult]:
        """See :meth:`Backend.finished`."""
        done = [ticket for ticket, batch in self._under_way.items() if batch.output.done()]
        answers = []
        for ticket in done:
            batch = self._under_way.pop(ticket)
            self._idle.append(batch.lane)
            answers.append(GpuBatchResult(ticket, batch))
        return answers

    def notify(self, finished: Callable[[], None]) -> None:
        """See :meth:`Backend.notify`."""
        self._tell = finished

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        for batch in self._under_way.values():
            batch.output.exception()
        self._under_way.clear()
        self._idle.clear()

    def _stage(
        self, lane: ExecutionSlot, pictures: Sequence[Image]
    ) -> tuple[Sequence[Letterbox], tuple[int, int]]:
        sizes = [size_of(picture) for picture in pictures]
        size = self._size_for(sizes)
        letterboxes = [Letterbox.centred(picture, size) for picture in sizes]
        lane.stage(pictures, letterboxes, size, self._batch_for(len(pictures)))
        return letterboxes, size

    def _size_for(self, pictures: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """The smallest input that holds all of them; a few sizes are in use, the largest one last."""
        canvases = [self._smallest, *map(tight_canvas, pictures)]
        tight = max(height for height, _ in canvases), max(width for _, width in canvases)
        if tight not in self._sizes and len(self._sizes) < _MOST_SIZES:
            self._sizes.add(tight)
        holding = [size for size in self._sizes if size[0] >= tight[0] and size[1] >= tight[1]]
        return min(holding, key=lambda size: size[0] * size[1])

    def _batch_for(self, count: int) -> int:
        """A power of two, so that few shapes serve any number of pictures."""
        return max(min(1 << (count - 1).bit_length(), self.max_batch), self._min_batch)

    def _run(self, lane: ExecutionSlot) -> _Output:
        try:
            found = lane.run()
        except RuntimeError as error:
            raise self._refused(error) from None
        return found, time.monotonic_ns()

    def _refused(self, error: RuntimeError) -> InferenceError:
        # Out of memory is one of them; its text goes over many lines.
        return InferenceError(f"{self.model.backend}: {str(error).splitlines()[0]}")


class GpuBatchResult:
    """Implements :class:`vision.inference.backend.BatchResult`; its memory is its own."""

    def __init__(self, ticket: int, batch: _Batch) -> None:
        self.ticket = ticket
        self.results: Sequence[RawResult] | InferenceError
        error = batch.output.exception()
        if isinstance(error, InferenceError):
            self.results, self.finished_mono_ns = error, time.monotonic_ns()
            return
        output, self.finished_mono_ns = batch.output.result()
        self.results = [
            RawResult(_candidates(found), letterbox, batch.size)
            for found, letterbox in zip(output, batch.letterboxes, strict=True)
        ]

    def release(self) -> None:
        """See :meth:`vision.inference.backend.BatchResult.release`."""


def _candidates(found: NDArray[np.float32]) -> Candidates:
    return Candidates(found[:4], found[4], found[5].astype(np.int32))


def _network(file: ModelFile, entry: ModelEntry, model: ModelSettings, device: Device) -> Network:
    if file.path.suffix in TENSORRT:
        network = TensorRtNetwork(file, entry)
        if model.precision != "auto":
            raise ConfigError(
                f"model.precision: {file.path} has the one it was built with: leave it out"
            )
        return network
    torch = torch_module()
    dtype = torch.float32 if model.precision == "fp32" else torch.float16
    return TorchNetwork(file, device, dtype, model.input_size)
