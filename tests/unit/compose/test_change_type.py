"""What kind of change a release is: on the project's own history, and rule by rule."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.compose_model import ROOT
from tests.support.scripts import SCRIPTS, run_script

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
_ROW = "| `web.port` | `8080` | port to listen on |"
_BEGIN, _END = "<!-- settings: begin -->", "<!-- settings: end -->"


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(
        [shutil.which("git") or "git", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize(
    ("revision", "first", "reason"),
    [
        # Documents only.
        ("7d4333e", "type-1 handover=any", ""),
        # Tests only.
        ("029a238", "type-1 handover=any", ""),
        # A state of a camera was added to the schema.
        ("dcd81a4", "type-2 handover=any", "the schema of messages"),
        # The header of frames changed.
        ("0e06439", "type-2 handover=stop", "the form of frames between containers"),
    ],
)
def test_real_releases_are_told_apart(revision: str, first: str, reason: str) -> None:
    """Commits of this project's history get the type that a person would give them."""
    known = subprocess.run(
        [shutil.which("git") or "git", "cat-file", "-e", f"{revision}~1"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if known.returncode:
        pytest.skip("this checkout has no history")
    answer = run_script("change-type.sh", f"{revision}~1", revision)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[0] == first
    assert reason in answer.stdout
    assert (len(lines) > 1) == bool(reason)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a tag and files of the kinds that rules speak of."""
    files = {
        "docs/settings.md": f"{_BEGIN}\n| key | default | meaning |\n{_ROW}\n{_END}\n",
        "compose/compose.yaml": "services:\n  redis:\n    mem_limit: 1g\n",
        "compose/redis/redis.conf": "# a comment\nmaxmemory 1mb\n",
        "vision/publishing/keys.py": 'return f"vision:state:{{{camera}}}"\n',
        "vision/frames/wire.py": '_MAGIC = b"VFR1"\n# a comment\n',
        "vision/other.py": "x = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    _git(tmp_path, "config", "user.email", "test@ariia.invalid")
    _git(tmp_path, "config", "user.name", "test")
    _git(tmp_path, "add", "--all")
    _git(tmp_path, "commit", "--quiet", "--message", "first")
    _git(tmp_path, "tag", "v1")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "first"),
    [
        ("vision/other.py", "x = 1", "x = 2", "type-1 handover=any"),
        ("vision/publishing/keys.py", "vision:state", "vision:states", "type-2 handover=any"),
        ("vision/frames/wire.py", "VFR1", "VFR2", "type-2 handover=stop"),
        ("vision/frames/wire.py", "# a comment", "# another", "type-1 handover=any"),
        ("compose/redis/redis.conf", "1mb", "2mb", "type-2 handover=any"),
        ("compose/redis/redis.conf", "# a comment", "# another", "type-1 handover=any"),
        ("compose/compose.yaml", "1g", "2g", "type-1 handover=any"),
        (
            "compose/compose.yaml",
            "    mem_limit: 1g\n",
            "    volumes:\n      - type: bind\n        source: ../data\n",
            "type-2 handover=any",
        ),
        ("docs/settings.md", "port to listen on", "where it listens", "type-1 handover=any"),
        ("docs/settings.md", "`8080`", "`8081`", "type-2 handover=any"),
        ("docs/settings.md", f"{_ROW}\n", "", "type-2 handover=any"),
        ("docs/settings.md", _ROW, f"{_ROW}\n| `web.new` | `1` | new |", "type-1 handover=any"),
    ],
)
def test_each_rule_sees_its_change(
    repository: Path, file: str, old: str, new: str, first: str
) -> None:
    """A change of the contract is seen, and a change beside it in the same file is not one."""
    path = repository / file
    path.write_text(path.read_text().replace(old, new))
    _git(repository, "commit", "--quiet", "--all", "--message", "second")
    answer = run_script("change-type.sh", "--repository", repository)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[0] == first
    strict = run_script("change-type.sh", "--repository", repository, "--at-most-1", "v1")
    assert strict.returncode == int(first.startswith("type-2"))


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("nothing", "HEAD"), 1, "git does not know it"),
        (("--policy", "/none"), 1, "cannot be read"),
        (("--repository", "/"), 1, "no git repository"),
        (("a", "b", "c"), 2, "two revisions"),
        (("--no",), 2, "no such option"),
    ],
)
def test_what_cannot_be_told_is_one_line(
    repository: Path, words: tuple[str, ...], code: int, complaint: str
) -> None:
    """An unknown revision is never taken for an unchanged one."""
    answer = run_script("change-type.sh", "--repository", repository, *words)
    assert answer.returncode == code
    assert complaint in answer.stderr
    assert not answer.stdout


def test_a_broken_policy_names_its_line(repository: Path, tmp_path: Path) -> None:
    """A rule that nobody can read is an error, not a rule that never matches."""
    policy = tmp_path / "policy.tsv"
    policy.write_text("# rules\nlines\tany\tdocs/settings.md\n")
    answer = run_script("change-type.sh", "--repository", repository, "--policy", policy)
    assert answer.returncode == 1
    assert "policy.tsv:2: five fields" in answer.stderr


def test_every_path_of_the_policy_exists() -> None:
    """A rule about a file that was moved would be blind."""
    for line in (SCRIPTS / "change-policy.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            path = line.split("\t")[2]
            assert list(ROOT.glob(path)) or path.startswith("scripts/migrations/"), path
