"""Where inference runs is said clearly when it cannot run there."""

from __future__ import annotations

import importlib.util

import pytest

from vision.config.core import ModelSettings
from vision.domain.errors import ConfigError
from vision.inference.gpu.device import choose_device, torch_module

_HAS_EXTRA = all(importlib.util.find_spec(name) is not None for name in ("torch", "ultralytics"))
_HAS_GPU = _HAS_EXTRA and torch_module().cuda.is_available()
_WHY = "this process sees no GPU" if _HAS_EXTRA else "the extra gpu is not installed"

without_gpu = pytest.mark.skipif(_HAS_GPU, reason="there is a GPU")


@without_gpu
def test_a_gpu_that_is_asked_for_and_cannot_be_had_is_refused() -> None:
    """One line with why, and what to set instead."""
    with pytest.raises(ConfigError, match=rf"model.device: cuda, but {_WHY}.* auto") as raised:
        choose_device(ModelSettings(device="cuda"))
    assert "\n" not in str(raised.value)


@without_gpu
def test_auto_goes_without_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """A machine without a GPU is the usual case."""
    caplog.set_level("INFO")
    assert choose_device(ModelSettings(device="auto")) == "cpu"
    assert f"inference.device_chosen device=cpu reason={_WHY}" in caplog.text


def test_the_cpu_is_always_there(caplog: pytest.LogCaptureFixture) -> None:
    """PyTorch is not even looked for, and nothing has to be said."""
    caplog.set_level("INFO")
    assert choose_device(ModelSettings(device="cpu")) == "cpu"
    assert not caplog.text


def test_int8_is_for_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    """With auto it decides where inference runs, with cuda the two contradict each other."""
    caplog.set_level("INFO")
    assert choose_device(ModelSettings(device="auto", precision="int8")) == "cpu"
    assert "model.precision int8 is for the CPU" in caplog.text
    with pytest.raises(ConfigError, match=r"leave model\.precision out"):
        choose_device(ModelSettings(device="cuda", precision="int8"))
