"""YOLOv8 on a GPU: PyTorch with Ultralytics' own network, half precision, one batch at a time."""

from __future__ import annotations

import importlib.util
import io
import itertools
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vision.artefacts.catalogue import ModelEntry
from vision.artefacts.digest import read_verified
from vision.artefacts.store import ModelFile
from vision.config.topics import InferenceSettings, ModelSettings
from vision.domain.detections import ModelInfo
from vision.domain.errors import ArtefactError, ConfigError, InferenceError
from vision.domain.frame import Image
from vision.frames.planar import size_of
from vision.inference.backend import RawResult
from vision.inference.letterbox import Letterbox, tight_canvas

Device = Literal["auto", "cpu", "cuda"]

_MODULES = ("torch", "ultralytics")
# It shall neither install packages nor report usage nor look for updates.
_QUIET = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}
# One batch in the engine, and the next one filled meanwhile.
_CAPACITY = 2


def wants_gpu(device: Device) -> bool:
    """Whether inference is to run on the GPU.

    Raises:
        ConfigError: It must, but there is none, or the extra is not installed.
    """
    if device == "cpu":
        return False
    installed = all(importlib.util.find_spec(module) is not None for module in _MODULES)
    if installed and _torch().cuda.is_available():
        return True
    if device == "auto":
        return False
    if not installed:
        raise ConfigError(
            "model.device: cuda needs the extra gpu: pip install 'ariia-vision[gpu]', or use auto"
        )
    raise ConfigError(
        "model.device: cuda, but this process sees no GPU: check the driver and that the "
        "container may use it, or use auto"
    )


# What the network said of a batch, and when, on CLOCK_MONOTONIC.
_Output = tuple[NDArray[np.float32], int]


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch under way: its output to come, and where its pictures lie in the input."""

    output: Future[_Output]
    letterboxes: Sequence[Letterbox]
    canvas_size: tuple[int, int]


class TorchBackend:
    """Implements :class:`vision.inference.backend.Backend`."""

    capacity = _CAPACITY

    def __init__(
        self,
        file: ModelFile,
        entry: ModelEntry,
        model: ModelSettings,
        inference: InferenceSettings,
        *,
        device: Literal["cuda", "cpu"],
        engine: Executor,
    ) -> None:
        """Load the weights in ``file``.

        Args:
            file: PyTorch weights; their hash is checked once more.
            entry: What the catalogue says of the model.
            model: Of these, ``input_size``.
            inference: Of these, ``max_batch``.
            device: ``cuda`` in half precision; ``cpu`` in single precision, for tests.
            engine: Runs batches, one after the other: an executor with one worker.

        Raises:
            ArtefactError: The file is not what it is said to be.
            InferenceError: The device refused it.
        """
        torch = _torch()
        self._device = device
        self._dtype = torch.float16 if device == "cuda" else torch.float32
        self._network = _load(file).to(device=device, dtype=self._dtype)
        self._engine = engine
        self.model = ModelInfo(entry.name, file.sha256, f"torch-{device}", entry.labels)
        self.input_size = model.input_size
        self.max_batch = inference.max_batch
        self._tickets = itertools.count(1)
        self._under_way: dict[int, _Batch] = {}
        self._tell: Callable[[], None] = _nobody
        # The first run prepares the device; frames do not have to wait for that.
        self._run(self._canvas(1, (self.input_size, self.input_size)))

    def free(self) -> int:
        """See :meth:`Backend.free`."""
        return self.capacity - len(self._under_way)

    def submit(self, pictures: Sequence[Image]) -> int:
        """See :meth:`Backend.submit`."""
        sizes = [size_of(picture) for picture in pictures]
        if not all(0 < max(size) <= self.input_size for size in sizes):
            raise InferenceError(f"pictures of {sizes} do not fit an input of {self.input_size}")
        heights, widths = zip(*map(tight_canvas, sizes), strict=True)
        canvas_size = max(heights), max(widths)
        batch = self._canvas(len(pictures), canvas_size)
        canvases = batch.numpy()
        letterboxes = [Letterbox.centred(size, canvas_size) for size in sizes]
        for letterbox, canvas, picture in zip(letterboxes, canvases, pictures, strict=True):
            letterbox.fill(canvas, picture)
        ticket = next(self._tickets)
        answer = self._engine.submit(self._run, batch)
        self._under_way[ticket] = _Batch(answer, letterboxes, canvas_size)
        answer.add_done_callback(lambda _: self._tell())
        return ticket

    def finished(self) -> list[TorchAnswer]:
        """See :meth:`Backend.finished`."""
        done = [ticket for ticket, batch in self._under_way.items() if batch.output.done()]
        return [TorchAnswer(ticket, self._under_way.pop(ticket)) for ticket in done]

    def notify(self, finished: Callable[[], None]) -> None:
        """See :meth:`Backend.notify`."""
        self._tell = finished

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        for batch in self._under_way.values():
            batch.output.exception()
        self._under_way.clear()
        self._network = None

    def _canvas(self, pictures: int, size: tuple[int, int]) -> Any:
        """Memory for a batch; pinned, so that the copy to the device needs no other one."""
        torch = _torch()
        pinned = self._device == "cuda"
        return torch.empty((pictures, *size, 3), dtype=torch.uint8, pin_memory=pinned)

    def _run(self, batch: Any) -> _Output:
        torch = _torch()
        try:
            with torch.inference_mode():
                pixels = batch.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
                answer = self._network(pixels.to(self._dtype).div_(255))
                raw = answer[0] if isinstance(answer, tuple | list) else answer
                output: NDArray[np.float32] = raw.float().cpu().numpy()
        except RuntimeError as error:
            # Out of memory is one of them; its text goes over many lines.
            reason = str(error).splitlines()[0]
            raise InferenceError(f"PyTorch on {self._device}: {reason}") from None
        return output, time.monotonic_ns()


class TorchAnswer:
    """Implements :class:`vision.inference.backend.Answer`; its memory is its own."""

    def __init__(self, ticket: int, batch: _Batch) -> None:
        self.ticket = ticket
        self.results: Sequence[RawResult] | InferenceError
        error = batch.output.exception()
        if isinstance(error, InferenceError):
            self.results, self.finished_mono_ns = error, time.monotonic_ns()
            return
        output, self.finished_mono_ns = batch.output.result()
        self.results = [
            RawResult(raw, letterbox, batch.canvas_size)
            for raw, letterbox in zip(output, batch.letterboxes, strict=True)
        ]

    def release(self) -> None:
        """See :meth:`vision.inference.backend.Answer.release`."""


def _load(file: ModelFile) -> Any:
    """The network in ``file``, its layers fused, ready to infer."""
    (contents, *_) = read_verified(file.path, file.sha256)
    os.environ.update(_QUIET)
    import ultralytics  # noqa: F401, PLC0415  the network's classes are looked up in it

    try:
        # The hash is known: the code in these weights is that of their makers.
        checkpoint = _torch().load(io.BytesIO(contents), map_location="cpu", weights_only=False)
        network = checkpoint.get("ema") or checkpoint["model"]
        return network.float().fuse(verbose=False).eval()
    except Exception as error:
        raise ArtefactError(
            f"{file.path}: PyTorch cannot load it: {type(error).__name__}: pull it again"
        ) from error


def _torch() -> Any:
    import torch  # noqa: PLC0415  seconds and gigabytes: only where a GPU is asked for

    return torch


def _nobody() -> None:
    pass
