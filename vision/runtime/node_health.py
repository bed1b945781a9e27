"""Whether the node does its work, put together from what its parts say."""

from __future__ import annotations

from collections.abc import Iterable

from vision.domain.detections import ModelInfo
from vision.domain.status import CameraState
from vision.telemetry.camera_view import CameraView
from vision.web.health import Health


def node_health(
    views: Iterable[CameraView], model: ModelInfo, redis_address: str, *, redis_connected: bool
) -> Health:
    """Ready when every camera can be seen through and Redis takes messages.

    A camera that delivers but is not plainly online is a warning among the reasons.
    """
    noted = [view for view in views if view.state is not CameraState.ONLINE]
    reasons = [f"{view.name}: {view.state}: {view.reason}" for view in noted]
    if not redis_connected:
        reasons.append(f"redis at {redis_address} does not answer; messages wait in the outbox")
    return Health(
        ready=redis_connected and all(view.state.delivers for view in noted),
        reasons=tuple(reasons),
        model=f"{model.name} on {model.backend}",
        redis="connected" if redis_connected else "unreachable",
    )
