"""A metric is one declaration, and a module of metrics one line."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from vision.cli import metrics_table
from vision.cli.metrics_table import MODULES, metrics_markdown
from vision.telemetry.family import ALL, CAMERA, counter
from vision.telemetry.metrics import NodeMetrics
from vision.telemetry.redaction import Redactor

_PACKAGE = Path(__file__).parents[3] / "vision"
_DECLARES = re.compile(r"^\w+ = (?:counter|gauge|histogram)\(", re.MULTILINE)


def test_one_declaration_is_in_the_table_and_in_the_exposition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing else has to be told of it."""
    dummy = ModuleType("dummy.metrics")
    family = counter("vision_dummies", "dummies that were seen", (CAMERA,), ALL)
    vars(dummy)["DUMMIES"] = family
    monkeypatch.setattr(metrics_table, "MODULES", (*MODULES, dummy))
    row = "| `vision_dummies_total` | counter | camera | all | dummies that were seen |"
    assert row in metrics_markdown()
    metrics = NodeMetrics(lambda: (), "web", Redactor())
    metrics.create(family).labels("front").inc()
    text = metrics.exposition()[0].decode()
    assert "# HELP vision_dummies_total dummies that were seen\n" in text
    assert 'vision_dummies_total{camera="front"} 1.0\n' in text


def test_every_module_that_declares_a_metric_is_listed() -> None:
    """Else its metrics would be missing from the table."""
    declaring = {
        path.relative_to(_PACKAGE.parent).with_suffix("").as_posix().replace("/", ".")
        for path in _PACKAGE.rglob("*.py")
        if _DECLARES.search(path.read_text(encoding="utf-8"))
    }
    assert declaring == {module.__name__ for module in MODULES}
