"""Commands to a simulator that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator import QUIRKS, Clip, Control, Server
from simulator.clip import AccessUnit, Codec
from vision.domain.errors import ConfigError


def clip(codec: Codec = Codec.H264) -> Clip:
    """A clip of one unit."""
    return Clip(codec, (b"\x67abc", b"\x68"), (AccessUnit((b"\x65",), lag=0, step=9000),))


def no_clip(path: Path) -> Clip:
    """What cannot be loaded."""
    raise ConfigError(f"{path} cannot be read")


def server() -> Server:
    """Two cameras, nobody listening."""
    return Server({"front": clip(), "yard": clip()})


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("stall=on", "stall", True),
        ("stall=off", "stall", False),
        ("loss=0.25", "loss", 0.25),
        ("clock_offset_s=-10", "clock_offset_s", -10.0),
        ("clock_drift=0.02", "clock_drift", 0.02),
        ("first_timestamp=4294967295", "first_timestamp", 4294967295),
        ("first_timestamp=none", "first_timestamp", None),
        ("gone=on", "gone", True),
    ],
)
def test_a_word_sets_a_fault_of_one_camera(word: str, name: str, value: object) -> None:
    """And of no other."""
    cameras = server()
    before = getattr(cameras.cameras["yard"].faults, name)
    assert [*Control(cameras, no_clip).answers([f"front {word}\n"])] == ["ok"]
    assert getattr(cameras.cameras["front"].faults, name) == value
    assert getattr(cameras.cameras["yard"].faults, name) == before


def test_a_star_means_all() -> None:
    """Several words are carried out in their order."""
    cameras = server()
    Control(cameras, no_clip).obey("* stall=on loss=0.5 cut")
    for camera in cameras.cameras.values():
        assert (camera.faults.stall, camera.faults.loss) == (True, 0.5)


def test_a_seed_makes_chance_the_same_again() -> None:
    """The same packets are hit."""
    drawn = []
    for _ in range(2):
        cameras = server()
        Control(cameras, no_clip).obey("front seed=7")
        drawn.append(cameras.cameras["front"].faults.random.integers(1 << 30))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("name", QUIRKS)
def test_a_quirk_is_turned_on_and_off_by_its_name(name: str) -> None:
    """Beside others, and on one camera alone."""
    cameras = server()
    control = Control(cameras, no_clip)
    other = next(each for each in QUIRKS if each != name)
    assert [*control.answers([f"front {name}=on {other}=on {name}=on"])] == ["ok"]
    assert [*cameras.cameras["front"].faults.quirks] == [QUIRKS[other], QUIRKS[name]]
    assert cameras.cameras["yard"].faults.quirks == ()
    assert [*control.answers([f"front {name}=off", f"front {name}=maybe"])] == [
        "ok",
        f"error: {name}=maybe: give on or off",
    ]
    assert [*cameras.cameras["front"].faults.quirks] == [QUIRKS[other]]


def test_another_clip_is_shown() -> None:
    """Unless its codec is not the one that viewers were told."""
    cameras = server()
    other, wrong = clip(), clip(Codec.H265)
    Control(cameras, lambda _: other).obey("front show=a.mp4")
    assert cameras.cameras["front"].clip is other
    answers = [*Control(cameras, lambda _: wrong).answers(["front show=b.mp4"])]
    assert answers == ["error: a stream of H264 cannot change to H265"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("gate stall=on", "no camera 'gate': known are front, yard and *"),
        ("front", "front: nothing to do"),
        ("front fly=on", "no fault 'fly'"),
        ("front stall=maybe", "stall=maybe: give on or off"),
        ("front loss=2", "loss=2: give a share from 0 to 1"),
        ("front loss=nan", "loss=nan: give a share"),
        ("front slowdown=0", "slowdown=0: give a number above 0"),
        ("front clock_offset_s=inf", "clock_offset_s=inf: give a number"),
        ("front seed=-1", "seed=-1: give a whole number"),
        ("front show=missing.mp4", "missing.mp4 cannot be read"),
        ("front stall=on fly=on", "no fault 'fly'"),
    ],
)
def test_a_wrong_line_is_answered_and_changes_nothing(line: str, complaint: str) -> None:
    """With what is wrong and what there is."""
    cameras = server()
    (answer,) = Control(cameras, no_clip).answers([line, "\n"])
    assert answer.startswith("error: ")
    assert complaint in answer
    assert not cameras.cameras["front"].faults.stall


_WORDS: Any = st.sampled_from(
    [
        "front",
        "*",
        "cut",
        "stall=",
        "seed=1",
        "loss=1e999",
        "first_timestamp=²",
        "random=1",
        "show=",
    ]
)


@given(st.lists(st.text(max_size=20) | _WORDS, max_size=5).map(" ".join))
@example("front first_timestamp=" + "9" * 5000)
@example("front seed=" + "9" * 5000)
def test_any_line_is_answered_with_one(line: str) -> None:
    """Nothing that is typed ends the simulator."""
    answers = [*Control(server(), no_clip).answers([line])]
    assert len(answers) <= 1
    assert all(len(answer.splitlines()) == 1 for answer in answers)
