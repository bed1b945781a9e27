"""docs/asyncapi.yaml says what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.support.messages import status
from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey, state_key
from vision.publishing.writing.state_hashes import StateHashes

_DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The parsed document."""
    parsed: dict[str, Any] = yaml.safe_load((_DOCS / "asyncapi.yaml").read_text("utf-8"))
    return parsed


def test_addresses_are_the_names_on_redis(document: dict[str, Any]) -> None:
    """With a camera in literal braces for the parameter, each address is a name in use."""
    channels = document["channels"]
    addresses = {
        name: channel["address"].replace("{tag}", "{front}") for name, channel in channels.items()
    }
    streams = {kind.value: str(StreamKey(kind, "front")) for kind in Kind}
    assert addresses == streams | {"state": state_key("front")}
    for kind in Kind:
        assert channels[kind.value]["x-redis"]["pattern"] == kind.pattern
        assert channels[kind.value]["x-redis"]["streamField"] == MESSAGE_FIELD


@pytest.mark.parametrize("kind", list(Kind))
def test_examples_fit_the_schemas(document: dict[str, Any], kind: Kind) -> None:
    """The schema files exist where the document says, and its examples are valid."""
    message = document["components"]["messages"][kind.value]
    path = _DOCS / message["payload"]["schema"]["$ref"]
    schema = json.loads(path.read_text("utf-8"))
    assert schema["properties"]["schema"]["const"] == message["name"]
    for example in message["examples"]:
        Draft202012Validator(schema).validate(example["payload"])
        assert list(example["payload"]) == schema["required"]


def test_the_hash_has_the_fields_that_are_written(document: dict[str, Any]) -> None:
    """No field of the hash is left out of the document or made up in it."""
    hashes = StateHashes()
    hashes.update(status())
    fields = {key: str(value) for key, value in hashes.take_unwritten()["front"].items()}
    schema = document["components"]["messages"]["state"]["payload"]
    assert list(fields) == schema["required"] == list(schema["properties"])
    Draft202012Validator(schema).validate(fields)


def test_references_inside_the_document_resolve(document: dict[str, Any]) -> None:
    """Every local reference leads somewhere."""
    for reference in _references(document):
        if reference.startswith("#/"):
            place = document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for part in value.values() for found in _references(part)]
    if isinstance(value, list):
        return [found for part in value for found in _references(part)]
    return []
