"""Whatever bytes a configuration file holds: settings, or one line that shows no secret."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vision.config import load_settings
from vision.config.reference import known_keys
from vision.domain.errors import ConfigError

_WORDS = sorted({part for key in known_keys() for part in key.split(".")})
_SECRET = "hunter2-tell-nobody"


def line_for(content: bytes) -> str:
    """What the loader says to a file; empty where it takes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vision.yaml"
        path.write_bytes(content)
        try:
            load_settings(path, {})
        except ConfigError as error:
            return str(error)
    return ""


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b"\xff\xfe\x00")
@example(b"1: 2")
@example(b"null: 2")
@example(b"? [a]\n: b")
@example(b"? {a: b}\n: b")
@example(b"web: 2001-99-99")
@example(b"web: 0b_")
@example(b"web: !!python/object:os.system x")
@example(b"web: !!binary '%'")
@example(b"web: !!timestamp x")
@example(b"web: !!int x")
@example(b"web: !!float x")
@example(b"web: !!bool x")
@example(b"web: !!set [a]")
@example(b"web: !!omap 3")
@example(b"&a [*a]")
@example(b"web: &a {port: *a}")
@example(b"<<: 3")
@example(b"<<: [3]")
@example(b"=: 3")
@example(b"[" * 1500)
@example(b"a: " * 1500)
@example(b"{a: " * 1500)
@example(b"web: {port: 1" + b"0" * 5000 + b"}")
@example(b"cameras: {1: {url: 'rtsp://h/x'}}")
@example(b"cameras: {front: {url: 'rtsp://h/x', fps: .nan}}")
@example(b"cameras: {front: {url: 'rtsp://h/x', fps: .inf}}")
@example(b'cameras: {front: {url: "rtsp://h\\0/x"}}')
@example(b"cameras: {front: {url: 'rtsp://[/x'}}")
@example(b'models_dir: "\\0"')
def test_any_bytes_are_settings_or_one_line(content: bytes) -> None:
    """No other exception gets out, and nobody is shown a traceback."""
    line = line_for(content)
    assert len(line.splitlines()) <= 1
    assert len(line) < 2000


def test_aliases_of_aliases_are_refused() -> None:
    """A few lines that stand for a billion values are one line of complaint, at once."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    line = line_for("\n".join(lines).encode())
    assert "line 6: stands for more than 200000 values" in line


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.binary(max_size=5)
)
_KEYS = st.sampled_from([*_WORDS, "front", "x"]) | st.integers(0, 3) | st.booleans() | st.none()
_DOCUMENTS: Any = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_KEYS, _DOCUMENTS, max_size=4))
def test_any_document_with_our_keys_is_settings_or_one_line(document: dict[Any, Any]) -> None:
    """Right keys with wrong values, wrong keys with right ones, at any depth."""
    line = line_for(yaml.safe_dump(document, allow_unicode=True).encode())
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize("key", ["password", "passwd", "token", "secret", "dsn"])
@given(place=st.sampled_from(["", "redis", "cameras.front", "web", "model", "cameras"]))
def test_a_secret_in_the_wrong_place_is_not_repeated(key: str, place: str) -> None:
    """The line names the key, which helps, and never its value."""
    document: dict[str, Any] = {key: _SECRET}
    for part in reversed(place.split(".") if place else []):
        document = {part: document}
    line = line_for(yaml.safe_dump(document).encode())
    assert line
    assert _SECRET not in line


@given(st.sampled_from(["rtsp://u:{}@h/x", "rtsp://h/x?pwd={}", "http://{}:x@h", "{}"]))
def test_a_credential_in_a_url_is_not_repeated(form: str) -> None:
    """Nor what looks like a URL and is none."""
    url = form.format(_SECRET)
    line = line_for(yaml.safe_dump({"cameras": {"front": {"url": url}}}).encode())
    assert line
    assert _SECRET not in line
