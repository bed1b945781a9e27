"""A role that reads and writes nothing is not healthy, and is not to be killed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer
from tests.support.site import running_site
from tests.support.small_model import small_model
from tests.support.waiting import wait_until
from vision.config.secrets import write_secret

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
# `vision ingest` is unwell for its camera already: its tests are among those of the distributed form.
_ROLES = (
    ("infer",),
    ("web",),
    ("events",),
    ("narrate",),
    ("bridge", "webhook"),
    ("bridge", "mqtt"),
)


@pytest.mark.parametrize("role", _ROLES, ids=" ".join)
def test_redis_that_is_away_makes_unready_and_not_dead(
    role: tuple[str, ...], redis: RedisServer, tmp_path: Path
) -> None:
    """It says why; when Redis is back, it is well again without a restart."""
    settings = {
        "models_dir": str(small_model(tmp_path / "models")),
        "model": {"name": "yolov8n", "input_size": 320},
        "bridge": {
            "webhook": {"targets": [{"name": "door", "url": "http://127.0.0.1:9/"}]},
            # Nobody listens: it has a reason of its own, which is the last one then.
            "mqtt": {"url": "mqtt://127.0.0.1:9"},
        },
        "cameras": {},
        "web": {"port": 0},
    }
    redis.stop()
    with running_site(tmp_path / "site", redis, settings) as site:
        write_secret(site.folder / "secrets" / "webhook_door_key", "a key of the tests")
        process = site.role(*role)

        def said(*arguments: str) -> tuple[int, str]:
            result = site.command("healthcheck", *arguments)
            return result.returncode, result.stdout

        wait_until(lambda: "connection refused" in said()[1], f"the reason:\n{site.logs()}")
        assert said()[0] == 1
        assert said("--live")[0] == 0, said("--live")
        redis.restart()
        if role == ("bridge", "mqtt"):
            wait_until(lambda: "are read" not in said()[1], "it reads")
        else:
            wait_until(lambda: said()[0] == 0, f"health:\n{said()}")
        assert process.stop() == 0
