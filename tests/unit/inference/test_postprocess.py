"""From the raw result to detections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.domain.detections import Detections
from vision.inference.heads import Candidates
from vision.inference.letterbox import Letterbox
from vision.inference.postprocess import DetectionFilter, Postprocessor, _strongest

_WIDTH, _HEIGHT = 640, 384
_LETTERBOX = Letterbox(0, 12, 640, 360)
_LABELS = ("person", "car", "person", "dog")
_SELECTION = DetectionFilter(confidence=0.25, iou=0.5, max_detections=300)
# Suppression works in double precision on float32 boxes; the check below in shares.
_SLACK = 1e-3


def _raw(*anchors: tuple[float, float, float, float, dict[int, float]]) -> NDArray[np.float32]:
    """A raw result: left, top, right, bottom in input pixels and scores by class, per anchor."""
    raw = np.zeros((4 + len(_LABELS), len(anchors)), np.float32)
    for number, (left, top, right, bottom, scores) in enumerate(anchors):
        raw[:4, number] = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
        for class_id, score in scores.items():
            raw[4 + class_id, number] = score
    return raw


def _decode(raw: NDArray[np.float32], selection: DetectionFilter = _SELECTION) -> Detections:
    return Postprocessor(_LABELS)(raw, _LETTERBOX, selection)


def _iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of two boxes in shares of the picture."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(width * height / (sum(areas) - width * height))


def _types(seen: Detections) -> list[str]:
    return [array.dtype.name for array in (seen.xyxy, seen.confidence, seen.class_id)]


@st.composite
def _results(draw: st.DrawFn) -> NDArray[np.float32]:
    """Crowded raw results whose boxes lie inside the picture."""
    seed = draw(st.integers(0, 2**32 - 1))
    count = draw(st.integers(0, 60))
    random = np.random.default_rng(seed)
    left = random.uniform(0, 400, count)
    top = random.uniform(12, 200, count)
    width = random.uniform(4, 240, count)
    height = random.uniform(4, 170, count)
    scores = random.uniform(0, 1, (len(_LABELS), count)) ** 2
    boxes = np.stack((left + width / 2, top + height / 2, width, height))
    return np.concatenate((boxes, scores)).astype(np.float32)


def test_nothing_seen_is_an_empty_result() -> None:
    """With the right shapes and types."""
    seen = _decode(_raw((10, 20, 30, 40, {0: 0.2})))
    assert len(seen) == 0
    assert seen.xyxy.shape == (0, 4)
    assert _types(seen) == ["float32", "float32", "int32"]


def test_a_box_is_told_in_shares_of_the_picture() -> None:
    """The grey above and below does not count."""
    seen = _decode(_raw((64, 12 + 36, 320, 12 + 180, {1: 0.9})))
    assert seen.xyxy.tolist() == [pytest.approx([0.1, 0.1, 0.5, 0.5])]
    assert seen.class_id.tolist() == [1]
    assert seen.confidence.tolist() == [pytest.approx(0.9)]
    assert _types(seen) == ["float32", "float32", "int32"]


def test_a_box_wholly_in_the_grey_is_dropped() -> None:
    """It shows nothing of the picture; one that reaches in is clipped."""
    seen = _decode(_raw((0, 0, 50, 10, {0: 0.9}), (0, 0, 64, 48, {1: 0.8})))
    assert seen.xyxy.tolist() == [pytest.approx([0, 0, 0.1, 0.1])]
    assert seen.class_id.tolist() == [1]
    assert seen.confidence.tolist() == [pytest.approx(0.8)]


def test_an_anchor_answers_for_its_best_class() -> None:
    """Unless accuracy is measured: then for each class that is confident enough."""
    raw = _raw((10, 20, 60, 80, {1: 0.6, 3: 0.7}))
    assert _decode(raw).class_id.tolist() == [3]
    both = _decode(raw, replace(_SELECTION, multi_label=True))
    assert both.class_id.tolist() == [3, 1]


def test_two_classes_with_one_label_are_one_object() -> None:
    """The weaker is suppressed; a class with another label is not."""
    seen = _decode(
        _raw(
            (10, 20, 110, 120, {0: 0.9}),
            (12, 20, 112, 120, {2: 0.8}),
            (11, 20, 111, 120, {1: 0.7}),
        )
    )
    assert seen.class_id.tolist() == [0, 1]


def test_unwanted_classes_take_no_room() -> None:
    """They are left out before the detections are counted."""
    raw = _raw(
        (10, 20, 60, 80, {1: 0.9}), (100, 20, 160, 80, {0: 0.5}), (300, 20, 360, 80, {2: 0.4})
    )
    seen = _decode(raw, replace(_SELECTION, class_ids=(0, 2), max_detections=2))
    assert seen.class_id.tolist() == [0, 2]


@given(_results(), st.floats(0.05, 0.95), st.floats(0.1, 0.9), st.integers(1, 60))
def test_what_is_kept_is_confident_sorted_and_apart(
    raw: NDArray[np.float32], confidence: float, iou: float, max_detections: int
) -> None:
    """No two of one label overlap past the limit, and no bound is passed."""
    seen = _decode(raw, DetectionFilter(confidence, iou, max_detections))
    assert len(seen) <= max_detections
    assert (seen.confidence >= np.float32(confidence)).all()
    assert (np.diff(seen.confidence) <= 0).all()
    assert ((seen.xyxy >= 0) & (seen.xyxy <= 1)).all()
    labels = [_LABELS[number] for number in seen.class_id]
    for number, label in enumerate(labels):
        for other in range(number):
            if labels[other] == label:
                assert _iou(seen.xyxy[number], seen.xyxy[other]) <= iou + _SLACK


@given(_results(), st.floats(0.1, 0.9))
def test_what_is_dropped_is_overlapped_by_something_better(
    raw: NDArray[np.float32], iou: float
) -> None:
    """Every confident candidate is kept, or a kept one of its label overlaps and beats it."""
    selection = DetectionFilter(0.25, iou, 3000)
    kept = _decode(raw, selection)
    apart = _decode(raw, replace(selection, iou=1.0))
    labels = np.array(_LABELS)
    for box, score, number in zip(apart.xyxy, apart.confidence, apart.class_id, strict=True):
        rivals = (labels[kept.class_id] == labels[number]) & (kept.confidence >= score)
        overlaps = [_iou(box, rival) for rival in kept.xyxy[rivals]]
        assert max(overlaps, default=0.0) >= iou - _SLACK


@given(_results())
def test_best_class_finds_no_more_than_all_classes(raw: NDArray[np.float32]) -> None:
    """Measuring accuracy only adds candidates."""
    everything = replace(_SELECTION, iou=1.0, max_detections=3000)
    assert len(_decode(raw, everything)) <= len(_decode(raw, replace(everything, multi_label=True)))


def test_a_flood_of_candidates_is_bounded() -> None:
    """At a confidence of 0 an accuracy run has hundreds of thousands: the best are looked at."""
    random = np.random.default_rng(5)
    raw = random.uniform(0, 0.2, (84, 8400)).astype(np.float32)
    raw[:4] = 50
    raw[4 + 7, 123] = 0.99
    raw[:4, 123] = 300, 200, 40, 40
    postprocess = Postprocessor(tuple(map(str, range(80))))
    seen = postprocess(raw, _LETTERBOX, DetectionFilter(0.001, 0.7, 300, multi_label=True))
    assert seen.class_id[0] == 7
    assert len(seen) <= 300


def test_the_strongest_of_a_flood_are_kept() -> None:
    """Whatever form the result has, suppression never sees more."""
    scores = np.random.default_rng(5).uniform(0, 1, 40_000).astype(np.float32)
    found = np.arange(1, 40_000, dtype=np.intp)
    kept = _strongest(found, scores)
    assert len(kept) == 30_000
    assert set(kept) <= set(found)
    assert scores[kept].min() >= np.partition(scores[1:], -30_000)[-30_000]
    assert _strongest(found[:5], scores).tolist() == [1, 2, 3, 4, 5]


@given(_results(), st.floats(0.05, 0.95), st.sampled_from([None, (0,), (1, 3)]))
def test_candidates_are_decoded_as_the_whole_result(
    raw: NDArray[np.float32], confidence: float, class_ids: tuple[int, ...] | None
) -> None:
    """An engine that looks for the best class itself changes nothing."""
    selection = replace(_SELECTION, confidence=confidence, class_ids=class_ids)
    order = np.argsort(-raw[4:].max(axis=0), kind="stable")
    best = raw[:, order]
    candidates = Candidates(
        best[:4], best[4:].max(axis=0), best[4:].argmax(axis=0).astype(np.int32)
    )
    seen = Postprocessor(_LABELS)(candidates, _LETTERBOX, selection)
    expected = _decode(best, selection)
    assert _types(seen) == ["float32", "float32", "int32"]
    assert seen.xyxy.tolist() == expected.xyxy.tolist()
    assert seen.confidence.tolist() == expected.confidence.tolist()
    assert seen.class_id.tolist() == expected.class_id.tolist()


_NAN, _INF = float("nan"), float("inf")
_BAD = pytest.mark.parametrize(
    ("box", "score"),
    [
        ((100, 100, 200, 200), 2.5),
        ((100, 100, 200, 200), _INF),
        ((100, 100, 200, 200), _NAN),
        ((_NAN, 100, 200, 200), 0.9),
        ((100, _INF, 200, 200), 0.9),
        ((100, 100, -_INF, 200), 0.9),
        ((-1e30, -1e30, 1e30, 1e30), 0.9),
    ],
)
_GOOD = (300, 100, 400, 200)


def _assert_only_the_good_one(seen: Detections) -> None:
    assert seen.confidence.tolist() == [pytest.approx(0.8)]
    assert seen.class_id.tolist() == [1]
    assert np.isfinite(seen.xyxy).all()
    assert seen.discarded == 1


@_BAD
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_no_score_or_no_box_is_left_out_and_counted(
    box: tuple[float, float, float, float],
    score: float,
    multi_label: bool,  # noqa: FBT001  a table of cases
) -> None:
    """And costs no other one: a box of NaN overlaps with none, or with all."""
    raw = _raw((*box, {0: score}), (*_GOOD, {1: 0.8}))
    _assert_only_the_good_one(_decode(raw, replace(_SELECTION, multi_label=multi_label)))


@_BAD
@pytest.mark.filterwarnings("ignore:invalid value")
def test_so_it_is_of_what_a_gpu_has_chosen(
    box: tuple[float, float, float, float], score: float
) -> None:
    """Which are candidates already."""
    raw = _raw((*box, {0: score}), (*_GOOD, {1: 0.8}))
    scores, class_ids = np.array([score, 0.8], np.float32), np.array([0, 1], np.int32)
    candidates = Candidates(raw[:4], scores, class_ids)
    _assert_only_the_good_one(Postprocessor(_LABELS)(candidates, _LETTERBOX, _SELECTION))


def test_what_rounding_leaves_above_1_is_1() -> None:
    """Half precision and int8 overshoot a little."""
    seen = _decode(_raw((*_GOOD, {1: 1.004})))
    assert (seen.confidence.tolist(), seen.discarded) == ([1.0], 0)


def test_a_result_without_any_number_shows_nothing() -> None:
    """As of a network that overflowed: all of it is counted."""
    raw = np.full((4 + len(_LABELS), 50), np.nan, np.float32)
    seen = _decode(raw)
    assert (len(seen), seen.discarded) == (0, 50)


@given(st.integers(0, 2**32 - 1))
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow")
def test_whatever_comes_out_of_a_network_fits_the_schema(seed: int) -> None:
    """Random bits as floats: every score from 0 to 1, every box inside the picture."""
    random = np.random.default_rng(seed)
    raw = random.integers(0, 2**32, (8, 200), np.uint32).view(np.float32)
    for multi_label in (False, True):
        seen = _decode(raw, replace(_SELECTION, confidence=0.0, multi_label=multi_label))
        for values in (seen.confidence, seen.xyxy):
            assert ((values >= 0) & (values <= 1)).all()
