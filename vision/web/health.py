"""Whether the node does its work, as load balancers and operators ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """The node at one instant.

    Attributes:
        ready: Whether detections of every camera that should deliver are being published.
        reasons: Why not, one short sentence each; may hold warnings while ready.
        model: The model in use, for people: ``yolov8n on openvino``.
        redis: The connection to Redis, for people: ``connected``, ``unreachable``.
        outbox_messages: How many messages wait for Redis; None where nothing is published.
    """

    ready: bool
    reasons: tuple[str, ...]
    model: str
    redis: str
    outbox_messages: int | None = None
