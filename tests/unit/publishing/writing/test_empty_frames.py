"""Which empty frames are told of, and that none is forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import PERSON, RUN, detection
from vision.domain.message import DetectionMessage
from vision.publishing.writing.empty_frames import EmptyFrames


@dataclass(frozen=True)
class _Step:
    """Some frames that were not inferred, then one that was; perhaps in a new run."""

    skipped: int
    is_empty: bool
    restarts: bool


_STEPS = st.lists(st.builds(_Step, st.integers(0, 4), st.booleans(), st.sampled_from([0, 0, 0, 1])))


def _messages(steps: list[_Step], camera: str = "front") -> list[DetectionMessage]:
    """What inference hands over: each seq is explained by what it skipped."""
    messages, run, seq = [], RUN, 0
    for step in steps:
        if step.restarts:
            run, seq = run + 1000, 0
        seq += step.skipped + 1
        found = () if step.is_empty else (PERSON,)
        messages.append(
            detection(seq, camera=camera, run=run, skipped=step.skipped, detections=found)
        )
    return messages


def assert_gapless(messages: list[DetectionMessage]) -> None:
    """The contract of ``seq`` and ``skipped``, as a subscriber checks it."""
    run, previous = "", 0
    for message in messages:
        if message.run != run:
            run, previous = message.run, 0
        assert message.seq == previous + 1 + message.skipped
        previous = message.seq


@given(_STEPS)
def test_always_passes_everything_on(steps: list[_Step]) -> None:
    """Under ``always`` nothing is kept back or changed."""
    policy, messages = EmptyFrames("always"), _messages(steps)
    assert [policy.pass_on(message) for message in messages] == messages


@given(_STEPS)
def test_on_change_leaves_no_gap(steps: list[_Step]) -> None:
    """Whatever is kept back, the message after it accounts for it."""
    policy = EmptyFrames("on_change")
    passed = [policy.pass_on(message) for message in _messages(steps)]
    assert_gapless([message for message in passed if message is not None])


@given(_STEPS)
def test_on_change_keeps_back_only_repeated_emptiness(steps: list[_Step]) -> None:
    """A frame with something in it, a change and the start of a run are always told of."""
    policy = EmptyFrames("on_change")
    told: DetectionMessage | None = None
    for message in _messages(steps):
        passed = policy.pass_on(message)
        repeats = told is not None and told.run == message.run and not told.detections
        if message.detections or not repeats:
            assert passed is not None
            assert passed.detections == message.detections
            told = passed
        else:
            assert passed is None


@given(_STEPS, _STEPS)
def test_cameras_do_not_mix(front: list[_Step], yard: list[_Step]) -> None:
    """What one camera keeps back never shows in another's messages."""
    together = EmptyFrames("on_change")
    apart = EmptyFrames("on_change")
    both = [_messages(front, "front"), _messages(yard, "yard")]
    alone = [[apart.pass_on(message) for message in messages] for messages in both]
    mixed: list[list[DetectionMessage | None]] = [[], []]
    for position in range(max(len(messages) for messages in both)):
        for number, messages in enumerate(both):
            if position < len(messages):
                mixed[number].append(together.pass_on(messages[position]))
    assert mixed == alone
