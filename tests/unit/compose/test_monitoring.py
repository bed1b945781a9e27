"""Rules, dashboards and runbooks: they are valid, and name what exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.support.compose_model import FOLDER, ROOT, rendered_here
from tests.support.monitoring import (
    DASHBOARDS,
    RULE_TESTS,
    RULES,
    RUNBOOKS,
    alerts,
    dashboard_queries,
    is_foreign,
    is_known,
    metrics_in,
    rules,
    run,
)
from tests.support.programs import require_program
from vision.cli.main import _COMMANDS

_SECTIONS = ("Symptom", "Sofortmaßnahme", "Diagnose", "Behebung", "Eskalation")
_SERVICES = set(rendered_here()["services"]) | {"ingest-NAME"}
_DOCKER = re.compile(
    r"docker compose (?:-f \S+ |--profile \S+ )*(exec|logs|restart|up|run|ps|kill)\b(.*)"
)


def _ids(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_prometheus_finds_nothing_wrong_with_the_rules() -> None:
    """Its own checker reads them."""
    answer = run(require_program("promtool"), "check", "rules", RULES)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("path", RULE_TESTS, ids=_ids(RULE_TESTS))
def test_the_rules_alert_when_they_must_and_not_else(path: Path) -> None:
    """Time series made by hand, days of them, in Prometheus' own evaluation."""
    answer = run(require_program("promtool"), "test", "rules", path)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_alert_is_tested() -> None:
    """With one that fires."""
    fired = {
        case["alertname"]
        for path in RULE_TESTS
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in test.get("alert_rule_test", [])
        if case["exp_alerts"]
    }
    assert fired == {alert["alert"] for alert in alerts()}


