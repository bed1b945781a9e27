"""Work on the GPU that is recorded once and then started as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from vision.inference.gpu.device import Device, torch_module

_log = logging.getLogger(__name__)
# Libraries choose their algorithms and take their memory in the first runs, which cannot be
# recorded (docs.pytorch.org, "CUDA semantics", section "CUDA Graphs").
_WARM_UPS = 3


class GraphReplay:
    """Calls ``work``, as a CUDA graph where that is possible.

    The network is hundreds of small kernels, and on a fast GPU starting them takes longer than
    they run: a graph starts all of them at once. ``work`` reads and writes the same tensors each
    time, and its result is overwritten by the next call. It is made and called on one stream,
    with nothing else started on the device meanwhile by this process.
    """

    def __init__(self, work: Callable[[], Any], device: Device, pool: Any) -> None:
        """Record ``work``; without a GPU, or if that fails, it is called as it is.

        Args:
            work: Called a few times at once.
            device: Where it runs.
            pool: Memory of the graphs of which one runs at a time.
        """
        self._work = work
        self._graph: Any = None
        self._result: Any = None
        if device == "cuda":
            self._record(pool)

    def __call__(self) -> Any:
        """Do it, or have the device do it later, in the order of its stream."""
        if self._graph is None:
            return self._work()
        self._graph.replay()
        return self._result

    def _record(self, pool: Any) -> None:
        torch = torch_module()
        # What fails here fails without a graph too.
        for _ in range(_WARM_UPS):
            self._work()
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream()
        try:
            with torch.cuda.graph(
                graph, pool=pool, stream=stream, capture_error_mode="thread_local"
            ):
                self._result = self._work()
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            _log.warning("inference.graph_failed reason=%s", reason)
            torch.cuda.synchronize()
        else:
            self._graph = graph
