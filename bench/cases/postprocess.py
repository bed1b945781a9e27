"""The network's result to detections: threshold, suppression, shares of the frame."""

from __future__ import annotations

import copy
from itertools import cycle

from bench.cases import Options, row
from bench.cases.engine import answer_to, engine, pictures
from bench.result import Row
from bench.timing import timed
from vision.domain.errors import InferenceError
from vision.inference.backend import RawResult
from vision.inference.postprocess import DetectionFilter, Postprocessor

_CONFIDENCES = (0.25, 0.05)


def measure(options: Options) -> list[Row]:
    """At the default threshold, and at one that lets many candidates through."""
    with engine(options) as backend:
        raw = []
        for picture in pictures(options, backend.input_size):
            answer = answer_to(backend, picture)
            if isinstance(answer.results, InferenceError):
                raise answer.results
            (result,) = answer.results
            raw.append(copy.deepcopy(result))
            answer.release()
        postprocess = Postprocessor(backend.model.labels)
    rows = []
    for confidence in _CONFIDENCES:
        selection, turn = DetectionFilter(confidence, 0.7, 300), cycle(raw)

        def call(turn: cycle[RawResult] = turn, selection: DetectionFilter = selection) -> None:
            result = next(turn)
            postprocess(result.output, result.letterbox, selection)

        found = [len(postprocess(one.output, one.letterbox, selection)) for one in raw]
        details = {"detections": round(sum(found) / len(found), 1)}
        rows.append(
            row("postprocess", f"confidence {confidence}", timed(call, options.seconds), **details)
        )
    return rows
