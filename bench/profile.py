"""Where the processor time of the pipeline goes, by stage and by function of ours.

The system tells how much each thread has used; py-spy, sampling the node and its ingest
processes from outside, tells which functions the Python threads were in meanwhile. The time of
a thread is shared out over its samples. Threads that Python does not know are the engine's.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from bench.fresh import ROOT, fresh
from bench.pipeline.site import Running, Site, running
from bench.processes import cpu_by_role, family, spent_s, thread_cpu_s
from bench.result import Row
from bench.summary import rounded
from vision.domain.errors import ConfigError

_RATE_HZ = 100
_FLAMEGRAPH_S = 10
_THREAD = re.compile(r"^thread \((\d+)\)(?:: (.+))?$")
_OURS = re.compile(r"^(?P<function>.+) \((?:.*/)?vision/(?P<file>[^:]+)\.py:\d+\)$")
_ENGINE, _LIBRARIES = "engine (OpenVINO)", "Python and libraries"
# The machine's paths and process numbers have no place in a picture that is kept.
_COMMAND = re.compile(
    r"process \d+:(?:\"|&quot;)[^<;(]*?(spawn_main|vision run)[^<;(]*?(?:\"|&quot;)"
)
# What is left of a command where a box is too narrow for it.
_CUT_COMMAND = re.compile(r"process \d+:(?:\"|&quot;)[^<;(]*?\.\.(?=<)")
_MOST_FUNCTIONS = 25


class Stack(NamedTuple):
    """Samples of one thread in one place.

    Attributes:
        thread: Its number.
        name: Its name; None for one that Python did not start.
        frames: Innermost last.
        samples: How many.
    """

    thread: int
    name: str | None
    frames: tuple[str, ...]
    samples: int


def profiled(site: Site, picture: Path) -> Row:
    """Profile in a process of its own; the flame graph goes to ``picture``.

    Raises:
        ConfigError: py-spy is not installed.
    """
    if not _py_spy().exists():
        raise ConfigError("py-spy is not installed: pip install 'ariia-vision[bench]'")
    answer = fresh("bench.profile", [json.dumps(asdict(site)), str(picture)])
    return Row(**answer)


def parse(raw: str) -> list[Stack]:
    """The lines of ``py-spy record --format raw --threads``."""
    stacks = []
    for line in raw.splitlines():
        text, _, count = line.rpartition(" ")
        frames = text.split(";")
        at = next((at for at, frame in enumerate(frames) if _THREAD.match(frame)), None)
        if at is None:
            continue
        found = _THREAD.match(frames[at])
        assert found is not None  # noqa: S101  it was just found
        stacks.append(Stack(int(found[1]), found[2], tuple(frames[at + 1 :]), int(count)))
    return stacks


def function_of(frames: Iterable[str]) -> str | None:
    """The innermost function of ours, as ``capture/scale: Scaler.scale``."""
    ours = [found for frame in frames if (found := _OURS.match(frame))]
    return f"{ours[-1]['file']}: {ours[-1]['function']}" if ours else None


def shared_out(stacks: Iterable[Stack], threads_s: Mapping[int, float]) -> dict[str, float]:
    """Processor time by function of ours, of the engine, and of what is neither, seconds."""
    by_thread: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for stack in stacks:
        if stack.name is not None:
            by_thread[stack.thread][function_of(stack.frames) or _LIBRARIES] += stack.samples
    spent: defaultdict[str, float] = defaultdict(float)
    for thread, used_s in threads_s.items():
        samples = by_thread.get(thread)
        if not samples:
            spent[_ENGINE] += used_s
            continue
        for function, count in samples.items():
            spent[function] += used_s * count / samples.total()
    return dict(spent)


def stage_of(function: str) -> str:
    """The stage a function belongs to: its folder."""
    return function.partition("/")[0] if "/" in function.partition(":")[0] else function


def measure(site: Site, picture: Path) -> Row:
    """Profile and draw."""
    with running(site) as live, tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.txt"
        before, roles = _threads_s(live), cpu_by_role(live.roots)
        _record(live, "raw", raw, round(site.seconds))
        threads_s = {
            thread: used_s - before.get(thread, 0.0) for thread, used_s in _threads_s(live).items()
        }
        used = spent_s(roles, cpu_by_role(live.roots))
        _record(live, "flamegraph", picture, _FLAMEGRAPH_S)
        stacks = parse(raw.read_text())
    picture.write_text(clean(picture.read_text()))
    spent = shared_out(stacks, threads_s)
    spent["Redis"] = used["redis"]
    return Row("profile", f"{site.cameras} cameras", {}, _details(spent, used, stacks, site))


def _details(
    spent: Mapping[str, float], used: Mapping[str, float], stacks: list[Stack], site: Site
) -> dict[str, Any]:
    total_s = sum(spent.values())
    stages: defaultdict[str, float] = defaultdict(float)
    for function, used_s in spent.items():
        stages[stage_of(function)] += used_s
    functions = {name: used_s for name, used_s in spent.items() if "/" in name.partition(":")[0]}
    return {
        "percent_by_stage": _percent(stages, total_s),
        "percent_by_function": dict(list(_percent(functions, total_s).items())[:_MOST_FUNCTIONS]),
        "cores_used": rounded(total_s / site.seconds),
        "cores_used_by_cameras": rounded(used["cameras"] / site.seconds),
        "cores_used_by_subscriber_and_profiler": rounded(used["subscriber"] / site.seconds),
        "samples": sum(stack.samples for stack in stacks),
        "camera_fps": site.camera_fps,
    }


def _percent(spent: Mapping[str, float], total_s: float) -> dict[str, float]:
    order = sorted(spent.items(), key=lambda item: -item[1])
    return {name: round(used_s / total_s * 100, 1) for name, used_s in order}


def clean(text: str) -> str:
    """A flame graph without this machine's paths and process numbers."""

    def named(found: re.Match[str]) -> str:
        return "ingest process" if found[1] == "spawn_main" else "node"

    text = re.sub(r">[^<]*py-spy record[^<]*<", ">vision run<", _COMMAND.sub(named, text))
    text = _CUT_COMMAND.sub("process..", text)
    for path in (str(ROOT), sysconfig.get_paths()["stdlib"], sys.base_prefix):
        text = text.replace(f"{path}/", "")
    return re.sub(r"thread \(\d+\)(: )?", "thread ", text)


def _threads_s(live: Running) -> dict[int, float]:
    return {
        thread: used_s
        for pid in family(live.node.process.pid)
        for thread, (_, used_s) in thread_cpu_s(pid).items()
    }


def _record(live: Running, kind: str, path: Path, seconds: int) -> None:
    # Without stopping the node for each sample: what is measured is what would run.
    command = [str(_py_spy()), "record", "--pid", str(live.node.process.pid), "--subprocesses"]
    command += ["--threads", "--nonblocking", "--rate", str(_RATE_HZ), "--duration", str(seconds)]
    subprocess.run(
        [*command, "--format", kind, "--output", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )


def _py_spy() -> Path:
    return Path(sysconfig.get_path("scripts")) / "py-spy"


def main() -> None:
    """Measure and answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("site", type=json.loads)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()
    print(json.dumps(asdict(measure(Site(**args.site), args.picture))))


if __name__ == "__main__":
    main()
