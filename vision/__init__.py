"""Ariia Vision: RTSP cameras in, YOLOv8 detections out on Redis."""

__version__ = "0.1.0"
