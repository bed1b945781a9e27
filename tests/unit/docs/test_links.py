"""Every link of the documents leads somewhere, and the README stays short."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
_LONGEST_README_BYTES = 8192
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def documents() -> list[Path]:
    """All Markdown files of the project."""
    skipped = {".venv", "node_modules", ".git", "models"}
    return sorted(
        path for path in ROOT.rglob("*.md") if not skipped & {*path.relative_to(ROOT).parts}
    )


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = set[str]()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.replace(" ", "-"))
    return found


def dead_links(document: Path) -> list[str]:
    """Relative links of a document that lead nowhere."""
    text = _CODE.sub("", document.read_text(encoding="utf-8"))
    dead = list[str]()
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        is_there = target.exists()
        if is_there and anchor and target.suffix == ".md":
            is_there = anchor in anchors(target)
        if not is_there:
            dead.append(f"{document.relative_to(ROOT)}: {link}")
    return dead


def test_every_relative_link_and_anchor_leads_somewhere() -> None:
    dead = [link for document in documents() for link in dead_links(document)]
    assert not dead


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= _LONGEST_README_BYTES


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for document in [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")]:
        if document.name != "README.md":
            assert f"({document.relative_to(ROOT / 'docs')})" in index, document


def test_modules_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {*re.findall(r"`([\w/]+/\w+\.py)`", text)}
    assert named
    assert not {path for path in named if not (ROOT / "vision" / path).exists()} - {
        path for path in named if (ROOT / path).exists()
    }
