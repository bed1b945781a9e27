"""Documents with one or two values that nobody expects in their place."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from hypothesis import strategies as st

_Path: TypeAlias = tuple[str | int, ...]

TIMES = (
    "",
    "x",
    "2026-11-30",
    "2026-11-30T20:00:00",
    "2026-11-30T20:00:00.000",
    "2026-11-30T20:00:00.000+01:00",
    "2026-02-30T20:00:00.000Z",
    "2026-11-30T25:00:00.000Z",
    "2026-12-31T23:59:60.000Z",
    "0000-01-01T00:00:00.000Z",
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "10000-01-01T00:00:00.000Z",
    "-001-01-01T00:00:00.000Z",
    "٢٠٢٦-11-30T20:00:00.000Z",
    "2026-11-30T20:00:00.000Z\n",
)
IDS = (
    "front",
    "front:1-1-ü",
    "front:1\r\nX-Evil: 1",
    "front:" + "1" * 5_000,
    "front:0-0-0",
    "../../x:1-1-0",
    "front:१-1-0",
)
VALUES: tuple[Any, ...] = (
    *TIMES,
    *IDS,
    None,
    True,
    0,
    -1,
    1.5,
    -0.001,
    1e308,
    2**53,
    2**64 - 1,
    -(2**63),
    10**30,
    "0",
    "-1",
    "1" * 19,
    "1" * 20,
    "\x00\x1b[2J",
    "javascript:alert(1)",
    "\ud7ff\ue000",
    "a" * 20_000,
    [],
    {},
    [[[[]]]],
    ["x"] * 40,
    [0.1, 0.2, 0.3, 0.4],
    {"x": {}},
    float("nan"),
    float("inf"),
)
RUBBISH = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"\xff\xfe\x00",
    b"{}",
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"schema": "vision.events/1"}',
    b'{"schema": "\\ud800"}',
    b"1" * 6_000,
)


def mutations(known: bytes) -> st.SearchStrategy[bytes]:
    """``known`` with one to three of its values replaced, taken away or joined by others."""
    document = json.loads(known)
    paths = st.sampled_from(sorted(_paths(document), key=str))
    changes = st.lists(st.tuples(paths, st.sampled_from((_GONE, _MORE, *VALUES))), min_size=1)
    return st.sampled_from(RUBBISH) | changes.map(lambda some: _changed(document, some[:3]))


_GONE, _MORE = object(), object()


def _paths(part: Any, above: _Path = ()) -> Iterator[_Path]:
    steps = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for step in steps:
        yield (*above, step)
        yield from _paths(part[step], (*above, step))


def _changed(document: Any, changes: list[tuple[_Path, Any]]) -> bytes:
    changed = copy.deepcopy(document)
    for path, value in changes:
        _change(changed, path, value)
    # As a careless program would write it: NaN, and numbers of any size.
    return json.dumps(changed, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _change(document: Any, path: _Path, value: Any) -> None:
    *above, last = path
    part = document
    for step in above:
        try:
            part = part[step]
        except (LookupError, TypeError):
            # An earlier change took the part away.
            return
    if not isinstance(part, dict | list):
        return
    if value is _GONE and last in (part if isinstance(part, dict) else range(len(part))):
        del part[last]  # type: ignore[arg-type]
    elif isinstance(part, dict) or (isinstance(last, int) and last < len(part)):
        part["unknown" if value is _MORE and isinstance(part, dict) else last] = (  # type: ignore[index]
            7 if value in (_GONE, _MORE) else value
        )
