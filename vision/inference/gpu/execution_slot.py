"""The way of one batch to the device, through the network and back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.domain.frame import Image
from vision.frames.planar import size_of
from vision.inference.gpu.device import Device, torch_module
from vision.inference.gpu.graph import GraphReplay
from vision.inference.gpu.network import Network
from vision.inference.gpu.steps import most_confident, network_input
from vision.inference.letterbox import Letterbox

# Far more than a picture shows; only these are copied back.
MOST_CANDIDATES = 2048


class ExecutionSlot:
    """One batch under way at a time; the copies of one lane overlap the work of another."""

    def __init__(self, network: Network, device: Device, starting: threading.Lock) -> None:
        """Take a stream of its own on the device.

        Args:
            network: Shared by the lanes.
            device: Where it lies.
            starting: Of all lanes: held while work is started.
        """
        self._network = network
        self._device = device
        self._starting = starting
        self._plans: dict[tuple[int, tuple[int, int]], _Plan] = {}
        self._staged: tuple[_Plan, int] | None = None
        self._stream: Any = None
        self._pool: Any = None
        if device == "cuda":
            torch = torch_module()
            self._stream = torch.cuda.Stream()
            self._pool = torch.cuda.graph_pool_handle()
            # Waiting for it costs no processor time.
            self._done = torch.cuda.Event(blocking=True)

    def stage(
        self,
        pictures: Sequence[Image],
        letterboxes: Sequence[Letterbox],
        size: tuple[int, int],
        batch: int,
    ) -> None:
        """Copy pictures into the memory of the host, for a batch of that size and number."""
        plan = self._plans.get((batch, size))
        if plan is None:
            plan = self._plans[batch, size] = _Plan(self._device, size, batch)
        for number, (picture, letterbox) in enumerate(zip(pictures, letterboxes, strict=True)):
            plan.put(number, picture, letterbox)
        self._staged = plan, len(pictures)

    def run(self) -> NDArray[np.float32]:
        """Infer what was staged; the result is (pictures, 6, candidates), and the caller's.

        Raises:
            RuntimeError: The device refused it.
        """
        if self._staged is None:
            raise RuntimeError("nothing was staged")
        plan, count = self._staged
        with self._starting, self._on_stream():
            plan.start(count, self._network, self._pool)
            if self._stream is not None:
                self._done.record()
        if self._stream is not None:
            self._done.synchronize()
        return plan.result(count)

    @contextmanager
    def _on_stream(self) -> Iterator[None]:
        torch = torch_module()
        # A stream of None changes nothing.
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            yield


class _Plan:
    """Fixed memory for batches of one shape, and the work on it.

    On the host it is pinned, so that the device copies by itself while others compute.
    """

    def __init__(self, device: Device, size: tuple[int, int], batch: int) -> None:
        self._device = device
        self._size = size
        self._pinned = device == "cuda"
        self._planes = self._on_host((batch, size[0] * size[1] * 3 // 2), "uint8")
        self._places = self._on_host((batch, 4), "int64")
        self._work: GraphReplay | None = None
        self._found: Any = None

    def put(self, number: int, picture: Image, letterbox: Letterbox) -> None:
        """Copy a picture into the memory of the host."""
        height, width = self._size
        rows, columns = size_of(picture)
        planes: NDArray[np.uint8] = self._planes[number].numpy()
        planes[: height * width].reshape(height, width)[:rows, :columns] = picture[:rows]
        chroma = planes[height * width :].reshape(2, height // 2, width // 2)
        chroma[:, : rows // 2, : columns // 2] = picture[rows:].reshape(2, rows // 2, columns // 2)
        place = letterbox.top, letterbox.left, letterbox.height, letterbox.width
        self._places[number].numpy()[:] = place

    def start(self, count: int, network: Network, pool: Any) -> None:
        """Have the batch copied, inferred and its result copied back, in the stream's order."""
        work = self._work or self._prepare(network, pool)
        self._planes_there[:count].copy_(self._planes[:count], non_blocking=True)
        self._places_there[:count].copy_(self._places[:count], non_blocking=True)
        found = work()
        if self._found is None:
            self._found = self._on_host(tuple(found.shape), "float32")
        self._found[:count].copy_(found[:count], non_blocking=True)

    def result(self, count: int) -> NDArray[np.float32]:
        """A copy of what was found, once the device is done."""
        found: NDArray[np.float32] = self._found[:count].numpy().copy()
        return found

    def _prepare(self, network: Network, pool: Any) -> GraphReplay:
        self._planes_there = self._planes.to(self._device)
        self._places_there = self._places.to(self._device)
        infer = network.inference()

        def work() -> Any:
            pixels = network_input(
                self._planes_there, self._places_there, self._size, network.dtype
            )
            return most_confident(infer(pixels), MOST_CANDIDATES)

        self._work = GraphReplay(work, self._device, pool)
        return self._work

    def _on_host(self, shape: tuple[int, ...], dtype: str) -> Any:
        torch = torch_module()
        return torch.zeros(shape, dtype=getattr(torch, dtype), pin_memory=self._pinned)
