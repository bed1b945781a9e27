"""Whether the node does its work, put together from what its parts say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vision.domain.status import CameraState
from vision.runtime.health.role_liveness import camera_reason, redis_reason
from vision.telemetry.camera_view import CameraView
from vision.web.documents import Health


def node_health(
    views: Iterable[CameraView],
    model: str,
    redis_address: str,
    *,
    redis_connected: bool,
    redis_problem: str | None = None,
    outbox_messages: int | None = None,
    cameras_must_deliver: bool = True,
    troubles: Sequence[str] = (),
) -> Health:
    """Ready when every camera can be seen through, Redis answers and there are no ``troubles``.

    A camera that is switched off is nothing to note; one that delivers but is not plainly online is a warning among the reasons; so is any
    that is not online where ``cameras_must_deliver`` is false.
    """
    noted = [
        view for view in views if view.state is not CameraState.ONLINE and not view.state.is_off
    ]
    reasons = [camera_reason(view) for view in noted]
    if not redis_connected:
        reasons.append(redis_reason(redis_address, redis_problem, outbox_messages))
    reasons += troubles
    all_deliver = all(view.state.delivers for view in noted)
    return Health(
        ready=redis_connected and not troubles and (all_deliver or not cameras_must_deliver),
        reasons=tuple(reasons),
        model=model,
        redis="connected" if redis_connected else "unreachable",
        outbox_messages=outbox_messages,
    )
