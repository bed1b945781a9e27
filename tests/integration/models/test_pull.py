"""Pulling over a real connection: continued, checked, and all or nothing."""

from __future__ import annotations

import multiprocessing
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import model_files
from tests.support.file_server import ServedFile, serving
from tests.support.waiting import wait_until
from vision.domain.errors import ArtefactError
from vision.models.catalogue import Artefact, UrlSource
from vision.models.folders import Folders
from vision.models.progress import NoProgress, ReachedBytes, TransferProgress
from vision.models.pull import pull

pytestmark = pytest.mark.integration

_CONTENT = random.Random(7).randbytes(700_000)
_NOWHERE = "http://127.0.0.1:1/file"


@dataclass
class SeenProgress:
    """Keeps what it is told."""

    titles: list[str] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)

    @contextmanager
    def transfer(self, title: str, total_bytes: int) -> Iterator[ReachedBytes]:
        """Keep it."""
        assert total_bytes == len(_CONTENT)
        self.titles.append(title)
        yield self.reached.append


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Empty ones."""
    return Folders(tmp_path / "models", tmp_path / "cache")


def _wanted(*urls: str, content: bytes = _CONTENT) -> Artefact:
    return model_files.artefact("m.onnx", content, *map(UrlSource, urls))


def _pull(artefact: Artefact, folders: Folders, progress: TransferProgress | None = None) -> Path:
    return pull(artefact, folders.models, folders, progress or NoProgress())


def _left(folders: Folders) -> list[str]:
    return sorted(path.name for path in folders.models.iterdir())


def test_a_file_is_pulled(folders: Folders) -> None:
    """Whole, with progress to the last byte, and nothing beside it."""
    progress = SeenProgress()
    with serving(ServedFile(_CONTENT)) as url:
        path = _pull(_wanted(url), folders, progress)
    assert path.read_bytes() == _CONTENT
    assert _left(folders) == ["m.onnx"]
    assert progress.titles == ["m.onnx"]
    assert progress.reached == sorted(progress.reached)
    assert progress.reached[-1] == len(_CONTENT)


def test_what_is_there_is_not_pulled_again(folders: Folders) -> None:
    """Its source need not be reachable."""
    path = model_files.put(folders.models, "m.onnx", _CONTENT)
    assert _pull(_wanted(_NOWHERE), folders) == path


def test_a_transfer_that_breaks_is_continued(folders: Folders) -> None:
    """Where it ended, as often as something arrives in between."""
    served = ServedFile(_CONTENT, cut_after=[100_000, 50_000, 300_000])
    with serving(served) as url:
        path = _pull(_wanted(url), folders)
    assert path.read_bytes() == _CONTENT
    assert served.requests == [None, "bytes=100000-", "bytes=150000-", "bytes=450000-"]


def test_a_server_without_ranges_starts_over(folders: Folders) -> None:
    """And the file is right all the same."""
    served = ServedFile(_CONTENT, ranges=False, cut_after=[100_000, 200_000])
    with serving(served) as url:
        path = _pull(_wanted(url), folders)
    assert path.read_bytes() == _CONTENT
    assert len(served.requests) == 3


def test_a_broken_download_leaves_nothing_usable(folders: Folders) -> None:
    """Only a part, which the next call continues."""
    served = ServedFile(_CONTENT, cut_after=[100_000, 0])
    with serving(served) as url:
        with pytest.raises(ArtefactError, match="the transfer") as raised:
            _pull(_wanted(url), folders)
        assert "\n" not in str(raised.value)
        (part,) = _left(folders)
        assert part.startswith(".m.onnx.")
        assert part.endswith(".part")
        path = _pull(_wanted(url), folders)
    assert path.read_bytes() == _CONTENT
    assert served.requests[-1] == "bytes=100000-"
    assert _left(folders) == ["m.onnx"]


def test_other_bytes_are_refused_and_deleted(folders: Folders) -> None:
    """One line with both hashes; nothing is left."""
    other = bytes(len(_CONTENT))
    with serving(ServedFile(other)) as url, pytest.raises(ArtefactError) as raised:
        _pull(_wanted(url), folders)
    line = str(raised.value)
    assert "\n" not in line
    assert model_files.sha256(other)[:12] in line
    assert model_files.sha256(_CONTENT)[:12] in line
    assert _left(folders) == []


@pytest.mark.parametrize("endless", [False, True])
def test_a_larger_file_is_refused_without_filling_the_disk(
    folders: Folders, *, endless: bool
) -> None:
    """It ends with the first bytes too many."""
    with (
        serving(ServedFile(_CONTENT + b"!", endless=endless)) as url,
        pytest.raises(ArtefactError, match="is larger than the 700000 bytes"),
    ):
        _pull(_wanted(url), folders)
    assert _left(folders) == []


def test_a_smaller_file_is_refused(folders: Folders) -> None:
    """The server has another file: its part is of no use to anybody."""
    with serving(ServedFile(_CONTENT[:-1])) as url, pytest.raises(ArtefactError, match="416"):
        _pull(_wanted(url), folders)
    assert _left(folders) == []


def test_a_server_that_sends_another_range_is_not_believed(folders: Folders) -> None:
    """Its bytes would be put in the wrong place."""
    served = ServedFile(_CONTENT, cut_after=[100_000], shift=10)
    with serving(served) as url, pytest.raises(ArtefactError, match="another range"):
        _pull(_wanted(url), folders)
    assert _left(folders) == []


def test_the_next_source_is_asked(folders: Folders) -> None:
    """One that cannot be reached, one that has it not, one that has other bytes, the right one."""
    with (
        serving(ServedFile(_CONTENT, status=404)) as missing,
        serving(ServedFile(bytes(len(_CONTENT)))) as other,
        serving(ServedFile(_CONTENT)) as right,
    ):
        path = _pull(_wanted(_NOWHERE, missing, other, right), folders)
    assert path.read_bytes() == _CONTENT


def test_every_source_is_named_when_none_has_it(folders: Folders) -> None:
    """With its own reason, in one line."""
    with (
        serving(ServedFile(_CONTENT, status=503)) as busy,
        pytest.raises(ArtefactError) as raised,
    ):
        _pull(_wanted(_NOWHERE, busy), folders)
    line = str(raised.value)
    assert "\n" not in line
    assert f"{_NOWHERE}: cannot be reached" in line
    assert f"{busy}: the server said 503" in line


def test_a_file_of_somebody_else_is_not_overwritten(folders: Folders) -> None:
    """It could be the only copy of a model trained at home."""
    path = model_files.put(folders.models, "m.onnx", b"mine")
    with serving(ServedFile(_CONTENT)) as url, pytest.raises(ArtefactError, match="move it away"):
        _pull(_wanted(url), folders)
    assert path.read_bytes() == b"mine"


def test_an_artefact_without_a_source_is_only_recognised(folders: Folders) -> None:
    """The error says so."""
    with pytest.raises(ArtefactError, match="names no source"):
        _pull(_wanted(), folders)


def test_a_full_or_read_only_disk_is_named(folders: Folders) -> None:
    """Here: a file where the folder should be."""
    folders.cache.parent.mkdir(parents=True, exist_ok=True)
    folders.models.touch()
    with pytest.raises(ArtefactError, match="cannot be written"):
        _pull(_wanted(_NOWHERE), folders)


def test_processes_that_pull_at_a_time_wait_for_one_another(folders: Folders) -> None:
    """The file travels once, and both have it."""
    served = ServedFile(_CONTENT, hold=threading.Event())
    context = multiprocessing.get_context("spawn")
    with serving(served) as url:
        processes = [context.Process(target=_pull, args=(_wanted(url), folders)) for _ in range(2)]
        for process in processes:
            process.start()
        assert served.hold is not None
        # One waits for bytes, the other one for the first.
        wait_until(lambda: served.arrived.is_set() and _lock_waiters(folders) == 1, "both")
        served.hold.set()
        for process in processes:
            process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(served.requests) == 1
    assert (folders.models / "m.onnx").read_bytes() == _CONTENT


def _lock_waiters(folders: Folders) -> int:
    """How many wait for a lock in our folder (proc_locks(5))."""
    ours = {str(path.stat().st_ino) for path in folders.locks.iterdir()}
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    waiting = [words for words in lines if words[1] == "->"]
    return sum(words[6].rsplit(":", 1)[1] in ours for words in waiting)
