"""What has to fit together before a release is published."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.compose_model import ROOT


class Checkout:
    """A small repository with the real script in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        (folder / "vision").mkdir()
        self.write("vision/__init__.py", '__version__ = "1.2.3"\n')
        self.write(
            "CHANGELOG.md",
            "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-01\n\n- What is new.\n\n## [1.2.2]\n\n- Old.\n",
        )
        self.write(".gitignore", "/dist/\n/bin/\n")
        self.git("init", "--quiet")

    def write(self, name: str, text: str) -> None:
        """Put a file there."""
        (self.folder / name).write_text(text)

    def git(self, *words: str) -> None:
        """A git that knows nobody's settings."""
        subprocess.run(
            [*("git", "-c", "user.name=a", "-c", "user.email=a@example.org"), *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder / "bin")},
            check=True,
            capture_output=True,
        )

    def commit(self, tag: str) -> None:
        """Commit all of it under a tag."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")
        self.git("tag", tag)

    def publish(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return subprocess.run(
            [self.folder / "scripts" / "publish.sh", *options],
            env={"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Not committed yet."""
    return Checkout(tmp_path)


def test_what_fits_together_is_ready(checkout: Checkout) -> None:
    """Tag, version and changelog agree, and nothing is uncommitted."""
    checkout.commit("v1.2.3")
    answer = checkout.publish("--check")
    assert (answer.returncode, answer.stderr) == (0, "v1.2.3 is ready\n")


def test_another_tag_is_refused(checkout: Checkout) -> None:
    """The version in the package is the one that counts."""
    checkout.commit("v1.2.4")
    answer = checkout.publish("--check")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: HEAD has no tag v1.2.3")


def test_a_release_without_notes_is_refused(checkout: Checkout) -> None:
    """The changelog needs a section of this version with something in it."""
    checkout.write(
        "CHANGELOG.md", "## [Unreleased]\n\n- New.\n\n## [1.2.3]\n\n## [1.2.2]\n\n- Old.\n"
    )
    checkout.commit("v1.2.3")
    answer = checkout.publish("--check")
    assert answer.returncode == 1
    assert "no section [1.2.3]" in answer.stderr


def test_changes_in_the_checkout_are_refused(checkout: Checkout) -> None:
    """What is published is what the tag says."""
    checkout.commit("v1.2.3")
    checkout.write("new", "")
    answer = checkout.publish("--check")
    assert answer.returncode == 1
    assert "has changes" in answer.stderr


def test_nothing_built_is_nothing_to_publish(checkout: Checkout) -> None:
    """It says what makes it."""
    checkout.commit("v1.2.3")
    answer = checkout.publish()
    assert answer.returncode == 1
    assert "dist/ is empty: make dist sbom" in answer.stderr


def test_dry_run_says_what_would_be_published(checkout: Checkout) -> None:
    """With the files of dist/; the program of the forge is not called."""
    checkout.commit("v1.2.3")
    (checkout.folder / "dist").mkdir()
    checkout.write("dist/a.whl", "")
    (checkout.folder / "bin").mkdir()
    checkout.write("bin/gh", "#!/bin/sh\nexit 70\n")
    (checkout.folder / "bin" / "gh").chmod(0o755)
    answer = checkout.publish("--dry-run")
    assert answer.returncode == 0, answer.stderr
    assert "would run: gh release create v1.2.3" in answer.stderr
    assert "dist/a.whl" in answer.stderr


def test_install_tools_says_what_it_would_install() -> None:
    """On Debian and Ubuntu; nothing is changed."""
    if shutil.which("apt-get") is None:
        pytest.skip("no apt-get here")
    answer = subprocess.run(
        [ROOT / "scripts" / "install-tools.sh", "--dry-run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "all there: " in answer.stderr or "would run: " in answer.stderr
