"""Whether the node does its work, put together from what its parts say."""

from __future__ import annotations

from collections.abc import Iterable

from vision.domain.status import CameraState
from vision.telemetry.camera_view import CameraView
from vision.web.health import Health


def node_health(
    views: Iterable[CameraView],
    model: str,
    redis_address: str,
    *,
    redis_connected: bool,
    outbox_messages: int | None = None,
    cameras_must_deliver: bool = True,
) -> Health:
    """Ready when every camera can be seen through and Redis answers.

    A camera that delivers but is not plainly online is a warning among the reasons; so is any
    that is not online where ``cameras_must_deliver`` is false.
    """
    noted = [view for view in views if view.state is not CameraState.ONLINE]
    reasons = [f"{view.name}: {view.state}: {view.reason}" for view in noted]
    if not redis_connected:
        waiting = "" if outbox_messages is None else f"; {outbox_messages} messages wait for it"
        reasons.append(f"redis at {redis_address} does not answer{waiting}")
    all_deliver = all(view.state.delivers for view in noted)
    return Health(
        ready=redis_connected and (all_deliver or not cameras_must_deliver),
        reasons=tuple(reasons),
        model=model,
        redis="connected" if redis_connected else "unreachable",
        outbox_messages=outbox_messages,
    )
