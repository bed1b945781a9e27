"""The motion gate behind a real camera: still scenes at the refresh rate, movement at once."""

from __future__ import annotations

import itertools
import statistics
from pathlib import Path
from typing import Literal

import pytest

from simulator.clip import Clip
from simulator.server import Server
from tests.support.clips import make_clip
from tests.support.ingest import Ingest, ingesting
from tests.support.waiting import wait_until
from vision.domain.frame import FrameMeta

pytestmark = pytest.mark.integration

_REFRESH_S = 1.5
_MOTION = {"enabled": True, "hold_s": 0.5, "refresh_s": _REFRESH_S}
# Frames come 0.1 s apart, and a busy machine reads some of them late.
_LATE_S = 1.0


def gaps_s(metas: list[FrameMeta]) -> list[float]:
    """Seconds between the arrivals of frames that passed."""
    arrived_s = [meta.received_mono_ns / 1e9 for meta in metas]
    return [later - earlier for earlier, later in itertools.pairwise(arrived_s)]


def wait_until_still(ingest: Ingest) -> int:
    """Wait for two refreshes in a row, in time; returns how many frames had come by then."""

    def is_still() -> bool:
        gaps = gaps_s(ingest.metas[-3:])
        if len(gaps) < 2 or min(gaps) < _REFRESH_S / 2 or max(gaps) > _REFRESH_S + _LATE_S:
            return False
        # Between two refreshes lie fourteen frames of ten a second, on a machine that is not late.
        return 12 <= ingest.metas[-1].gated - ingest.metas[-2].gated <= 16

    wait_until(is_still, "a still scene at the refresh rate")
    return len(ingest.metas)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_still_scene_comes_at_the_refresh_rate_and_movement_at_once(
    codec: Literal["h264", "hevc"], tmp_path: Path
) -> None:
    """Every frame that passed the pace is numbered or counted as held back."""
    still = Clip.load(make_clip(tmp_path / "still.mp4", codec, pattern="still"))
    moving = Clip.load(make_clip(tmp_path / "moving.mp4", codec))
    with (
        Server({"front": still}) as server,
        ingesting(server.url("front"), fps=10, motion=_MOTION) as ingest,
    ):
        seen = wait_until_still(ingest)
        wait_until(lambda: ingest.monitor.view().is_still, "the gate to be shut")
        server.cameras["front"].show(moving)
        ingest.wait_for_frames(20)
        wait_until(lambda: not ingest.monitor.view().is_still, "the gate to be open")
        view, metas = ingest.monitor.view(), list(ingest.metas)
        overtaken = ingest.overtaken
    # At most one more refresh was under way when the movement began; then all frames pass.
    moved = metas[seen + 2 :]
    assert len({meta.gated for meta in moved}) == 1
    assert statistics.median(gaps_s(moved)) <= _LATE_S
    # On a busy machine one may overtake another before this process has seen it.
    seqs = [meta.seq for meta in metas]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] - len(seqs) <= overtaken
    held = [later.gated - earlier.gated for earlier, later in itertools.pairwise(metas)]
    assert min(held) >= 0
    assert view.gate["passed"] == pytest.approx(metas[-1].seq, abs=5)
    assert view.gate["held"] == metas[-1].gated
    assert view.gate["opened"] == view.gate["closed"] + 1


def test_without_a_gate_nothing_is_held_back(tmp_path: Path) -> None:
    """It is off unless somebody turns it on."""
    still = Clip.load(make_clip(tmp_path / "still.mp4", pattern="still"))
    with Server({"front": still}) as server, ingesting(server.url("front"), fps=10) as ingest:
        ingest.wait_for_frames(30)
        view = ingest.monitor.view()
    assert {(meta.gated, meta.refresh_s) for meta in ingest.metas} == {(0, 0.0)}
    assert (view.gate, view.is_still) == ({}, False)


def test_a_lost_connection_opens_the_gate_and_the_count_goes_on(tmp_path: Path) -> None:
    """Who knows what happened meanwhile."""
    still = Clip.load(make_clip(tmp_path / "still.mp4", pattern="still"))
    with (
        Server({"front": still}) as server,
        ingesting(server.url("front"), fps=10, motion=_MOTION) as ingest,
    ):
        seen = wait_until_still(ingest)
        server.cut()
        wait_until(lambda: len(ingest.metas) >= seen + 5, "frames of a new connection")
    assert len({meta.run for meta in ingest.metas}) == 1
    again = ingest.metas[seen + 1 : seen + 4]
    assert len({meta.gated for meta in again}) == 1
    assert again[0].gated >= ingest.metas[seen - 1].gated > 0
