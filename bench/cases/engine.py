"""An engine as a node loads it, and pictures as an ingest worker offers them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import av

from bench.cases import Options
from bench.clips import clip
from bench.models import models_dir
from vision.capture.scale import Scaler
from vision.config.core import ModelSettings
from vision.config.settings import Settings
from vision.domain.frame import Image
from vision.inference.backend import Backend, BatchResult
from vision.models.progress import NoProgress
from vision.runtime.components.model_loading import load_model, model_for

_PICTURES = 20
_WAIT_S = 60.0


def pictures(options: Options, long_side: int, width: int = 640, height: int = 360) -> list[Image]:
    """Pictures of the clip at model scale."""
    scaler = Scaler(long_side)
    with av.open(str(options.used(clip(width, height)))) as container:
        return [scaler.scale(frame) for frame in islice(container.decode(video=0), _PICTURES)]


@contextmanager
def engine(options: Options) -> Iterator[Backend]:
    """The engine of a node, ready for pictures of the clip's shape."""
    settings = Settings.model_validate(
        {"model": ModelSettings(name=options.model), "models_dir": models_dir(), "cameras": {}}
    )
    with ThreadPoolExecutor(1) as compiler:
        chosen = model_for(settings, NoProgress())
        options.used(chosen.file.path)
        backend = load_model(settings, chosen, compiler)
        # The first picture asks for its shape, which is compiled in the background.
        answer_to(backend, pictures(options, backend.input_size)[0]).release()
        compiler.submit(int).result()
        yield backend
        backend.close()


def answer_to(backend: Backend, picture: Image) -> BatchResult:
    """The answer to one picture; the caller releases it."""
    told = threading.Event()
    backend.notify(told.set)
    backend.submit([picture])
    while True:
        told.wait(_WAIT_S)
        told.clear()
        if answers := backend.finished():
            return answers[0]
