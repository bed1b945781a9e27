"""Roboflow: ``InferencePipeline.init_with_custom_logic`` with the same network on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.peers.window import Window, parser
from bench.peers.yolo import Engine, Yolo


def main() -> None:
    """Run until the window is over."""
    options = parser(__doc__)
    options.add_argument("--engine", choices=("onnxruntime", "openvino"), required=True)
    args = options.parse_args()
    urls = args.streams.read_text().split()
    window = Window(len(urls), args.warm_up_s, args.seconds)
    from inference import InferencePipeline  # noqa: PLC0415  loading it is part of the start

    load = _onnxruntime if args.engine == "onnxruntime" else _openvino
    yolo = Yolo(load(args.model, args.height, args.width), args.height, args.width)

    def on_video_frame(frames: list[Any]) -> list[Any]:
        return yolo([frame.image for frame in frames])

    def on_prediction(predictions: Any, frames: Any) -> None:
        # Of one camera it is handed single ones, of several lists with holes.
        several = frames if isinstance(frames, list) else [frames]
        found = predictions if isinstance(predictions, list) else [predictions]
        for prediction, frame in zip(found, several, strict=False):
            if frame is not None and prediction is not None:
                window.seen(frame.source_id or 0, frame.image)

    pipeline = InferencePipeline.init_with_custom_logic(
        video_reference=urls, on_video_frame=on_video_frame, on_prediction=on_prediction
    )
    pipeline.start(use_main_thread=False)
    window.over.wait()
    window.answer(["inference-cpu", args.engine])


def _onnxruntime(model: Path, height: int, width: int) -> Engine:
    import onnxruntime  # noqa: PLC0415  one of two

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    session.run(None, {name: np.zeros((1, 3, height, width), np.float32)})

    def infer(inputs: Sequence[NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
        (output,) = session.run(None, {name: np.concatenate(inputs)})
        return list(output)

    return infer


def _openvino(model: Path, height: int, width: int) -> Engine:
    import openvino as ov  # noqa: PLC0415  one of two

    core = ov.Core()
    network = core.read_model(model)
    if network.input().partial_shape.is_dynamic:
        network.reshape([1, 3, height, width])
    compiled = core.compile_model(network, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    results: dict[int, NDArray[np.float32]] = {}

    def keep(request: Any, number: int) -> None:
        results[number] = request.get_output_tensor().data[0].copy()

    queue = ov.AsyncInferQueue(compiled)
    queue.set_callback(keep)

    def infer(inputs: Sequence[NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
        for number, pixels in enumerate(inputs):
            queue.start_async({0: pixels}, number)
        queue.wait_all()
        return [results[number] for number in range(len(inputs))]

    return infer


if __name__ == "__main__":
    main()
