"""The option that keeps the measured figures, and the fixture that takes them down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.machine import machine
from tests.faults.outcome import Outcome
from tests.faults.record import be_patient

_PROPERTY = "fault"
_PATIENCE = 5.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options; they are there when this folder is named on the command line."""
    group = parser.getgroup("faults")
    group.addoption("--faults-json", type=Path, metavar="FILE", help="keep the figures in FILE")
    group.addoption("--soak-minutes", type=float, default=10.0, metavar="M", help="of the soak")


def pytest_configure(config: pytest.Config) -> None:
    """Collect in the process that the reports of all others come to."""
    path = config.getoption("--faults-json", default=None)
    if path is None:
        # Among other tests times say how busy the machine is: what has to happen, has to happen.
        be_patient(_PATIENCE)
    if path is not None and not hasattr(config, "workerinput"):
        command = "make soak" if config.getoption("markexpr") == "soak" else "make faults"
        config.pluginmanager.register(_Figures(path, command))


class _Figures:
    """Writes the figures of all rows at the end."""

    def __init__(self, path: Path, command: str) -> None:
        self._path = path
        self._command = command
        self._rows: list[object] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test measured."""
        if report.when == "call":
            self._rows += [value for name, value in report.user_properties if name == _PROPERTY]

    def pytest_sessionfinish(self) -> None:
        """Write."""
        document = {"machine": machine() | {"command": self._command}, "rows": self._rows}
        self._path.write_text(json.dumps(document, indent=1) + "\n")


@pytest.fixture
def verify(request: pytest.FixtureRequest) -> Callable[[Outcome], None]:
    """Keeps an outcome's figures and fails with its complaints."""

    def take(outcome: Outcome) -> None:
        request.node.user_properties.append((_PROPERTY, outcome.document()))
        assert not outcome.complaints, "; ".join(outcome.complaints)

    return take
