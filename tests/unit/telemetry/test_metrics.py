"""Metrics are what docs/metrics.md says, by Prometheus' conventions, with closed sets of labels."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.web import camera_view
from vision.bridges.metrics import BridgeMetrics
from vision.cli.metrics_table import families, metrics_markdown
from vision.domain.detections import ModelInfo
from vision.domain.narration import TEMPLATE
from vision.domain.status import CameraState
from vision.events.metrics import EventMetrics
from vision.events.snapshot_store import SnapshotFailure, SnapshotRemoval
from vision.narration.metrics import NarrationMetrics
from vision.resilience.breaker import BreakerState
from vision.telemetry.camera_view import CameraCounts
from vision.telemetry.family import ALL, Kind, Role
from vision.telemetry.metrics import NodeMetrics
from vision.telemetry.redaction import Redactor

_DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
_SECRET = "hunter2-long"
_MODEL = ModelInfo("yolov8n", "ab" * 32, "openvino", ("person",))
# What prometheus_client tells of its own process, under names that are common to all exporters.
_PROCESS = re.compile(r"process_\w+")


def metrics_of(role: Role, counts: CameraCounts | None = None) -> NodeMetrics:
    """Those of a role with one camera, each used once."""
    view = replace(camera_view("front"), counts=counts or CameraCounts(gate={"opened": 1}))
    if role == "narrate":
        narrating = NarrationMetrics()
        narrating.know_provider("cloud", lambda: BreakerState.OPEN)
        narrating.know_narrators("front", ["cloud", TEMPLATE])
        return narrating
    if role == "bridge":
        bridging = BridgeMetrics()
        bridging.target("mqtt", lambda: 3, lambda: True).sent()
        return bridging
    metrics = NodeMetrics(lambda: [view], role, Redactor())
    if role in ("node", "events"):
        EventMetrics(metrics.create)
    metrics.know_model(_MODEL)
    metrics.know_camera("front")
    metrics.read_outbox(10_000, lambda: 5, lambda: 0)
    metrics.certificate.labels("redis").set(1e9)
    return metrics


def samples(metrics: NodeMetrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by the name of the sample and those of its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(metrics.exposition()[0].decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_the_documented_table_is_the_one_of_the_code() -> None:
    """``vision metrics --markdown`` prints what belongs there."""
    _, _, rest = _DOCUMENT.read_text(encoding="utf-8").partition("<!-- metrics: begin -->\n")
    table, _, _ = rest.partition("\n<!-- metrics: end -->")
    assert table == metrics_markdown()


@pytest.mark.parametrize("role", ALL)
def test_a_role_exposes_what_is_documented_of_it_and_no_more(role: Role) -> None:
    """Names, kinds, help and labels, all read off the exposition."""
    text = metrics_of(role).exposition()[0].decode()
    exposed = {
        family.name: family
        for family in text_string_to_metric_families(text)
        if not _PROCESS.fullmatch(family.name) and not family.name.endswith("_created")
    }
    documented = {family.name: family for family in families() if role in family.roles}
    assert exposed.keys() == documented.keys()
    for name, family in documented.items():
        assert exposed[name].type == family.kind
        assert exposed[name].documentation == family.meaning
        labels = {frozenset(sample.labels) - {"le"} for sample in exposed[name].samples}
        assert labels <= {frozenset(family.label_names)}, name
    assert "process_cpu_seconds_total" in text
    assert "process_resident_memory_bytes" in text


def test_names_follow_the_conventions() -> None:
    """One prefix, base units, no unit but these, and nobody says ``total`` twice."""
    for family in families():
        assert re.fullmatch(r"vision_[a-z]+(_[a-z]+)*", family.name)
        assert not re.search(r"_(ms|milliseconds|kb|mib|percent|total|count)$", family.name)
        assert family.exposed_name.endswith("_total") is (family.kind is Kind.COUNTER)
        timed = "second" in family.meaning or "time of a frame" in family.meaning
        assert not timed or family.name.endswith(("_seconds", "_fps")), family.name
    assert len({family.name for family in families()}) == len(families())


def test_counts_begin_with_nothing_and_not_with_their_first_event() -> None:
    """Else no rate and no alert would see that event."""
    found = samples(metrics_of("node"))
    for name, label in (
        ("vision_camera_reconnects_total", "unreachable"),
        ("vision_worker_restarts_total", "killed"),
        ("vision_messages_dropped_total", "overflow"),
        ("vision_camera_state_changes_total", "stalled"),
        ("vision_frames_skipped_total", "engine_error"),
    ):
        assert found[name]["front", label] == 0
    assert found["vision_capture_to_publish_seconds_count"]["front",] == 0


def test_pictures_of_events_are_counted_from_the_first_camera_on() -> None:
    """With 0 for each reason, the size of the folder, and how far back its pictures go."""
    metrics = NodeMetrics(lambda: (), "events", Redactor())
    told = EventMetrics(metrics.create).snapshots
    assert samples(metrics)["vision_snapshots_oldest_age_seconds"] == {(): 0}
    assert samples(metrics)["vision_snapshots_limit_bytes"] == {(): 0}
    told.know_limit(5_000)
    told.know_camera("front")
    told.kept("front")
    told.failed("front", SnapshotFailure.FULL)
    told.removed(SnapshotRemoval.SIZE)
    told.measured(4_000, time.time() - 60)
    found = samples(metrics)
    assert found["vision_snapshots_taken_total"] == {("front",): 1}
    assert found["vision_snapshots_failed_total"] == {
        ("front", reason.value): float(reason is SnapshotFailure.FULL) for reason in SnapshotFailure
    }
    assert found["vision_snapshots_removed_total"] == {("age",): 0, ("size",): 1}
    assert found["vision_snapshots_bytes"] == {(): 4_000}
    assert found["vision_snapshots_limit_bytes"] == {(): 5_000}
    assert found["vision_snapshots_oldest_age_seconds"][()] >= 60


def test_a_worker_that_is_gone_leaves_no_memory_and_a_camera_without_a_clock_no_offset() -> None:
    """A value that nobody measures any more is absent, not old."""
    there = samples(metrics_of("node", CameraCounts(rss_bytes=5, clock_offset_s=0.25)))
    assert there["vision_worker_resident_memory_bytes"] == {("front",): 5}
    assert there["vision_camera_clock_offset_seconds"] == {("front",): 0.25}
    gone = samples(metrics_of("node", CameraCounts()))
    assert "vision_worker_resident_memory_bytes" not in gone
    assert "vision_camera_clock_offset_seconds" not in gone
    assert "vision_motion_gate_total" not in gone


def test_redactions_of_the_process_and_of_its_workers_are_one_count() -> None:
    """Each place that was taken out counts."""
    redactor = Redactor()
    redactor.register(_SECRET)
    view = replace(camera_view(), counts=CameraCounts(redactions=3))
    metrics = NodeMetrics(lambda: [view], "node", redactor)
    redactor.redact(f"a {_SECRET} b {_SECRET}")
    redactor.redact("nothing to hide")
    assert samples(metrics)["vision_redactions_total"] == {(): 5}


def test_a_scrape_shows_the_state_as_it_is_now() -> None:
    """One state holds, and it is another one at the next scrape."""
    states = iter((CameraState.ONLINE, CameraState.STALLED) * 4)
    metrics = NodeMetrics(lambda: [replace(camera_view(), state=next(states))], redactor=Redactor())
    for _ in range(2):
        shown = samples(metrics)["vision_camera_state"]
        assert [key[1] for key, value in shown.items() if value] in (["online"], ["stalled"])
        assert sum(shown.values()) == 1
