"""Turns PyTorch weights into ONNX; run as a program of its own by :mod:`vision.inference.export`.

Loading weights runs code that is in them, and PyTorch takes a gigabyte of memory: neither
belongs into the process of the node.
"""

from __future__ import annotations

import sys

from ultralytics import YOLO


def main(weights: str) -> None:
    """Write the ONNX file beside ``weights``; batch, height and width stay open."""
    YOLO(weights, task="detect").export(format="onnx", dynamic=True, simplify=True, device="cpu")


if __name__ == "__main__":
    main(sys.argv[1])
