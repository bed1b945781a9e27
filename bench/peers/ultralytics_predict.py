"""Ultralytics: ``YOLO(MODEL).predict(source="list.streams", stream=True)`` on a CPU."""

from __future__ import annotations

from bench.peers.window import Window, parser

# The node's defaults.
_CONFIDENCE, _IOU, _MAX_DETECTIONS = 0.25, 0.7, 300


def main() -> None:
    """Run until the window is over."""
    args = parser(__doc__).parse_args()
    cameras = len(args.streams.read_text().split())
    window = Window(cameras, args.warm_up_s, args.seconds)
    from ultralytics import YOLO  # noqa: PLC0415  loading it is part of the start

    model = YOLO(args.model, task="detect")
    # Of pictures of one shape PyTorch is given the tightest input by itself.
    size = max(args.height, args.width) if args.model.suffix == ".pt" else [args.height, args.width]
    results = model.predict(
        source=str(args.streams),
        stream=True,
        imgsz=size,
        conf=_CONFIDENCE,
        iou=_IOU,
        max_det=_MAX_DETECTIONS,
        device="cpu",
        verbose=False,
    )
    # One result per camera and turn, in the order of the list.
    for turn, result in enumerate(results):
        window.seen(turn % cameras, result.orig_img)
        if window.over.is_set():
            break
    window.answer(["ultralytics-opencv-headless", "torch", "openvino"])


if __name__ == "__main__":
    main()
