"""Whether there is a GPU to infer on, and PyTorch, which is imported for that only."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any, Literal, TypeAlias

from vision.config.core import ModelSettings
from vision.domain.errors import ConfigError

Device: TypeAlias = Literal["cpu", "cuda"]

_log = logging.getLogger(__name__)
_MODULES = ("torch", "ultralytics")
_NO_EXTRA = "the extra gpu is not installed"
_NO_GPU = "this process sees no GPU"


def torch_module() -> Any:
    """The package ``torch``: seconds and gigabytes, so that it is imported where it is used."""
    import torch  # noqa: PLC0415  as said above

    return torch


def choose_device(model: ModelSettings) -> Device:
    """Where inference is to run; ``auto`` falls back to the CPU and says why.

    Raises:
        ConfigError: It must run on the GPU, but there is none, or the extra is not installed.
    """
    if model.device == "cpu":
        return "cpu"
    if model.precision == "int8":
        why, remedy = "model.precision int8 is for the CPU", "leave model.precision out"
    elif any(importlib.util.find_spec(module) is None for module in _MODULES):
        why, remedy = _NO_EXTRA, "pip install 'ariia-vision[gpu]'"
    elif not torch_module().cuda.is_available():
        why, remedy = _NO_GPU, "check the driver and that the container may use it"
    else:
        return "cuda"
    if model.device == "cuda":
        raise ConfigError(f"model.device: cuda, but {why}: {remedy}, or use auto")
    _log.info("inference.device_chosen device=cpu reason=%s", why)
    return "cpu"
