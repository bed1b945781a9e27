"""The events worker on Redis: it reads detections and writes what comes of them, in one step."""
