"""Events in Frigate's form, against what its documentation shows."""

from __future__ import annotations

import json
from typing import Any

from tests.support.event_messages import event
from vision.bridges.frigate import FrigateEvents
from vision.domain.event import EndReason, EventType

# docs.frigate.video/integrations/mqtt, without what needs pixels or a recording.
DOCUMENTED = {
    *("id", "camera", "frame_time", "snapshot", "label", "sub_label", "top_score"),
    *("false_positive", "start_time", "end_time", "score", "current_zones", "entered_zones"),
    *("has_snapshot", "has_clip", "active", "stationary", "attributes", "current_attributes"),
}


def _payload(events: FrigateEvents, *arguments: Any, **more: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(events.payload(event(*arguments, **more)))
    assert set(document) == {"type", "before", "after"}
    assert set(document["before"]) == set(document["after"]) == DOCUMENTED
    return document


def test_a_visit() -> None:
    """``before`` is the ``after`` of the message before; of a new one it is what was not known."""
    events = FrigateEvents()
    new = _payload(events, zones=("door",), snapshot="front/x.jpg")
    assert new["type"] == "new"
    assert new["before"]["false_positive"] is True
    assert new["before"]["entered_zones"] == []
    assert new["after"]["false_positive"] is False
    assert new["after"]["entered_zones"] == ["door"]
    assert new["after"]["has_snapshot"] is True
    assert new["after"]["end_time"] is None
    update = _payload(events, 1, kind=EventType.UPDATE)
    assert update["before"] == new["after"]
    end = _payload(events, 2, kind=EventType.END, end=EndReason.LEFT)
    assert end["before"] == update["after"]
    assert end["after"]["end_time"] == end["after"]["start_time"] + 2
    assert isinstance(end["after"]["start_time"], float)


def test_an_event_whose_beginning_was_not_heard() -> None:
    """After a restart: nothing is said to have changed."""
    update = _payload(FrigateEvents(), 1, kind=EventType.UPDATE, zones=("door",))
    assert update["before"] == update["after"]
