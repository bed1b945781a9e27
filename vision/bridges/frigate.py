"""Events in the form of Frigate's topic ``frigate/events``, so that automations for it go on.

After Frigate's documentation of MQTT. What it has and an event here has not is left out rather
than made up: docs/bridges.md lists the fields.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Any

import orjson

from vision.domain.event import EventMessage, EventType

_Fields = dict[str, Any]
_MOST_EVENTS = 1_000


class FrigateEvents:
    """Makes Frigate's messages; keeps the one before of each event."""

    def __init__(self) -> None:
        self._before: OrderedDict[str, _Fields] = OrderedDict()

    def payload(self, message: EventMessage) -> bytes:
        """The message in the form of Frigate's."""
        after = _fields(message)
        before = self._before.pop(message.id, None)
        if before is None:
            # As Frigate has it for an object that was not believed in before.
            is_new = message.type == EventType.NEW
            before = after | {"false_positive": is_new}
            if is_new:
                before |= {"current_zones": [], "entered_zones": []}
        if message.type != EventType.END:
            self._before[message.id] = after
            if len(self._before) > _MOST_EVENTS:
                self._before.popitem(last=False)
        return orjson.dumps({"type": message.type, "before": before, "after": after})


def _fields(message: EventMessage) -> _Fields:
    best = message.best
    return {
        "id": message.id,
        "camera": message.camera,
        "frame_time": _seconds(message.time.seen),
        "snapshot": {
            "frame_time": _seconds(best.at),
            "score": best.confidence,
            "attributes": [],
        },
        "label": message.label,
        "sub_label": None,
        "top_score": max(best.confidence, message.confidence),
        "false_positive": False,
        "start_time": _seconds(message.time.started),
        "end_time": _seconds(message.time.ended) if message.time.ended else None,
        "score": message.confidence,
        "active": not message.stationary,
        "stationary": message.stationary,
        "current_zones": list(message.zones.current),
        "entered_zones": list(message.zones.entered),
        "has_clip": False,
        "has_snapshot": best.snapshot is not None,
        "attributes": {},
        "current_attributes": [],
    }


def _seconds(text: str) -> float:
    """Seconds since 1970, as Frigate has its times."""
    return datetime.fromisoformat(text).timestamp()
