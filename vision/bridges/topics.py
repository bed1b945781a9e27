"""Names of MQTT topics; what comes from outside becomes one level of a topic, and a plain one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from vision.config.bridges import MqttSettings

ALL = "all"
"""In the place of a label: objects of any."""
CHANGED = "~"
"""Stands before the digest of a name that had to be changed, and in no other level."""
_NO_LEVEL = re.compile(r"[/+#~\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DIGEST_CHARACTERS = 8
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST = 64


def level(text: str) -> str:
    """``text`` as a level of a topic, unchanged where it can be; no two have the same one."""
    plain = _NO_LEVEL.sub("_", text)[:_LONGEST]
    return plain if plain and plain == text else f"{plain}{CHANGED}{digest(text)}"


def digest(*words: str | None) -> str:
    """A few characters of ``a-f`` and ``0-9`` that tell names apart which look alike."""
    # As they are told apart in Python: what came over the network need not be valid.
    text = repr(words).encode("ascii", "backslashreplace")
    return sha256(text).hexdigest()[:_DIGEST_CHARACTERS]


def slug(text: str) -> str:
    """``text`` of ``a-z``, ``0-9`` and single ``_``, as Home Assistant has its ids."""
    return _NO_SLUG.sub("_", text.lower()).strip("_")[:_LONGEST] or "_"


@dataclass(frozen=True, slots=True)
class Topics:
    """Where what is published; ``base`` and ``frigate`` are their first levels."""

    base: str
    frigate: str | None

    @classmethod
    def of(cls, settings: MqttSettings) -> Topics:
        """Those of the settings."""
        return cls(settings.topic, settings.frigate_topic if settings.frigate else None)

    @property
    def available(self) -> str:
        """``online``, or ``offline`` by the will; a connection has one, so Frigate's name wins."""
        return f"{self.frigate or self.base}/available"

    def camera_available(self, camera: str) -> str:
        """Whether something is seen through the camera."""
        return f"{self.base}/{level(camera)}/available"

    def status(self, camera: str) -> str:
        """The camera's state as JSON."""
        return f"{self.base}/{level(camera)}/status"

    def event(self, camera: str) -> str:
        """Messages of events as they are on Redis."""
        return f"{self.base}/{level(camera)}/event"

    def count(self, camera: str, zone: str | None, label: str) -> str:
        """How many objects there are now."""
        return f"{self._place(camera, zone)}/count/{level(label)}"

    def occupancy(self, camera: str, zone: str | None, label: str) -> str:
        """``ON`` while there is one."""
        return f"{self._place(camera, zone)}/occupancy/{level(label)}"

    def _place(self, camera: str, zone: str | None) -> str:
        place = f"{self.base}/{level(camera)}"
        return place if zone is None else f"{place}/zone/{level(zone)}"
