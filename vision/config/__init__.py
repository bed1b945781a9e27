"""Settings and secret files: the only reader of the environment."""

from vision.config.loader import load_settings, settings_from
from vision.config.secrets import Credentials, SecretFiles
from vision.config.settings import Settings

__all__ = ["Credentials", "SecretFiles", "Settings", "load_settings", "settings_from"]
