"""Redis' password, from its secret file."""

from __future__ import annotations

from vision.config.secrets import REDIS_PASSWORD, SecretFiles
from vision.config.settings import Settings


def redis_password(settings: Settings, secrets: SecretFiles) -> str | None:
    """The password as it is now, None when there is none.

    Raises:
        ConfigError: The settings name a user, but there is no file with the password.
    """
    if settings.redis.username is not None:
        return secrets.require(REDIS_PASSWORD, "redis.username is set")
    return secrets.read(REDIS_PASSWORD)
