"""The ceiling: what the engine alone does with the same network, input and threads.

An equal loop to OpenVINO's ``benchmark_app``: every request is started again as soon as it is
answered, on one fixed tensor that lies in its input already, so nothing is copied, converted
or read. The network is compiled as the file says, without any preprocessing put in front.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.fresh import fresh
from bench.processes import cpu_s
from bench.summary import rounded
from vision.inference.openvino_graph import HeadSplit, with_pixels_in
from vision.inference.openvino_runtime import ov

_WARM_UP_S = 1.5
_SEED = 0


@dataclass(frozen=True, slots=True)
class Load:
    """How the engine is driven.

    Attributes:
        file: Network to load.
        height: Of the input in pixels.
        width: Of the input in pixels.
        batch: Pictures per request.
        requests: Under way at a time; 0 is one more than the engine runs at a time, as in a
            node: the next one is there when another ends.
        threads: Of the engine; 0 lets the engine choose.
        as_node: 1 prepares the network as a node does: pixels in, heads out. The ceiling is the
            file as it is.
    """

    file: Path
    height: int
    width: int
    batch: int = 1
    requests: int = 0
    threads: int = 0
    as_node: int = 0


def ceiling(load: Load, seconds: float) -> dict[str, Any]:
    """Measure in a process of its own; see :func:`measure`."""
    arguments = [f"--{name}={value}" for name, value in asdict(load).items()]
    answer: dict[str, Any] = fresh("bench.ceiling", [*arguments, f"--seconds={seconds}"])
    return answer


def measure(load: Load, seconds: float) -> dict[str, Any]:
    """Pictures per second, after a warm-up, with the processor time of each."""
    core = ov.Core()
    network = core.read_model(load.file)
    if network.input().partial_shape.is_dynamic:
        network.reshape([load.batch, 3, load.height, load.width])
    if load.as_node:
        network = with_pixels_in(HeadSplit(network).heads_only())
    options: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if load.requests:
        options["PERFORMANCE_HINT_NUM_REQUESTS"] = load.requests
    if load.threads:
        options["INFERENCE_NUM_THREADS"] = load.threads
    compiled = core.compile_model(network, "CPU", options)
    optimal = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    queue = ov.AsyncInferQueue(compiled, load.requests or optimal + 1)
    random = np.random.default_rng(_SEED)
    shape = list(compiled.input().shape)
    pixels = random.random(shape, np.float32)
    if load.as_node:
        pixels = (pixels * 255).astype(np.uint8)
    tensor = ov.Tensor(pixels)
    for request in queue:
        request.set_input_tensor(tensor)
    _drive(queue, _WARM_UP_S)
    used_s, started_s = cpu_s(os.getpid()), time.monotonic()
    done = _drive(queue, seconds)
    elapsed_s = time.monotonic() - started_s
    pictures = done * shape[0]
    return {
        "fps": rounded(pictures / elapsed_s),
        "cpu_ms_per_frame": rounded((cpu_s(os.getpid()) - used_s) / pictures * 1000),
        "requests": len(queue),
        "threads": int(compiled.get_property("INFERENCE_NUM_THREADS")),
        "shape": [int(side) for side in shape],
    }


def _drive(queue: Iterable[Any], seconds: float) -> int:
    """Batches answered in ``seconds``, those under way at the end waited for and counted."""
    driver: Any = queue
    started = 0
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        # Waits until a request is idle.
        driver.start_async()
        started += 1
    driver.wait_all()
    return started


def main() -> None:
    """Measure and answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.ceiling", description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    for name in ("height", "width", "batch", "requests", "threads", "as_node"):
        parser.add_argument(f"--{name}", type=int, required=name in {"height", "width"}, default=0)
    parser.add_argument("--seconds", type=float, default=5.0)
    args = vars(parser.parse_args())
    seconds = args.pop("seconds")
    args["batch"] = args["batch"] or 1
    print(json.dumps(measure(Load(**args), seconds)))


if __name__ == "__main__":
    main()
