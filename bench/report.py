"""``docs/performance.md`` from a result: tables between markers, plots beside them."""

from __future__ import annotations

from pathlib import Path

from bench.pages.peers import peers
from bench.pages.pipeline import half_load, pipeline
from bench.pages.stages import infer, profile, slot, stages
from bench.plots import plot_all
from bench.result import Result
from vision.domain.errors import ConfigError

_DOCS = Path(__file__).parents[1] / "docs"
_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"


def write_report(result: Result, name: str) -> list[Path]:
    """Write the page and its plots; what stands outside of the markers stays."""
    page = _DOCS / "performance.md"
    plots = plot_all(result, _DOCS / "images")
    page.write_text(replaced(page.read_text(encoding="utf-8"), rendered(result, name)))
    return [page, *plots]


def replaced(page: str, text: str) -> str:
    """The page with ``text`` between its markers.

    Raises:
        ConfigError: It has no markers.
    """
    head, begin, rest = page.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ConfigError(f"docs/performance.md: {_BEGIN} and {_END} are not in it: add them")
    return f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}"


def rendered(result: Result, name: str) -> str:
    """All sections that the result has rows for."""
    sections = [
        _machine(result, name),
        *pipeline(result),
        *half_load(result),
        *peers(result),
        *profile(result),
        *stages(result),
        *infer(result),
        *slot(result),
    ]
    return "\n".join(sections)


def _machine(result: Result, name: str) -> str:
    where = result.machine
    packages = ", ".join(f"{package} {version}" for package, version in where["packages"].items())
    instructions = ", ".join(where["instructions"]) or "no vector instructions worth naming"
    return (
        f"`{where['command']}` on {where['cores']} cores of an {where['processor']} virtual machine\n"
        f"({instructions}), {where['memory_gib']} GiB, {where['system']}, {where['measured_at'][:10]}, "
        f"load before {where['load_before']}.\n"
        f"Python {where['python']}, {packages}, Redis {where['redis_server']}.\n"
        f"The figures as measured: [bench/results/{name}.json](../bench/results/{name}.json).\n"
    )
