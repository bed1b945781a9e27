"""Letterbox, engines, batching and postprocessing."""
