"""The page is whole, keeps to its own security policy and agrees with the server."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import vision.web
from vision.domain.status import CameraState
from vision.web.colours import OFFSET, PALETTE, PRIME, colour_of

_PAGE = Path(vision.web.__file__).parent / "page"
_FILES = sorted(path for path in _PAGE.iterdir() if path.suffix in {".html", ".js", ".css", ".svg"})


class _Elements(HTMLParser):
    """Collects the elements of the page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _elements() -> list[tuple[str, dict[str, str | None]]]:
    parser = _Elements()
    parser.feed((_PAGE / "index.html").read_text())
    return parser.found


def test_assets_exist() -> None:
    """Every file that the page or one of its modules names is in the package."""
    named = {
        reference.removeprefix("static/")
        for _, attributes in _elements()
        for reference in (attributes.get("src"), attributes.get("href"))
        if reference and reference.startswith("static/")
    }
    for module in _PAGE.glob("*.js"):
        named |= set(re.findall(r'from "\./([^"]+)"', module.read_text()))
    assert named
    assert named == {path.name for path in _FILES} - {"index.html"}


def test_nothing_inline() -> None:
    """The policy forbids inline scripts, handlers and styles: the page has none."""
    for tag, attributes in _elements():
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "script" or attributes.get("src")


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_nothing_from_outside(path: Path) -> None:
    """No file loads anything from another host."""
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.", re.sub(r"rtsp://\S+", "", text))


def test_modules_never_write_markup() -> None:
    """Names, labels and reasons reach the document as text only."""
    for module in _PAGE.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", module.read_text()
        )


def test_elements_named_in_modules_exist() -> None:
    """Every id that a module looks up is in the page."""
    ids = {attributes["id"] for _, attributes in _elements() if "id" in attributes}
    for module in _PAGE.glob("*.js"):
        assert set(re.findall(r'byId\("([^"]+)"\)', module.read_text())) <= ids


def test_page_has_words_for_every_state() -> None:
    """A camera's state is never shown as unknown because the page lacks a word for it."""
    words = set(re.findall(r"^  (\w+): \{", (_PAGE / "wording.js").read_text(), re.MULTILINE))
    assert {state.value for state in CameraState} == words - {"unknown"}


def test_page_and_snapshots_share_colours() -> None:
    """A label has the same colour on the page and in a snapshot."""
    text = (_PAGE / "colours.js").read_text()
    listed = text[text.index("PALETTE = [") : text.index("];")]
    assert tuple(re.findall(r"#[0-9a-f]{6}", listed)) == PALETTE
    assert f"OFFSET = {OFFSET};" in text
    assert f"PRIME = {PRIME};" in text


def test_what_a_street_shows_is_told_apart() -> None:
    """People, vehicles, pets and signs have a colour each."""
    labels = "person bicycle car motorcycle bus truck dog cat"
    street = [*labels.split(), "stop sign", "traffic light"]
    assert len({colour_of(label) for label in street}) == len(street)
