"""A token that requests must carry, as its secret file has it at each request."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from vision.config.secrets import SecretFiles
from vision.domain.errors import ConfigError
from vision.domain.secret import Secret

_log = logging.getLogger(__name__)
# Between the moments at which a file is emptied and written it holds no token, as it should.
_WRITTEN_WITHIN_S = 1.0


class TokenFile:
    """Follows one secret file: a new value holds at once, and the one before it no more.

    A file that cannot be used, or is gone, opens no door and shuts none: the value before it
    stays in force, which is logged and told by ``SecretFiles.outdated``. Used by one thread.
    """

    def __init__(
        self,
        secrets: SecretFiles,
        name: str,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read it.

        Raises:
            ConfigError: There is such a file, and it cannot be used.
        """
        self._secrets = secrets
        self._name = name
        self._monotonic_s = monotonic_s
        self._stamp = secrets.stamp_of(name)
        self._token = secrets.read(name)
        self._broken_since_s: float | None = None

    def __call__(self) -> Secret | None:
        """The token in force; None where there never was one."""
        stamp = self._secrets.stamp_of(self._name)
        if stamp != self._stamp:
            try:
                token = self._read()
            except ConfigError as error:
                self._on_broken(str(error))
            else:
                self._token, self._stamp = token, stamp
                self._on_read()
        elif self._broken_since_s is not None:
            # Put back as it was.
            self._on_read()
        return self._token

    def _read(self) -> Secret:
        token = self._secrets.read(self._name)
        if token is None:
            raise ConfigError(f"secret file {self._name}: is gone: write the value into it")
        return token

    def _on_read(self) -> None:
        self._broken_since_s = None
        self._secrets.outdated.pop(self._name, None)
        _log.info("secrets.replaced file=%s", self._name)

    def _on_broken(self, problem: str) -> None:
        now_s = self._monotonic_s()
        if self._broken_since_s is None:
            self._broken_since_s = now_s
        if now_s - self._broken_since_s < _WRITTEN_WITHIN_S:
            return
        said = f"{problem}; the value before it stays in force"
        if self._secrets.outdated.get(self._name) != said:
            self._secrets.outdated[self._name] = said
            _log.warning('secrets.unusable file=%s reason="%s"', self._name, said)
