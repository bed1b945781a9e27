"""The engine on an NVIDIA GPU: PyTorch, or TensorRT where an engine of it was registered."""
