"""The order and time in which a camera sends, and its faults."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.camera import Camera, Faults, Timeline
from simulator.clip import AccessUnit, Clip, Codec
from vision.domain.errors import ConfigError

FRAME = 9000
# Decoding order of a clip with two B-frames: the place each unit is shown at.
B_FRAMES = [0, 3, 1, 2, 6, 4, 5]


def clip_of(shown: list[int], codec: Codec = Codec.H264) -> Clip:
    """A clip whose units are shown at these places; unit n holds the one NAL unit ``n``."""
    lead = max(place - at for at, place in enumerate(shown))
    units = [
        AccessUnit((bytes([place]),), lag=(at - place + lead) * FRAME, step=FRAME)
        for at, place in enumerate(shown)
    ]
    return Clip(codec, (b"\x67abc", b"\x68"), tuple(units))


def run(timeline: Timeline, count: int) -> list[tuple[int, int, int]]:
    """Place, due time and timestamp of the next units."""
    sent = []
    for _ in range(count):
        sent.append((timeline.unit.nals[0][0], timeline.due, timeline.timestamp))
        timeline.advance()
    return sent


@pytest.mark.parametrize("shown", [list(range(7)), B_FRAMES])
def test_rounds_follow_without_a_jump(shown: list[int]) -> None:
    """Over many rounds all is sent and shown at one even pace, in decoding order."""
    sent = run(Timeline(Camera(clip_of(shown))), 7 * 50)

    assert [place for place, _, _ in sent] == shown * 50
    assert [due for _, due, _ in sent] == [at * FRAME for at in range(350)]
    times = sorted(timestamp for _, _, timestamp in sent)
    assert np.diff(times).tolist() == [FRAME] * 349
    places = [place for place, _, _ in sorted(sent, key=lambda unit: unit[2])]
    assert places == [*range(7)] * 50


@given(
    st.sampled_from([list(range(7)), B_FRAMES, [0]]),
    st.lists(st.sampled_from(["go", "freeze", "thaw", "show", "postpone"]), max_size=60),
)
def test_faults_never_turn_time_back(shown: list[int], events: list[str]) -> None:
    """Nothing is due before what was sent, and a key frame is shown after all before it."""
    camera = Camera(clip_of(shown))
    timeline = Timeline(camera)
    sent: list[tuple[int, int, int]] = []
    for event in events:
        if event == "go":
            sent += run(timeline, 1)
        elif event == "show":
            camera.show(clip_of(B_FRAMES))
        elif event == "postpone":
            timeline.postpone(timeline.due + FRAME // 2)
        else:
            camera.faults.freeze = event == "freeze"
    assert [due for _, due, _ in sent] == sorted(due for _, due, _ in sent)
    assert all(timestamp <= due for _, due, timestamp in sent)
    for at, (place, _, timestamp) in enumerate(sent):
        if place == 0:
            assert all(earlier < timestamp for _, _, earlier in sent[:at])


def test_freeze_repeats_the_key_frame_and_goes_on_after_it() -> None:
    """While frozen the first key frame comes at the usual pace; then what follows it."""
    camera = Camera(clip_of(list(range(7))))
    timeline = Timeline(camera)
    run(timeline, 3)

    camera.faults.freeze = True
    frozen = run(timeline, 5)
    camera.faults.freeze = False
    after = run(timeline, 3)

    # The unit that was next when it froze is sent still.
    assert [place for place, _, _ in frozen] == [3, 0, 0, 0, 0]
    assert [place for place, _, _ in after] == [0, 1, 2]
    assert [due for _, due, _ in frozen + after] == [at * FRAME for at in range(3, 11)]


def test_slowdown_stretches_time() -> None:
    """Twice as long per frame, by the clock and by the timestamps."""
    camera = Camera(clip_of(B_FRAMES))
    camera.faults.slowdown = 2.0

    sent = run(Timeline(camera), 14)

    assert [due for _, due, _ in sent] == [at * 2 * FRAME for at in range(14)]
    assert np.diff(sorted(timestamp for _, _, timestamp in sent)).tolist() == [2 * FRAME] * 13


def test_another_clip_begins_at_its_start() -> None:
    """A camera that changes its picture does so with a key frame, one frame later."""
    camera = Camera(clip_of(list(range(7))))
    timeline = Timeline(camera)
    run(timeline, 4)

    camera.show(clip_of(list(range(3))))

    assert [(place, due) for place, due, _ in run(timeline, 3)] == [
        (4, 4 * FRAME),
        (0, 5 * FRAME),
        (1, 6 * FRAME),
    ]


def test_codec_cannot_change() -> None:
    """Viewers were told the codec when they came."""
    camera = Camera(clip_of([0]))

    with pytest.raises(ConfigError, match="H264 cannot change to H265"):
        camera.show(clip_of([0], Codec.H265))


def test_loss_and_corruption_strike_their_share() -> None:
    """About the share asked for is gone or has one bit flipped, never in the RTP header."""
    packets = [bytes(12) + bytes([7] * 50) for _ in range(4000)]

    kept = Faults(loss=0.25, random=np.random.default_rng(1)).impair(packets)
    damaged = Faults(corruption=0.25, random=np.random.default_rng(1)).impair(packets)

    assert len(kept) == pytest.approx(3000, rel=0.05)
    assert len(damaged) == len(packets)
    flipped = [
        sum((a ^ b).bit_count() for a, b in zip(before, after, strict=True))
        for before, after in zip(packets, damaged, strict=True)
    ]
    assert sum(flipped) == pytest.approx(1000, rel=0.1)
    assert max(flipped) == 1
    assert {packet[:12] for packet in damaged} == {bytes(12)}


def test_same_seed_same_faults() -> None:
    """A fault that was seen once can be had again."""
    packets = [bytes(100)] * 200

    first, second = (
        Faults(loss=0.3, corruption=0.3, random=np.random.default_rng(5)).impair(packets)
        for _ in range(2)
    )

    assert first == second


def test_healthy_camera_changes_nothing() -> None:
    """Without faults the packets are passed on as they are."""
    packets = [bytes(100)] * 3

    assert Faults().impair(packets) == packets
