"""Pure data: frames, detections, messages, states and errors. Imports numpy only."""
