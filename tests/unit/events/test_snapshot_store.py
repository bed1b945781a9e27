"""Pictures of events stay inside their folder, within their bounds, and whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision.domain.snapshot import SnapshotFailure, SnapshotRemoval
from vision.events.snapshot_store import SnapshotStore, StoreObserver, snapshot_path

_DAY_S = 86_400
_NOW_S = 1_763_898_000.0
_JPEG = b"\xff\xd8 a picture"


class Clock:
    """UTC that a test moves."""

    def __init__(self) -> None:
        self.s = _NOW_S

    def __call__(self) -> float:
        """Seconds now."""
        return self.s


class Tally:
    """Writes down what a store says of itself."""

    def __init__(self) -> None:
        self.kept_of: list[str] = []
        self.failures: list[tuple[str, SnapshotFailure]] = []
        self.removals: list[SnapshotRemoval] = []
        self.looks: list[tuple[int, float | None]] = []

    def kept(self, camera: str) -> None:
        """Its camera."""
        self.kept_of.append(camera)

    def failed(self, camera: str, reason: SnapshotFailure) -> None:
        """Camera and reason."""
        self.failures.append((camera, reason))

    def removed(self, reason: SnapshotRemoval) -> None:
        """The reason."""
        self.removals.append(reason)

    def measured(self, held_bytes: int, oldest_s: float | None) -> None:
        """Both."""
        self.looks.append((held_bytes, oldest_s))


def event_id(number: int, camera: str = "front") -> str:
    """The id of an event."""
    return f"{camera}:1763898000123-{number}-0"


def store_in(
    folder: Path,
    clock: Clock | None = None,
    max_bytes: int = 10_000,
    observer: StoreObserver | None = None,
) -> SnapshotStore:
    """A store for a day."""
    return SnapshotStore(
        folder,
        max_age_s=_DAY_S,
        max_bytes=max_bytes,
        observer=observer,
        utc_s=clock or (lambda: _NOW_S),
    )


def kept(folder: Path) -> list[str]:
    """What lies in a folder, all of it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def taken_at(folder: Path, number: int, at_s: float) -> None:
    """Have a picture be from another time."""
    os.utime(folder / str(snapshot_path(event_id(number))), (at_s, at_s))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """One file for an event, under its camera; a better picture takes the place of the first."""
    store = store_in(tmp_path / "data" / "snapshots")
    assert store.read("front", event_id(1)) is None
    assert store.write(event_id(1), _JPEG)
    assert store.write(event_id(1), _JPEG + b", a better one")
    assert store.read("front", event_id(1)) == _JPEG + b", a better one"
    assert kept(tmp_path) == [f"data/snapshots/{snapshot_path(event_id(1))}"]
    assert snapshot_path(event_id(1)) == "front/front:1763898000123-1-0.jpg"


def test_others_cannot_read_it(tmp_path: Path) -> None:
    """Pictures show people: neither folder nor file is open to everybody."""
    store_in(tmp_path / "snapshots").write(event_id(1), _JPEG)
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
    if store.write(name, _JPEG):
        assert snapshot_path(name) in kept(folder)
    else:
        assert snapshot_path(name) is None
        assert store.read(name, name) is None
    assert store.read("..", name) is None
    assert all(found.startswith("deep/snapshots/") for found in kept(tmp_path))


def test_a_camera_shows_its_own_events_only(tmp_path: Path) -> None:
    """Who may see one camera's pictures by its path does not get another's."""
    store = store_in(tmp_path)
    store.write(event_id(1), _JPEG)
    assert store.read("yard", event_id(1)) is None


