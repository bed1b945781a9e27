"""What the monitoring of the stack is made of, and the programs that check it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.compose_model import FOLDER, ROOT
from vision.cli.metrics_table import families
from vision.telemetry.family import ALL, Kind, Role

RULES = FOLDER / "prometheus" / "rules" / "vision.yml"
RULE_TESTS = sorted((FOLDER / "prometheus" / "tests").glob("*.yml"))
DASHBOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))
RUNBOOKS = ROOT / "docs" / "runbooks"
# Prometheus' own, and what it makes of alerts.
_PROMETHEUS = {"up", "ALERTS"}
# Of every exporter (client_golang, prometheus_client), those that are used here.
_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NOT_A_METRIC = re.compile(
    r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
)
_NAME = re.compile(r"(?<![\w.])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])")
_WORDS = {"and", "or", "unless", "offset", "bool", "by", "without", "on"}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a checker; it prints what it found."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rules() -> list[dict[str, Any]]:
    """All rules."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Those that alert."""
    return [rule for rule in rules() if "alert" in rule]


def dashboard_queries(path: Path) -> Iterator[tuple[str, str]]:
    """The title of each panel with each of its queries, as Prometheus would get them."""
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "1m").replace("$camera", "front")
            yield panel["title"], query


def metrics_in(query: str) -> set[str]:
    """The names of the metrics in a PromQL query."""
    bare = _NOT_A_METRIC.sub(" ", _STRING.sub('""', query))
    # A duration after `offset` begins with a digit, and so is no name.
    return {name for name in _NAME.findall(bare) if name not in _WORDS}


def own_metrics() -> set[str]:
    """What this program exposes and what the rules record, as one writes it in a query."""
    names = {name for role in ALL for name in metrics_of(role)}
    return names | {rule["record"] for rule in rules() if "record" in rule}


def metrics_of(role: Role) -> set[str]:
    """Those of ours that a role has, as one writes them in a query."""
    return {
        f"{family.name}_{part}" if family.kind is Kind.HISTOGRAM else family.exposed_name
        for family in families()
        if role in family.roles
        for part in ("bucket", "sum", "count")
    }


def is_known(name: str, exporters: set[str]) -> bool:
    """Whether a metric exists: here, in Prometheus, or in one of ``exporters``."""
    return name in own_metrics() | _PROMETHEUS | _PROCESS | exporters


def is_foreign(name: str) -> bool:
    """Whether an exporter of others tells it."""
    return name.startswith(("redis_", "node_"))
