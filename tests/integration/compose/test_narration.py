"""The narrator and its model have no way out, but the one that an override file gives."""

from __future__ import annotations

import pytest

from tests.support.compose_model import Model, compose_command, rendered_by_compose
from tests.support.compose_policy import complaints

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(compose_command() is None, reason="Docker Compose 2 is not installed"),
]


def _ways_out(model: Model, service: str) -> set[str]:
    """The networks of a service that lead out."""
    return {
        name
        for name in model["services"][service]["networks"]
        if not model["networks"][name].get("internal")
    }


def test_nobody_of_the_profile_has_a_way_out() -> None:
    """Only what fetches a model, by hand, and it reaches nobody else."""
    model = rendered_by_compose(("llm", "tools"))
    assert _ways_out(model, "narrate") == _ways_out(model, "ollama") == set()
    assert set(model["services"]["ollama-pull"]["networks"]) == {"downloads"}
    assert not model["services"]["ollama-pull"].get("secrets")
    assert not model["services"]["ollama"].get("secrets")
    others = [
        name for name, service in model["services"].items() if "downloads" in service["networks"]
    ]
    assert others == ["ollama-pull"]


def test_the_override_gives_the_narrator_a_way_out_and_a_key() -> None:
    """The model in the house has neither, and all is hardened as before."""
    model = rendered_by_compose(("llm",), ("compose.yaml", "narration-cloud.yaml"))
    assert complaints(model) == []
    assert _ways_out(model, "narrate") == {"cloud"}
    assert _ways_out(model, "ollama") == set()
    secrets = {entry["source"] for entry in model["services"]["narrate"]["secrets"]}
    assert secrets == {"redis_narrator_password", "metrics_token", "narration_cloud_key"}
