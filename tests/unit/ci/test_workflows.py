"""The workflows: pinned, with no more rights than needed, and nothing that only CI knows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.compose_model import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_EACH = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
# A commit, and beside it for people which version that is.
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def _load(path: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return document


def _jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _load(path)["jobs"].items()


def _runs(path: Path) -> list[str]:
    return [step["run"] for _, job in _jobs(path) for step in job["steps"] if "run" in step]


@_EACH
def test_it_fits_the_schema(workflow: Path) -> None:
    """The vendored schema of GitHub's workflows has no complaint."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    if not checker.exists():
        pytest.skip("check-jsonschema is not installed")
    answer = subprocess.run(
        [checker, "--builtin-schema", "vendor.github-workflows", workflow],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout


@_EACH
def test_actions_are_pinned_to_a_commit(workflow: Path) -> None:
    """A tag can be moved; a commit cannot."""
    used = re.findall(r"uses: (.+)", workflow.read_text())
    assert used
    assert [action for action in used if not _PINNED.fullmatch(action)] == []


def test_an_action_has_one_version() -> None:
    """The same action is the same commit everywhere."""
    used = {action for path in WORKFLOWS for action in re.findall(r"uses: (\S+)", path.read_text())}
    assert len({action.partition("@")[0] for action in used}) == len(used)


@_EACH
def test_rights_are_given_job_by_job(workflow: Path) -> None:
    """None by default; a job names its own, and writes only where it publishes."""
    assert _load(workflow)["permissions"] == {}
    for name, job in _jobs(workflow):
        rights = job["permissions"]
        assert isinstance(rights, dict), name
        if workflow.stem != "release":
            assert set(rights.values()) <= {"read"}, name


@_EACH
def test_it_ends(workflow: Path) -> None:
    """Every job has a limit, and a newer run of the same takes its place or waits for it."""
    assert {"group", "cancel-in-progress"} <= _load(workflow)["concurrency"].keys()
    assert [name for name, job in _jobs(workflow) if "timeout-minutes" not in job] == []


@_EACH
def test_credentials_of_the_checkout_are_not_kept(workflow: Path) -> None:
    """What runs later in the job cannot push."""
    for name, job in _jobs(workflow):
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


@_EACH
def test_ci_runs_what_a_person_runs(workflow: Path) -> None:
    """Each step is one make target or one script of the repository, which exist."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for run in _runs(workflow):
        (line,) = run.strip().splitlines()
        program, *arguments = shlex.split(line)
        if program == "make":
            assert {word for word in arguments if "=" not in word} <= targets, run
        else:
            assert (ROOT / program).is_file(), run
            assert program.startswith("scripts/"), run


@_EACH
def test_nothing_from_outside_becomes_a_command(workflow: Path) -> None:
    """Titles and branch names are text of strangers: expressions reach no shell line."""
    assert [run for run in _runs(workflow) if "${{" in run] == []
    assert "pull_request_target" not in workflow.read_text()
    for _, job in _jobs(workflow):
        secrets = [step for step in job["steps"] if "secrets." in str(step.get("run", ""))]
        assert secrets == []


def test_a_change_of_type_2_waits_for_a_person() -> None:
    """Only what is surely type 1 is deployed without the environment that has reviewers."""
    jobs = _load(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]
    step = next(step for step in jobs["type"]["steps"] if step.get("id") == "type")
    assert "--at-most-1" in step["run"]
    assert step["continue-on-error"] is True
    assert jobs["type"]["outputs"]["environment"] == (
        "${{ steps.type.outcome == 'success' && 'production' || 'production-approved' }}"
    )
    assert jobs["deploy"]["environment"] == "${{ needs.type.outputs.environment }}"
    for step in jobs["deploy"]["steps"]:
        if "--approved-by" in step.get("run", ""):
            assert step["if"] == "needs.type.outputs.environment == 'production-approved'"


def test_options_that_ci_gives_exist() -> None:
    """A script that renames an option takes its callers along."""
    for workflow in WORKFLOWS:
        for run in _runs(workflow):
            program, *arguments = shlex.split(run)
            options = {word for word in arguments if word.startswith("--")}
            if program != "make" and options:
                said = subprocess.run(
                    [ROOT / program, "--help"], capture_output=True, text=True, check=True
                ).stdout
                assert options <= set(re.findall(r"--[a-z0-9-]+", said)), run
