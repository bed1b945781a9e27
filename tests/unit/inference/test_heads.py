"""What the last convolutions say: the same boxes and scores as from the whole result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.inference.heads import Grid, Heads
from vision.inference.letterbox import Letterbox
from vision.inference.postprocess import DetectionFilter, Postprocessor

_LABELS = ("person", "car", "dog")
_SIZE = (64, 96)
_MAPS = [(8, 12), (4, 6), (2, 3)]
_BINS = 16


def heads(seed: int = 0) -> Heads:
    """Random ones, of which a few are confident."""
    random = np.random.default_rng(seed)
    grid = Grid.of(_MAPS, _SIZE)
    anchors = len(grid.centres)
    logits = random.normal(-2, 1.5, (anchors, len(_LABELS))).astype(np.float32)
    distances = random.normal(0, 2, (anchors, 4 * _BINS)).astype(np.float32)
    return Heads(logits.max(axis=1), logits, distances, grid)


def whole(raw: Heads) -> NDArray[np.float64]:
    """(4 + classes, anchors) by the definition, anchor by anchor."""
    result = np.empty((4 + len(_LABELS), len(raw.best)))
    for anchor, (logits, distances) in enumerate(zip(raw.logits, raw.distances, strict=True)):
        sides = []
        for bins in distances.astype(float).reshape(4, _BINS):
            shares = np.exp(bins) / np.exp(bins).sum()
            sides.append(float((shares * np.arange(_BINS)).sum() * raw.grid.strides[anchor, 0]))
        left, top, right, bottom = sides
        x, y = raw.grid.centres[anchor]
        result[:4, anchor] = (
            x + (right - left) / 2,
            y + (bottom - top) / 2,
            left + right,
            top + bottom,
        )
        result[4:, anchor] = 1 / (1 + np.exp(-logits.astype(float)))
    return result


def test_anchors_lie_in_the_middle_of_their_cells() -> None:
    """One map after the other, row by row."""
    grid = Grid.of(_MAPS, _SIZE)
    assert len(grid.centres) == 96 + 24 + 6
    assert grid.centres[[0, 1, 12, 96, 125]].tolist() == [
        [4, 4],
        [12, 4],
        [4, 12],
        [8, 8],
        [80, 48],
    ]
    assert grid.strides[[0, 95, 96, 120, 125], 0].tolist() == [8, 8, 16, 32, 32]


@pytest.mark.parametrize("confidence", [0.0, 0.25, 0.6])
def test_only_anchors_that_may_reach_the_confidence_are_worked_out(confidence: float) -> None:
    """They are as the definition says, in the order of the anchors; none is missing."""
    raw = heads()
    expected = whole(raw)
    found = raw.decoded(confidence)
    reach = expected[4:].max(axis=0) >= confidence
    assert found.shape[1] >= reach.sum()
    near = expected[4:].max(axis=0) >= confidence - 1e-3
    assert found.shape[1] <= near.sum()
    if found.shape[1] == reach.sum():
        np.testing.assert_allclose(found, expected[:, reach], atol=1e-4)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("class_ids", [None, (0,), (1, 2)])
def test_detections_are_those_of_the_whole_result(
    class_ids: tuple[int, ...] | None, *, multi_label: bool
) -> None:
    """Whatever is selected."""
    postprocess = Postprocessor(_LABELS)
    letterbox = Letterbox(0, 2, 96, 60)
    selection = DetectionFilter(0.4, 0.7, 300, class_ids, multi_label=multi_label)
    for seed in range(5):
        raw = heads(seed)
        ours = postprocess(raw, letterbox, selection)
        theirs = postprocess(whole(raw).astype(np.float32), letterbox, selection)
        assert len(ours) > 0
        assert ours.class_id.tolist() == theirs.class_id.tolist()
        np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-5)
        np.testing.assert_allclose(ours.xyxy, theirs.xyxy, atol=1e-5)


def test_where_nothing_is_confident_there_is_nothing() -> None:
    """As on most pictures of most cameras."""
    postprocess = Postprocessor(_LABELS)
    seen = postprocess(heads(), Letterbox(0, 0, 96, 64), DetectionFilter(0.9999, 0.7, 300))
    assert len(seen) == 0
    assert heads().decoded(1.0).shape == (4 + len(_LABELS), 0)


@pytest.mark.parametrize("part", ["best", "logits", "distances"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_head_without_a_number_is_left_out(
    part: str,
    value: float,
    multi_label: bool,  # noqa: FBT001  a table of cases
) -> None:
    """Of the anchors that it spoils nothing is told, and they are counted."""
    raw = heads()
    values = getattr(raw, part).copy()
    values[7] = value
    spoilt = replace(raw, **{part: values})
    if part == "logits":
        spoilt = replace(spoilt, best=spoilt.logits.max(axis=1))
    if part == "distances":
        best, logits = raw.best.copy(), raw.logits.copy()
        best[7] = logits[7, 0] = 9.0
        spoilt = replace(spoilt, best=best, logits=logits)
    selection = DetectionFilter(0.4, 0.7, 300, multi_label=multi_label)
    seen = Postprocessor(_LABELS)(spoilt, Letterbox(0, 2, 96, 60), selection)
    assert np.isfinite(seen.xyxy).all()
    assert ((seen.confidence >= 0) & (seen.confidence <= 1)).all()
    # The largest logit of all is a score of 1.
    is_counted = part == "distances" or (
        bool(np.isnan(value)) and not (part == "best" and multi_label)
    )
    assert bool(seen.discarded) is is_counted
