"""What bridges leave at the broker for their next start: the topics and names they told of.

A retained message below a first level that no setting changes. By it a bridge knows what of all
that is retained was its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from vision.bridges.topics import level

_PREFIX = "ariia-vision/bridge/"


@dataclass(frozen=True, slots=True)
class BridgeMarker:
    """One bridge, known by its client id.

    Attributes:
        base: First levels of what it publishes.
        former: Those it published below before, of which something is left.
        zones: By camera, the zones that its settings name.
        labels: By camera, the labels that its settings name.
    """

    base: str
    former: tuple[str, ...] = ()
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def payload(self) -> bytes:
        """As it is retained."""
        return orjson.dumps(self)


class BridgeMarkers:
    """Those that were heard on this connection."""

    pattern = f"{_PREFIX}+"
    """Those of all bridges."""

    def __init__(self, client_id: str) -> None:
        self.topic = f"{_PREFIX}{level(client_id)}"
        """Where ours is."""
        self._heard: dict[str, BridgeMarker] = {}

    @property
    def ours(self) -> BridgeMarker | None:
        """What we left before."""
        return self._heard.get(self.topic)

    def on_message(self, topic: str, payload: bytes) -> bool:
        """Take a retained message; False if it is no mark."""
        if not topic.startswith(_PREFIX):
            return False
        mark = _mark(payload)
        if mark is not None:
            self._heard[topic] = mark
        return True

    def former_bases(self, base: str) -> tuple[str, ...]:
        """Where we published before, and no other bridge does now."""
        if self.ours is None:
            return ()
        taken = {base} | {mark.base for topic, mark in self._heard.items() if topic != self.topic}
        return tuple(sorted({self.ours.base, *self.ours.former} - taken))


def _mark(payload: bytes) -> BridgeMarker | None:
    try:
        document = orjson.loads(payload)
        return BridgeMarker(
            _text(document["base"]),
            _texts(document["former"]),
            {_text(camera): _texts(names) for camera, names in document["zones"].items()},
            {_text(camera): _texts(names) for camera, names in document["labels"].items()},
        )
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValueError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no text")
    return value


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(map(_text, values))
