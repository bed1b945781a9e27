"""Redis' password, from its secret file."""

from __future__ import annotations

from vision.config.secrets import REDIS_PASSWORD, SecretFiles
from vision.config.settings import Settings
from vision.domain.secret import Secret


def redis_password(settings: Settings, secrets: SecretFiles) -> str | None:
    """The password as it is now, None when there is none.

    In plain text, for the client: it is asked for at each connection and kept by nobody else.

    Raises:
        ConfigError: The settings name a user, but there is no file with the password.
    """
    if settings.redis.username is not None:
        password: Secret | None = secrets.require(REDIS_PASSWORD, "redis.username is set")
    else:
        password = secrets.read(REDIS_PASSWORD)
    return password.get_secret_value() if password else None
