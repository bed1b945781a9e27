"""A file in the run directory may be anybody's: it is a state of a role, or said not to be."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from vision.runtime.health.liveness import readings_in, verdict

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_NAMES = ("role", "stuck", "reasons", "facts", "pid", "at_mono_ns")


def lines_for(content: bytes) -> list[str]:
    """What is said of a file with this content, live and in full."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "run.json").write_bytes(content)
        return [
            verdict(found, live_only=live_only)[1]
            for found in readings_in(Path(folder), lambda: 10**9)
            for live_only in (False, True)
        ]


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'{"at_mono_ns": Infinity, "pid": 1, "role": "run"}')
@example(b'{"at_mono_ns": NaN, "pid": 1, "role": "run"}')
@example(b'{"at_mono_ns": 1e999, "pid": 1, "role": "run"}')
@example(b'{"at_mono_ns": 1' + b"0" * 5000 + b', "pid": 1, "role": "run"}')
@example(b'{"at_mono_ns": 1' + b"0" * 400 + b', "pid": 1, "role": "run"}')
@example(b'{"at_mono_ns": 5, "pid": 1, "role": "run", "stuck": [1]}')
@example(b'{"at_mono_ns": 5, "pid": 1, "role": "run", "facts": "abc"}')
@example(b'{"at_mono_ns": 5, "pid": 1, "role": {"a": "\\n"}}')
def test_any_bytes_get_two_lines(content: bytes) -> None:
    """Nothing is raised, and a line is a line."""
    lines = lines_for(content)
    assert len(lines) == 2
    assert all(len(line.splitlines()) == 1 for line in lines)


@given(st.dictionaries(st.sampled_from(_NAMES), _JSON))
def test_a_document_of_the_right_keys_gets_two_lines(document: dict[str, object]) -> None:
    """Whatever stands under them."""
    lines = lines_for(json.dumps(document).encode())
    assert len(lines) == 2
    assert all(len(line.splitlines()) == 1 for line in lines)
