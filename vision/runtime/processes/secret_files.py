"""The secret files of this process, whose values are kept out of all that it shows."""

from __future__ import annotations

from pathlib import Path

from vision.config.secrets import SecretFiles
from vision.telemetry.redaction import process_redactor


def secret_files(directory: Path | None) -> SecretFiles:
    """Secret files in ``directory``, else in the usual places; what is read is redacted from logs."""
    return SecretFiles(directory, process_redactor.register)
