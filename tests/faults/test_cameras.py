"""Faults of cameras and of their workers: all at once, each on a camera of one node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.faults.fault import Fault
from tests.faults.fault_rig import FaultRig, running_fault_rig
from tests.faults.outcome import Outcome
from tests.faults.record import let_pass
from tests.faults.table import ALL_FAULTS, BY_NAME

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# Apart, so that what is measured is not how busy the machine is with all the others.
_APART_S = 0.4


@pytest.fixture(scope="module")
def rig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultRig]:
    """A node with a camera for each row that was asked for."""
    with running_fault_rig(tmp_path_factory.mktemp("cameras"), _asked_for(request)) as rig:
        yield rig


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, rig: FaultRig) -> Iterator[dict[str, Future[Outcome]]]:
    """What comes of each row; they run side by side."""
    faults = _asked_for(request)
    running: dict[str, Future[Outcome]] = {}
    with ThreadPoolExecutor(max(1, len(faults))) as pool:
        for fault in faults:
            running[fault.name] = pool.submit(rig.run, fault)
            let_pass(_APART_S)
        yield running


def _asked_for(request: pytest.FixtureRequest) -> list[Fault]:
    """The rows of this run, which may be a selection."""
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    names = {spec.params.get("name") for spec in specs if spec is not None}
    return [fault for fault in ALL_FAULTS if fault.name in names]


@pytest.mark.parametrize("name", [*BY_NAME])
def test_a_fault_is_told_and_survived(
    name: str, outcomes: dict[str, Future[Outcome]], verify: Callable[[Outcome], None]
) -> None:
    """The right state in time, messages again in time, nothing lost, no other camera hurt."""
    try:
        outcome = outcomes[name].result()
    except PermissionError as error:
        pytest.skip(f"this machine does not let a thread be held: {error.strerror}")
    verify(outcome)


def test_the_camera_without_faults_loses_nothing(
    rig: FaultRig, outcomes: dict[str, Future[Outcome]]
) -> None:
    """A camera without a fault stayed online, on one worker, without a pause, through it all."""
    for running in outcomes.values():
        running.exception()
    assert not [*rig.control_camera_complaints()]
