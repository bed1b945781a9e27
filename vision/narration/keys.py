"""The keys of providers, from their secret files."""

from __future__ import annotations

from vision.config.narration import ProviderSettings
from vision.config.secrets import SecretFiles
from vision.domain.errors import ConfigError
from vision.domain.secret import Secret


def key_file(provider: ProviderSettings) -> str:
    """The name of its secret file."""
    return f"narration_{provider.name}_key"


def read_key(provider: ProviderSettings, secrets: SecretFiles) -> Secret | None:
    """The key as it is now, None for a provider without one.

    Raises:
        ConfigError: The file is missing though the settings insist, or holds no key.
    """
    if provider.auth == "none":
        return None
    name = key_file(provider)
    key: Secret | None
    if provider.auth == "required":
        key = secrets.require(name, f"narration.providers: {provider.name}: auth is 'required'")
    else:
        key = secrets.read(name)
    if key is not None and not _fits_a_header(key.get_secret_value()):
        raise ConfigError(
            f"secret file {name}: a key is one line of letters, digits and signs without spaces: "
            "write the key alone into it"
        )
    return key


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
