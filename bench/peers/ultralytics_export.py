"""Ultralytics' own export to OpenVINO, for a number of cameras and an input size."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path


def main() -> None:
    """Export into the folder named and print it as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--weights", type=Path, required=True)
    options.add_argument("--batch", type=int, required=True)
    options.add_argument("--height", type=int, required=True)
    options.add_argument("--width", type=int, required=True)
    options.add_argument("--folder", type=Path, required=True)
    args = options.parse_args()
    from ultralytics import YOLO  # noqa: PLC0415  slow

    # It writes beside the weights.
    args.folder.mkdir(parents=True, exist_ok=True)
    copy = Path(shutil.copy(args.weights, args.folder))
    copy.chmod(0o600)
    size = [args.height, args.width]
    made = YOLO(copy).export(format="openvino", imgsz=size, batch=args.batch, verbose=False)
    print(f'"{made}"')


if __name__ == "__main__":
    main()
