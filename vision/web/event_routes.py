"""What the page asks for about events: the cameras' zones, and pictures of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Points: TypeAlias = Sequence[tuple[float, float]]
"""From the left and from the top, as shares 0 to 1 of the frame."""


@dataclass(frozen=True, slots=True)
class CameraShapes:
    """What is drawn over a camera's picture, by name: polygons, and lines from end to end."""

    zones: Mapping[str, Points] = field(default_factory=dict)
    lines: Mapping[str, Points] = field(default_factory=dict)


def _no_snapshot(_camera: str, _event_id: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class EventPages:
    """Where they come from.

    Attributes:
        shapes: Reads those of each camera that has any, by name.
        snapshot: The JPEG of an event by camera and id, None without; called from several
            threads with whatever the client asked for.
    """

    shapes: Callable[[], Mapping[str, CameraShapes]] = dict
    snapshot: Callable[[str, str], bytes | None] = _no_snapshot

    def routes(self) -> list[Route]:
        """The paths under ``/api``; the handlers run in Starlette's thread pool."""
        return [
            Route("/api/zones", self._zones),
            Route("/api/cameras/{name}/events/{event_id}.jpg", self._snapshot),
        ]

    def _zones(self, _request: Request) -> Response:
        cameras = {
            camera: {"zones": _listed(shapes.zones), "lines": _listed(shapes.lines)}
            for camera, shapes in self.shapes().items()
        }
        return Response(orjson.dumps({"cameras": cameras}), media_type="application/json")

    def _snapshot(self, request: Request) -> Response:
        jpeg = self.snapshot(request.path_params["name"], request.path_params["event_id"])
        if jpeg is None:
            raise HTTPException(404, "There is no picture of such an event, or no longer.\n")
        return Response(jpeg, media_type="image/jpeg")


def _listed(shapes: Mapping[str, Points]) -> list[dict[str, object]]:
    return [{"name": name, "points": points} for name, points in shapes.items()]
