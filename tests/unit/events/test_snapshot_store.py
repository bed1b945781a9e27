"""Pictures of events stay inside their folder, within their bounds, and whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.snapshots import (
    DAY_S,
    JPEG,
    NOW_S,
    Clock,
    event_id,
    kept,
    store_in,
    taken_at,
)
from vision.events.snapshot_store import snapshot_path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """One file for an event, under its camera; a better picture takes the place of the first."""
    store = store_in(tmp_path / "data" / "snapshots")
    assert store.read("front", event_id(1)) is None
    assert store.write(event_id(1), JPEG)
    assert store.write(event_id(1), JPEG + b", a better one")
    assert store.read("front", event_id(1)) == JPEG + b", a better one"
    assert kept(tmp_path) == [f"data/snapshots/{snapshot_path(event_id(1))}"]
    assert snapshot_path(event_id(1)) == "front/front:1763898000123-1-0.jpg"


def test_others_cannot_read_it(tmp_path: Path) -> None:
    """Pictures show people: neither folder nor file is open to everybody."""
    store_in(tmp_path / "snapshots").write(event_id(1), JPEG)
    for path in (tmp_path / "snapshots").rglob("*"):
        assert path.stat().st_mode & 0o007 == 0


_NAMES = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"[a-z./:%-]{0,20}:?[0-9./-]{0,20}", fullmatch=True),
    st.sampled_from(
        [
            "../front:1-1-0",
            "front/../../x:1-1-0",
            "front:1-1-0\n",
            "front:1-1-0\0",
            ".:1-1-0",
            "..:1-1-0",
            "front:1-1-0.jpg",
            "/etc/passwd",
            "front:" + "1" * 200 + "-1-0",
            "frönt:1-1-0",
            "front:\uff11-1-0",
        ]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(_NAMES)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """A name that is no id of an event is neither written nor read, whatever stands in it."""
    folder = tmp_path / "deep" / "snapshots"
    store = store_in(folder)
    if store.write(name, JPEG):
        assert snapshot_path(name) in kept(folder)
    else:
        assert snapshot_path(name) is None
        assert store.read(name, name) is None
    assert store.read("..", name) is None
    assert all(found.startswith("deep/snapshots/") for found in kept(tmp_path))


def test_a_camera_shows_its_own_events_only(tmp_path: Path) -> None:
    """Who may see one camera's pictures by its path does not get another's."""
    store = store_in(tmp_path)
    store.write(event_id(1), JPEG)
    assert store.read("yard", event_id(1)) is None


@pytest.mark.parametrize("place", ["front", f"front/{event_id(1)}.jpg"])
def test_links_are_not_followed(tmp_path: Path, place: str) -> None:
    """Neither a folder nor a file that is a link leads anywhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{event_id(1)}.jpg").write_bytes(JPEG)
    folder = tmp_path / "snapshots"
    link = folder / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside if place == "front" else outside / f"{event_id(1)}.jpg")
    store = store_in(folder)
    assert store.read("front", event_id(1)) is None
    store.write(event_id(1), JPEG + b", another")
    store.write(event_id(2), JPEG)
    assert (outside / f"{event_id(1)}.jpg").read_bytes() == JPEG
    assert len(list(outside.iterdir())) == 1


def test_old_pictures_go(tmp_path: Path) -> None:
    """What is older than it may be is removed within a minute, what is younger stays."""
    clock = Clock()
    store = store_in(tmp_path, clock)
    for number, age_s in ((1, DAY_S - 30), (2, 60)):
        store.write(event_id(number), JPEG)
        taken_at(tmp_path, number, NOW_S - age_s)
    clock.s += 61
    store.sweep()
    assert kept(tmp_path) == [str(snapshot_path(event_id(2)))]


def test_the_oldest_make_way(tmp_path: Path) -> None:
    """The folder never holds more than it may for longer than one picture takes."""
    jpeg = JPEG.ljust(1_000)
    store = store_in(tmp_path, max_bytes=10_000)
    for number in range(1, 31):
        store.write(event_id(number), jpeg)
        taken_at(tmp_path, number, NOW_S - 100 + number)
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.jpg")) <= 10_000
    assert store.read("front", event_id(30)) == jpeg
    assert store.read("front", event_id(1)) is None
    assert not store.write(event_id(31), JPEG.ljust(10_001))


def test_only_its_own_files_are_removed(tmp_path: Path) -> None:
    """What a person put there stays; what a writer left half done goes."""
    clock = Clock()
    store = store_in(tmp_path, clock)
    store.write(event_id(1), JPEG)
    own = tmp_path / "front" / "holiday.jpg"
    half = tmp_path / "front" / f".{event_id(2)}.4711.part"
    for path in (own, half, tmp_path / "notes.txt"):
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    clock.s += 61
    store.sweep()
    assert {own.name, "notes.txt"} <= {path.name for path in tmp_path.rglob("*")}
    assert not half.exists()


def test_a_clock_that_was_set_back_does_not_stop_the_sweeping(tmp_path: Path) -> None:
    """The next look is a minute away at most, by whatever clock."""
    clock = Clock()
    store = store_in(tmp_path, clock)
    store.write(event_id(1), JPEG)
    taken_at(tmp_path, 1, NOW_S - 20 * DAY_S)
    clock.s -= 10 * DAY_S
    store.sweep()
    assert kept(tmp_path) == []


def test_a_disk_that_refuses_costs_the_picture_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file stands where the folder should be: it is said once, and nothing is raised."""
    (tmp_path / "snapshots").write_text("in the way")
    store = store_in(tmp_path / "snapshots")
    assert not store.write(event_id(1), JPEG)
    assert not store.write(event_id(2), JPEG)
    assert store.read("front", event_id(1)) is None
    assert [record.getMessage().split()[0] for record in caplog.records] == ["snapshots.failed"]


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    """As after a power cut."""
    store = store_in(tmp_path)
    store.write(event_id(1), JPEG)
    (tmp_path / str(snapshot_path(event_id(1)))).write_bytes(b"")
    assert store.read("front", event_id(1)) is None
