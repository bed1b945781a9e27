"""``vision check`` says of each provider whether it could be asked, and what to do if not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.language_model import LanguageModel, closed_port, http, serving
from tests.support.narrating import narration_settings
from vision.config.secrets import SecretFiles, write_secret
from vision.domain.errors import VisionError
from vision.narration.probe import probe_provider

pytestmark = pytest.mark.integration
_MODELS = http(json.dumps({"object": "list", "data": [{"id": "m-cloud:latest"}]}).encode())


def _probe(url: str, secrets_dir: Path) -> str:
    return probe_provider(
        narration_settings(url).providers[0], SecretFiles(secrets_dir, lambda *_: None)
    )


def test_one_that_answers_is_told_with_its_model(tmp_path: Path) -> None:
    """It is asked for its models alone."""
    with serving(LanguageModel(response=_MODELS)) as cloud:
        assert _probe(cloud.url, tmp_path) == "answers, model m-cloud, no key"
        write_secret(tmp_path / "narration_cloud_key", "sk-for-the-probe")
        assert _probe(cloud.url, tmp_path) == "answers, model m-cloud"
        cloud.response = http(b"{}")
        assert _probe(cloud.url, tmp_path) == "answers, model m-cloud not looked up"
    assert {asked.line for asked in cloud.asked} == {"GET /v1/models HTTP/1.1"}
    assert cloud.asked[1].headers["authorization"] == "Bearer sk-for-the-probe"


@pytest.mark.parametrize(
    ("response", "complaint"),
    [
        (http(b'{"data": [{"id": "other"}]}'), "has no model 'm-cloud'"),
        (http(b"{}", "401 No"), "narration_cloud_key"),
        (http(b"{}", "404 No"), "has to end as /v1"),
        (http(b"", "302 No", "text/html", "Location: http://127.0.0.1:1/"), "check url"),
        (b"220 smtp ready\r\n\r\n", "no language model's API"),
    ],
)
def test_one_that_could_not_be_asked_is_told_with_the_remedy(
    tmp_path: Path, response: bytes, complaint: str
) -> None:
    """In one line."""
    with (
        serving(LanguageModel(response=response)) as cloud,
        pytest.raises(VisionError, match=complaint),
    ):
        _probe(cloud.url, tmp_path)


def test_one_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    """Without waiting."""
    with pytest.raises(VisionError, match="unreachable: nobody listens there"):
        _probe(closed_port(), tmp_path)
