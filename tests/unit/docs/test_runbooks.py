"""Runbooks: every command exists, every link leads somewhere, every page has its five parts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.compose_model import ROOT
from tests.support.runbooks import RUNBOOKS, commands_of, complaint, pages
from vision.config.reference import known_keys

PARTS = ["Symptom", "Sofortmaßnahme", "Diagnose", "Behebung", "Eskalation"]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_DOTTED = re.compile(r"`([a-z_]+\.[a-z_]+)`")
_ALL = [RUNBOOKS / "README.md", *pages()]
_EACH = pytest.mark.parametrize("page", _ALL, ids=lambda page: page.stem)


@_EACH
def test_every_command_exists(page: Path) -> None:
    """Program, subcommand, option, script, make target, profile, service: all of it is there."""
    found = [
        f"{page.name}:{command.line}: {shlex.join(command.words)}: {wrong}"
        for command in commands_of(page.read_text(encoding="utf-8"))
        if (wrong := complaint(command.words))
    ]
    assert found == []


@_EACH
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository; nothing a person needs at night is on the network."""
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@_EACH
def test_every_log_event_is_written(page: Path) -> None:
    """What a person is to look for in a log is what the program says; else it is a setting or a file."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "vision").rglob("*.py"))
    settings = known_keys()

    def is_known(name: str) -> bool:
        prefix, _, last = name.partition(".")
        return (
            last in {"yaml", "sh"}
            or any(key == name or key.endswith(f".{name}") for key in settings)
            or name in source
            # Whoever waits for Redis gives its own prefix (frames/redis_reconnector.py).
            or (last == "redis_away" and f'_log, "{prefix}")' in source)
        )

    named = _DOTTED.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if not is_known(name)] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_has_its_five_parts(page: Path) -> None:
    """In the order in which they are needed, none of them empty."""
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE))


def test_the_index_names_every_page() -> None:
    """Each once, and none that is not there."""
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \[[^]]+\]\(([\w-]+\.md)\)", index, re.MULTILINE)
    assert sorted(named) == [page.name for page in pages()]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("docker compose upp", "docker compose has no"),
        ("docker compose --profile cpuu up -d", "has no cpuu"),
        ("docker compose -f composed.yaml ps", "there is no composed.yaml"),
        ("docker compose logs --since 5m inferr", "the stack has no inferr"),
        ("docker compose exec infer vision inspect", "invalid choice"),
        ("docker compose exec infer visions check", "this machine has no visions"),
        ("docker compose run --rm tail tail --replays 3", "unrecognized arguments"),
        ("docker frobnicate", "docker has no"),
        ("vision check --confg x", "unrecognized arguments"),
        ("make checks", "the Makefile has no checks"),
        ("../scripts/no-such.sh", "there is no ../scripts/no-such.sh"),
        ("./prepare.sh --demos", "./prepare.sh has no --demos"),
        ("REDIS=1 redis-cly ping", "this machine has no redis-cly"),
        ("git frobnicate", "git has no"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(command: str, wrong: str) -> None:
    """Each kind of mistake, made once."""
    (found,) = commands_of(f"```sh\n{command}\n```\n")
    assert wrong in str(complaint(found.words))


def test_commands_are_found_wherever_they_stand() -> None:
    """Behind pipes and operators, over several lines, in substitutions and in running text."""
    page = (
        "Erst `docker compose ps`, nicht `redis`.\n\n```sh\n# nichts\nA=1 ls | wc -l   # zählen\n"
        "docker compose \\\n  up -d && df -h >x 2>&1\necho $(date)\n```\n"
    )
    found = {(command.line, " ".join(command.words)) for command in commands_of(page)}
    assert found == {
        (1, "docker compose ps"),
        (5, "A=1 ls"),
        (5, "wc -l"),
        (6, "docker compose up -d"),
        (6, "df -h"),
        (8, "echo"),
        (8, "date"),
    }
