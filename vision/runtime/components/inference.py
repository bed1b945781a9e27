"""The inference worker with its model and engine, as a part of a role."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from vision.config.settings import Settings
from vision.domain.detections import ModelInfo
from vision.frames.latest_frame_slot import SkipObserver
from vision.frames.slot import FrameSource
from vision.inference.detection_filters import detection_filter_for_all, detection_filters
from vision.inference.worker import (
    DetectionSink,
    DiscardObserver,
    InferenceWorker,
    SubmitObserver,
)
from vision.models.progress import TransferProgress
from vision.runtime.components.model_loading import load_model, model_for, workers_for


class InferenceStage:
    """Loads the model at once; :meth:`run` is for a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        source: FrameSource,
        sink: DetectionSink,
        on_skipped: SkipObserver,
        progress: TransferProgress,
        *,
        on_submitted: SubmitObserver,
        on_discarded: DiscardObserver,
    ) -> None:
        """Choose and load the model, fetching it if need be.

        Raises:
            ConfigError: There is no such model, or a camera asks for a label it does not know.
            ArtefactError: The model cannot be had or is not the one named.
        """
        chosen = model_for(settings, progress)
        selected = detection_filters(settings.cameras, settings.model, chosen.entry.labels)
        self._executor = ThreadPoolExecutor(workers_for(chosen), thread_name_prefix="engine")
        self._backend = load_model(settings, chosen, self._executor)
        self._worker = InferenceWorker(
            source,
            self._backend,
            sink,
            settings=settings.inference,
            detection_filters=selected,
            detection_filter_for_all=detection_filter_for_all(settings.model),
            on_skipped=on_skipped,
            on_submitted=on_submitted,
            on_discarded=on_discarded,
        )

    @property
    def model(self) -> ModelInfo:
        """The model that answers."""
        return self._backend.model

    @property
    def model_text(self) -> str:
        """The model and where it runs, for people."""
        return f"{self.model.name} on {self.model.backend}"

    @property
    def input_size(self) -> int:
        """Longest side, in pixels, that pictures are to be scaled to."""
        return self._backend.input_size

    @property
    def last_heartbeat_ns(self) -> int:
        """When the worker last looked around, on CLOCK_MONOTONIC."""
        return self._worker.last_heartbeat_ns

    @property
    def run(self) -> Callable[[threading.Event], None]:
        """See :meth:`vision.inference.worker.InferenceWorker.run`."""
        return self._worker.run

    def check(self, settings: Settings) -> None:
        """Whether the model can be asked for what ``settings`` want of it.

        Raises:
            ConfigError: A camera asks for a label that the model does not know.
        """
        detection_filters(settings.cameras, settings.model, self.model.labels)

    def retune(self, settings: Settings) -> None:
        """Report labels and confidences as ``settings`` have them; from any thread."""
        self._worker.retune(
            detection_filters(settings.cameras, settings.model, self.model.labels),
            detection_filter_for_all(settings.model),
        )

    def wake(self) -> None:
        """Have the worker look around at once."""
        self._worker.wake()

    def close(self) -> None:
        """Free the engine, after :meth:`run` has returned."""
        self._executor.shutdown()
        self._backend.close()
