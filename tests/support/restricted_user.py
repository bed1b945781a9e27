"""A user of Redis with fewer rights than a node has."""

from __future__ import annotations

from tests.support.redis_server import RedisServer
from vision.config.core import RedisSettings

USER, SECRET = "node", "node-secret"


def restricted_user(server: RedisServer, *rules: str, keys: str = "vision:*") -> RedisSettings:
    """Make the user, who may do all but what ``rules`` take, and give the settings of a node.

    Its password is :data:`SECRET`.
    """
    with server.client() as client:
        client.acl_setuser(
            USER,
            enabled=True,
            passwords=[f"+{SECRET}"],
            keys=[keys],
            channels=["*"],
            commands=["+@all", *rules],
        )
    return server.settings().model_copy(update={"username": USER})