def test_prometheus_and_alertmanager_read_their_configurations(tmp_path: Path) -> None:
    """Without the token, which is made at run time."""
    config = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())
    for job in config["scrape_configs"]:
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(tmp_path / "token")
    (tmp_path / "token").write_text("x")
    config["rule_files"] = [str(RULES)]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    answer = run(require_program("promtool"), "check", "config", tmp_path / "prometheus.yml")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    answer = run(
        require_program("amtool"), "check-config", FOLDER / "alertmanager" / "alertmanager.yml"
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_rules_name_metrics_that_exist() -> None:
    """Of ours each is checked against the code; those of exporters against a running one."""
    for rule in rules():
        names = metrics_in(rule["expr"])
        assert names, rule
        for name in names:
            assert is_foreign(name) or is_known(name, set()), (rule, name)


@pytest.mark.parametrize("path", DASHBOARDS, ids=_ids(DASHBOARDS))
def test_dashboards_name_metrics_that_exist(path: Path) -> None:
    """As the rules."""
    for title, query in dashboard_queries(path):
        names = metrics_in(query)
        assert names, (title, query)
        for name in names:
            assert is_foreign(name) or is_known(name, set()), (title, name)


@pytest.mark.parametrize("path", DASHBOARDS, ids=_ids(DASHBOARDS))
def test_every_query_of_a_dashboard_is_promql(path: Path, tmp_path: Path) -> None:
    """Prometheus' own parser reads each, as a rule."""
    queries = [query for _, query in dashboard_queries(path)]
    recorded = [{"record": f"query:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    answer = run(require_program("promtool"), "check", "rules", file)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(queries)} rules found" in answer.stdout


def _as_grafana_knows_it(document: dict[str, Any]) -> Any:
    """The document after a pass through types that were generated from Grafana's schema.

    What the schema does not know is left out, at every depth, the options of the panel's own
    kind included.
    """
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(document)))


def _unknown(given: Any, known: Any, at: str = "") -> list[str]:
    """Paths in ``given`` that are not in ``known``."""
    if isinstance(given, dict) and isinstance(known, dict):
        return [
            problem
            for key, value in given.items()
            for problem in (
                _unknown(value, known[key], f"{at}.{key}") if key in known else [f"{at}.{key}"]
            )
        ]
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        return [
            problem
            for number, (one, other) in enumerate(zip(given, known, strict=True))
            for problem in _unknown(one, other, f"{at}[{number}]")
        ]
    return [] if given == known else [at]


@pytest.mark.parametrize("path", DASHBOARDS, ids=_ids(DASHBOARDS))
def test_dashboards_fit_grafanas_schema(path: Path) -> None:
    """Every key at every depth is one that Grafana knows, and a misspelt one would be seen."""
    document = json.loads(path.read_text(encoding="utf-8"))
    assert _unknown(document, _as_grafana_knows_it(document)) == []
    document["panels"][0]["fieldConfig"]["defaults"]["unti"] = "s"
    document["panels"][1]["options"]["colourMode"] = "value"
    found = _unknown(document, _as_grafana_knows_it(document))
    assert found == [".panels[0].fieldConfig.defaults.unti", ".panels[1].options.colourMode"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=_ids(DASHBOARDS))
def test_panels_are_whole_and_do_not_overlap(path: Path) -> None:
    """Each has a title, a query, and a place of its own in the 24 columns."""
    panels = json.loads(path.read_text(encoding="utf-8"))["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["title"]
        assert all(target["expr"] for target in panel["targets"])
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(column for column, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert any(panel["type"] == "heatmap" for panel in panels) or path.stem == "redis"


def test_what_is_provisioned_is_mounted() -> None:
    """Every dashboard is a file of the container, from the folder that Grafana reads."""
    model = rendered_here()
    mounted = {
        entry["target"]: FOLDER / model["configs"][entry["source"]]["file"]
        for entry in model["services"]["grafana"]["configs"]
    }
    boards = {path for target, path in mounted.items() if "/dashboards/" in target}
    assert set(DASHBOARDS) <= boards
    assert all(path.is_file() for path in mounted.values())
    provider = yaml.safe_load(
        mounted["/etc/grafana/provisioning/dashboards/vision.yaml"].read_text()
    )
    (folder,) = {entry["options"]["path"] for entry in provider["providers"]}
    assert {Path(target).parent for target, path in mounted.items() if path in DASHBOARDS} == {
        Path(folder)
    }
    source = yaml.safe_load((FOLDER / "grafana" / "datasources.yaml").read_text())["datasources"][0]
    text = "".join(path.read_text() for path in DASHBOARDS)
    assert set(re.findall(r'"uid": "([^"]+)"', text)) - {
        json.loads(path.read_text())["uid"] for path in DASHBOARDS
    } == {source["uid"]}


def test_each_alert_has_its_runbook_and_no_runbook_is_left_over() -> None:
    """Of its name, with all sections, and listed; pages of other occasions are in small letters."""
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    for alert in alerts():
        path = ROOT / alert["annotations"]["runbook_url"]
        assert path == RUNBOOKS / f"{alert['alert']}.md"
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {alert['alert']}: ")
        severity = "kritisch" if alert["labels"]["severity"] == "critical" else "Warnung"
        assert f"Schwere: {severity}." in text
        assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(_SECTIONS)
        assert f"| [{alert['alert']}]({alert['alert']}.md) | {severity} |" in index
    expected = {f"{alert['alert']}.md" for alert in alerts()} | {"README.md"}
    assert {path.name for path in RUNBOOKS.iterdir() if not path.name.islower()} == expected


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_runbooks_name_commands_services_pages_and_metrics_that_exist(path: Path) -> None:
    """Somebody follows them at night."""
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("http") or (path.parent / link).exists(), link
    for command in re.findall(r"(?:bin/|exec \S+ |`)vision ([a-z]+)", text):
        assert command in _COMMANDS, command
    for action, rest in _DOCKER.findall(text):
        words = [word.strip("`.,;:") for word in rest.partition("#")[0].split()]
        named = {word for word in words if word in _SERVICES}
        of_all = action in {"up", "ps", "restart", "logs"} or path.name == "README.md"
        assert of_all or named, (
            action,
            rest,
        )
    for name in re.findall(r"\b(?:vision|redis|camera:vision)_[a-z_0-9:]+", text):
        stem = name.removesuffix("_")
        is_secret = stem.startswith("redis_") and ("password" in stem or "login" in stem)
        assert is_secret or is_foreign(stem) or is_known(stem, set()), name
