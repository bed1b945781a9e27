"""Zones and lines: what is accepted, and the one line that says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from vision.config.events import segments_meet
from vision.config.loader import settings_from
from vision.domain.errors import ConfigError

_SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]


def load(**events: Any) -> Any:
    """The settings of a camera with these events."""
    camera = {"url": "rtsp://front.test/1", "events": events}
    return settings_from({"cameras": {"front": camera}}, "vision.yaml", {})


def test_zones_and_lines_are_taken_as_written() -> None:
    """Points as lists, shares of the picture."""
    loaded = (
        load(zones={"door": _SQUARE}, lines={"gate": [[0, 0.5], [1, 0.5]]}, only_in=["door"])
        .cameras["front"]
        .events
    )
    assert loaded.zones["door"][2] == (0.9, 0.9)
    assert loaded.lines["gate"] == ((0.0, 0.5), (1.0, 0.5))


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ({"zones": {"door": _SQUARE[:2]}}, "zones.door: a zone has 2 points: name at least 3"),
        ({"zones": {"door": [*_SQUARE[:3], [1.2, 0.5]]}}, "zones.door.3.0: Input should be less"),
        (
            {"zones": {"door": [_SQUARE[0], _SQUARE[2], _SQUARE[1], _SQUARE[3]]}},
            "crosses the one from point 3: name the points in the order of its outline",
        ),
        ({"zones": {"door": [_SQUARE[0], *_SQUARE]}}, "names a point twice in a row"),
        ({"zones": {"door": [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]}}, "no area"),
        ({"zones": {"the door": _SQUARE}}, "zones.the door: the name of a zone"),
        ({"lines": {"gate": [[0.5, 0.5], [0.5, 0.5]]}}, "same point twice"),
        ({"lines": {"gate": [[0.5, 0.5]]}}, "lines.gate.1: is missing"),
        ({"only_in": ["door"]}, "only_in names 'door', which is none of its zones"),
        ({"zone": {}}, "unknown key: did you mean 'zones'?"),
    ],
)
def test_a_mistake_is_named_by_its_key(events: dict[str, Any], complaint: str) -> None:
    """With what to do about it."""
    with pytest.raises(ConfigError) as refusal:
        load(**events)
    line = str(refusal.value)
    assert line.startswith("vision.yaml: cameras.front.events")
    assert complaint in line
    assert "\n" not in line


def test_ways_that_touch_have_met() -> None:
    """At an end, along one line, and not side by side."""
    assert segments_meet((0, 0), (1, 1), (0.5, 0.5), (1, 0))
    assert segments_meet((0, 0), (1, 0), (0.5, 0), (2, 0))
    assert not segments_meet((0, 0), (1, 0), (2, 0), (3, 0))
    assert not segments_meet((0, 0), (1, 0), (0, 0.1), (1, 0.1))
