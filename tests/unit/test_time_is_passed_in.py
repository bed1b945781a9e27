"""Time and waiting are passed in: no test replaces a clock or a sleep behind the code's back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
_REPLACING = frozenset({"setattr", "delattr", "setitem", "patch", "object", "dict", "multiple"})
_TIME = re.compile(
    r"(?i)sleep|monotonic|perf_counter|clock|datetime|utcnow|wait|timeout|\btime\b|_N?S\b"
)
_LIBRARIES = frozenset({"freezegun", "time_machine"})


def offences(source: str) -> Iterator[str]:
    """Each place in a test that replaces something by which time is told or passed."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[*args]) if (
                name in _REPLACING and _is_patching(node.func)
            ):
                words = " ".join(ast.unparse(argument) for argument in args[:2])
                if _TIME.search(words):
                    yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="time" | "datetime"))]):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Import(names=names) if _LIBRARIES & {alias.name for alias in names}:
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.ImportFrom(module=module) if module in _LIBRARIES:
                yield f"line {node.lineno}: {ast.unparse(node)}"


def _is_patching(function: ast.expr) -> bool:
    """Whether it is pytest's or unittest's, and not a method that is called alike."""
    return bool(re.search(r"monkeypatch|patch|mock", ast.unparse(function)))


@pytest.mark.parametrize(
    "source",
    [
        "monkeypatch.setattr(time, 'sleep', lambda _: None)",
        "monkeypatch.setattr('vision.capture.worker.time.monotonic', clock)",
        "monkeypatch.setattr(worker, '_SILENCE_S', 0.1)",
        "mock.patch('time.time', return_value=3)",
        "patch.object(time, 'monotonic_ns')",
        "with mock.patch('a.b.sleep'): pass",
        "time.sleep = print",
        "import freezegun",
        "from time_machine import travel",
    ],
)
def test_replacing_time_is_found(source: str) -> None:
    """In each form that there is for it."""
    assert [*offences(source)]


@pytest.mark.parametrize(
    "source",
    [
        "monkeypatch.setenv('TIME', '3')",
        "monkeypatch.setattr(importlib.util, 'find_spec', find)",
        "Damper(clock_s=lambda: 3.0)",
        "faults.clock_offset_s = 3",
    ],
)
def test_other_things_are_not(source: str) -> None:
    """Passing a clock in is what is wanted."""
    assert not [*offences(source)]


def test_no_test_replaces_a_clock_or_a_sleep() -> None:
    """Nor a duration that a module keeps for itself."""
    found = [
        f"{path.relative_to(_TESTS)}: {offence}"
        for path in sorted(_TESTS.rglob("*.py"))
        for offence in offences(path.read_text())
    ]
    assert not found
