"""The hashes of models that were made on this machine, in ``exports.toml`` beside them."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from vision.domain.errors import ArtefactError
from vision.models.catalogue import FileName, Sha256
from vision.models.digest import short

LEDGER_NAME = "exports.toml"
_HEAD = "# Written by `vision models`: the hashes of what was made or taken up into this folder.\n"

Making: TypeAlias = Literal["exported", "quantised", "registered"]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Export:
    """One file that was made here.

    Attributes:
        model: Name in the catalogue.
        file: What was made, a name in the ledger's folder.
        sha256: Of what was made, see :mod:`vision.models.digest`.
        source_sha256: Of the file it was made from.
        made: When, RFC 3339 in UTC.
        tool: What made it, with its version.
        making: What was done to the source.
    """

    model: FileName
    file: FileName
    sha256: Sha256
    source_sha256: Sha256
    made: str
    tool: str
    making: Making = "exported"

    @property
    def origin(self) -> str:
        """One phrase for people."""
        return f"{self.making} here from {short(self.source_sha256)}"


def read_exports(folder: Path) -> tuple[Export, ...]:
    """The exports recorded in ``folder``, oldest first; none without a ledger.

    Raises:
        ArtefactError: The ledger is not one of ours.
    """
    path = folder / LEDGER_NAME
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        exports = document.get("exports", [])
        return TypeAdapter(tuple[Export, ...]).validate_python(exports)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ArtefactError(
            f"{path}: cannot be read as the list of exports: remove it and export again"
        ) from error


def record_export(folder: Path, export: Export) -> None:
    """Add ``export`` to the ledger of ``folder``, all at once or not at all.

    Call it before the file gets its name: a file whose hash is not yet known would be
    refused, a known hash without its file does no harm.
    """
    exports = [*(known for known in read_exports(folder) if known != export), export]
    part = folder / f".{LEDGER_NAME}.part"
    part.write_text(_HEAD + "".join(_table(item) for item in exports), encoding="utf-8")
    part.replace(folder / LEDGER_NAME)


def _table(export: Export) -> str:
    # A JSON string without control characters is a TOML basic string too.
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in asdict(export).items()]
    return "\n[[exports]]\n" + "".join(lines)
