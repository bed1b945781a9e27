"""Where inference runs is said clearly when it cannot run there."""

from __future__ import annotations

import importlib.util

import pytest
from vision.inference.torch_backend import wants_gpu

from vision.domain.errors import ConfigError

WITHOUT_TORCH = importlib.util.find_spec("torch") is None


@pytest.mark.skipif(not WITHOUT_TORCH, reason="PyTorch is installed")
def test_a_gpu_that_is_asked_for_without_its_software_is_refused() -> None:
    """One line with what to install, or what to set instead."""
    with pytest.raises(ConfigError, match=r"model.device: cuda .*\[gpu\].* auto"):
        wants_gpu("cuda")


@pytest.mark.skipif(not WITHOUT_TORCH, reason="PyTorch is installed")
def test_auto_goes_without() -> None:
    """A machine without a GPU is the usual case."""
    assert not wants_gpu("auto")


def test_the_cpu_is_always_there() -> None:
    """PyTorch is not even looked for."""
    assert not wants_gpu("cpu")
