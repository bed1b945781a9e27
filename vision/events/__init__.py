"""Events from detections."""