@pytest.mark.parametrize("place", ["front", f"front/{event_id(1)}.jpg"])
def test_links_are_not_followed(tmp_path: Path, place: str) -> None:
    """Neither a folder nor a file that is a link leads anywhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{event_id(1)}.jpg").write_bytes(_JPEG)
    folder = tmp_path / "snapshots"
    link = folder / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside if place == "front" else outside / f"{event_id(1)}.jpg")
    store = store_in(folder)
    assert store.read("front", event_id(1)) is None
    store.write(event_id(1), _JPEG + b", another")
    store.write(event_id(2), _JPEG)
    assert (outside / f"{event_id(1)}.jpg").read_bytes() == _JPEG
    assert len(list(outside.iterdir())) == 1


def test_old_pictures_go(tmp_path: Path) -> None:
    """What is older than it may be is removed within a minute, what is younger stays."""
    clock = Clock()
    store = store_in(tmp_path, clock)
    for number, age_s in ((1, _DAY_S - 30), (2, 60)):
        store.write(event_id(number), _JPEG)
        taken_at(tmp_path, number, _NOW_S - age_s)
    clock.s += 61
    store.sweep()
    assert kept(tmp_path) == [str(snapshot_path(event_id(2)))]


def test_the_oldest_make_way(tmp_path: Path) -> None:
    """The folder never holds more than it may for longer than one picture takes."""
    jpeg = _JPEG.ljust(1_000)
    store = store_in(tmp_path, max_bytes=10_000)
    for number in range(1, 31):
        store.write(event_id(number), jpeg)
        taken_at(tmp_path, number, _NOW_S - 100 + number)
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.jpg")) <= 10_000
    assert store.read("front", event_id(30)) == jpeg
    assert store.read("front", event_id(1)) is None
    assert not store.write(event_id(31), _JPEG.ljust(10_001))


def test_only_its_own_files_are_removed(tmp_path: Path) -> None:
    """What a person put there stays; what a writer left half done goes."""
    clock = Clock()
    store = store_in(tmp_path, clock)
    store.write(event_id(1), _JPEG)
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
    store.write(event_id(1), _JPEG)
    taken_at(tmp_path, 1, _NOW_S - 20 * _DAY_S)
    clock.s -= 10 * _DAY_S
    store.sweep()
    assert kept(tmp_path) == []


def test_a_disk_that_refuses_costs_the_picture_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file stands where the folder should be: it is said once, and nothing is raised."""
    (tmp_path / "snapshots").write_text("in the way")
    store = store_in(tmp_path / "snapshots")
    assert not store.write(event_id(1), _JPEG)
    assert not store.write(event_id(2), _JPEG)
    assert store.read("front", event_id(1)) is None
    assert [record.getMessage().split()[0] for record in caplog.records] == ["snapshots.failed"]


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    """As after a power cut."""
    store = store_in(tmp_path)
    store.write(event_id(1), _JPEG)
    (tmp_path / str(snapshot_path(event_id(1)))).write_bytes(b"")
    assert store.read("front", event_id(1)) is None


def test_it_tells_what_becomes_of_pictures(tmp_path: Path) -> None:
    """What is kept, what goes for its age and what makes room; what is left, and how old that is."""
    clock, tally = Clock(), Tally()
    store = store_in(tmp_path, clock, max_bytes=1_000, observer=tally)
    for number, age_s in ((1, _DAY_S + 1), (2, 60), (3, 50)):
        store.write(event_id(number), _JPEG.ljust(400))
        taken_at(tmp_path, number, _NOW_S - age_s)
    assert tally.kept_of == ["front"] * 3
    # The third was too much: that is looked at without waiting for the minute.
    assert tally.removals == [SnapshotRemoval.AGE]
    assert tally.looks.pop() == (800, _NOW_S - 60)
    store.write(event_id(4), _JPEG.ljust(400))
    assert tally.removals == [SnapshotRemoval.AGE, SnapshotRemoval.SIZE]
    assert tally.looks.pop() == (800, _NOW_S - 50)
    clock.s += 2 * _DAY_S
    for number in (3, 4):
        taken_at(tmp_path, number, _NOW_S)
    store.sweep()
    assert tally.looks.pop() == (0, None)
    assert not tally.failures


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, SnapshotFailure.FULL),
        (errno.EDQUOT, SnapshotFailure.FULL),
        (errno.EACCES, SnapshotFailure.DENIED),
        (errno.EROFS, SnapshotFailure.DENIED),
        (errno.EIO, SnapshotFailure.IO),
    ],
)
def test_it_tells_why_a_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: SnapshotFailure
) -> None:
    """In words of its own: an operator does something else about each."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    tally = Tally()
    store = store_in(tmp_path, observer=tally)
    monkeypatch.setattr("vision.events.snapshot_store.os.replace", refuse)
    assert not store.write(event_id(1), _JPEG)
    assert not store.write(event_id(1), _JPEG.ljust(10_001))
    assert tally.failures == [("front", reason), ("front", SnapshotFailure.TOO_LARGE)]
    assert not tally.kept_of
    assert kept(tmp_path) == []


def test_a_folder_that_cannot_be_swept_is_not_asked_at_every_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a minute, even while it holds more than it may."""
    clock, asked = Clock(), []

    def refuse(path: Path, **_: object) -> None:
        asked.append(path)
        raise PermissionError(errno.EACCES, "no")

    store = store_in(tmp_path, clock, max_bytes=1_000)
    monkeypatch.setattr(Path, "unlink", refuse)
    for number in range(3):
        store.write(event_id(number), _JPEG.ljust(400))
    assert len(asked) == 1
    for _ in range(3):
        store.sweep()
    assert len(asked) == 1
    clock.s += 61
    store.sweep()
    assert len(asked) == 2
