"""Small networks with the input and output of YOLOv8, for a real engine without real weights."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.domain.errors import InferenceError
from vision.inference.backend import Backend
from vision.inference.openvino_backend import OpenVinoBackend, OpenVinoBatchResult
from vision.inference.openvino_runtime import ov
from vision.models.catalogue import ModelEntry
from vision.models.digest import sha256_of
from vision.models.store import ModelFile

needs_nncf = pytest.mark.skipif(
    importlib.util.find_spec("nncf") is None, reason="the extra quantize is not installed"
)
"""Of tests that quantise."""
LABELS = ("red", "green", "blue")
_STRIDE = 32
_LIMIT_S = 60
_P = ParamSpec("_P")
_T = TypeVar("_T")


def entry(size: tuple[int, int] | None = None, labels: tuple[str, ...] = LABELS) -> ModelEntry:
    """What a catalogue says of such a network; ``size`` is its fixed height and width."""
    return ModelEntry("colours", "made up", "CC0-1.0", labels, size or "dynamic", "yolov8", ())


def colour_network(folder: Path, size: tuple[int, int] | None = None) -> ModelFile:
    """A network with an anchor per 32 x 32 pixels, whose scores are the mean colour there.

    The four numbers of its boxes are the mean red, green, blue and grey, each 0 to 1.
    """
    height, width = size or (-1, -1)
    picture = ov.opset15.parameter([-1, 3, height, width], ov.Type.f32, "images")
    pooled = ov.opset15.avg_pool(
        picture, [_STRIDE] * 2, [0, 0], [0, 0], [_STRIDE] * 2, exclude_pad=True
    )
    colours = ov.opset15.reshape(pooled, np.array([0, 3, -1]), special_zero=True)
    grey = ov.opset15.reduce_mean(colours, np.array([1]), keep_dims=True)
    output = ov.opset15.concat([colours, grey, colours], 1)
    return save(ov.Model([output], [picture], "colours"), folder / "colours.xml")


def convolving_network(folder: Path) -> ModelFile:
    """A network of three convolutions; boxes and scores are made of the last one's channels."""
    ops, random = ov.opset15, np.random.default_rng(7)

    def convolved(source: Any, channels: tuple[int, int], stride: int) -> Any:
        weights = random.normal(0, 0.5 / channels[0], (*channels[::-1], 3, 3)).astype(np.float32)
        return ops.convolution(source, weights, [stride] * 2, [1, 1], [1, 1], [1, 1])

    picture = ops.parameter([-1, 3, -1, -1], ov.Type.f32, "images")
    features = ops.swish(convolved(picture, (3, 16), 8))
    features = ops.swish(convolved(features, (16, 16), 4))
    result = ops.reshape(
        convolved(features, (16, 4 + len(LABELS)), 1),
        np.array([0, 4 + len(LABELS), -1]),
        special_zero=True,
    )
    network = ov.Model([ops.sigmoid(ops.multiply(result, np.float32(30)))], [picture], "colours")
    return save(network, folder / "colours.xml")


def save(network: Any, path: Path) -> ModelFile:
    """Write a network and say what it is."""
    ov.save_model(network, path, compress_to_fp16=False)
    return ModelFile("colours", path, sha256_of(path), "made up")


class InlineExecutor(Executor):
    """Does the work in the thread that asks for it."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Do it."""
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  whatever it is belongs into the future
            future.set_exception(error)
        return future


class ManualExecutor(Executor):
    """Does the work when the test says so."""

    def __init__(self) -> None:
        self._work: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._work)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Remember it."""
        future: Future[_T] = Future()
        self._work.append(lambda: future.set_result(fn(*args, **kwargs)))
        return future

    def work(self) -> None:
        """Do all of it."""
        while self._work:
            self._work.pop(0)()


class ResultWaiter:
    """Waits for the answers of a backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._news = threading.Event()
        backend.notify(self._news.set)

    def next(self) -> list[Any]:
        """Those that are there, waiting for the first; a failure is found by asking again."""
        for _ in range(_LIMIT_S * 10):
            self._news.clear()
            answers = [*self._backend.finished()]
            if answers:
                return answers
            self._news.wait(0.1)
        raise AssertionError("no answer")


def answer_to(backend: OpenVinoBackend, picture: Any) -> OpenVinoBatchResult:
    """Submit one picture and wait for its answer."""
    answers = ResultWaiter(backend)
    ticket = backend.submit([picture])
    (answer,) = answers.next()
    assert isinstance(answer, OpenVinoBatchResult)
    assert answer.ticket == ticket
    return answer


def output_of(answer: OpenVinoBatchResult) -> NDArray[np.float32]:
    """All that the network said of the one picture, a view of the engine's memory."""
    assert not isinstance(answer.results, InferenceError)
    (result,) = answer.results
    assert isinstance(result.output, np.ndarray)
    return result.output
