"""Runs cases and puts their rows into one result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.cases import CASES
from bench.clips import clip, sha256
from bench.fresh import fresh
from bench.machine import machine
from bench.pipeline.case import RATES, Plan, Say, half_load, scaling, side_by_side
from bench.pipeline.clock import proof
from bench.pipeline.site import Site
from bench.profile import profiled
from bench.result import Result, Row, rows_of
from bench.summary import middle, spread

PICTURES = Path(__file__).parents[1] / "docs" / "images"
FLAMEGRAPH = PICTURES / "bench-flamegraph.svg"
_HALF_LOAD_CAMERAS = 4
_PROFILE_CAMERAS, _PROFILE_FPS = 4, 30


@dataclass(slots=True)
class Run:
    """One run.

    Attributes:
        say: Told what is measured now.
        model: Name in the catalogue.
        network: A further network file for the case ``infer``, as one in INT8.
        peer_model: Name of the model that peers load; None for the node's.
        stage_s: Window of a figure of a stage.
        stage_rounds: How often each stage is measured, all taking turns.
        window_s: Window of a round of the pipeline.
        rounds: Of the pipeline, for each number of cameras.
        ceiling_s: Window of a ceiling.
    """

    say: Say
    model: str = "auto"
    network: Path | None = None
    peer_model: str | None = None
    stage_s: float = 2.0
    stage_rounds: int = 1
    window_s: float = 12.0
    rounds: int = 2
    ceiling_s: float = 4.0
    rows: list[Row] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)

    def stages(self, cases: Sequence[str] = CASES) -> None:
        """Measure stages, each in a process of its own; the middle of several rounds counts."""
        rounds: dict[tuple[str, str], list[Row]] = {}
        for _ in range(self.stage_rounds):
            for case in cases:
                self.say(case)
                arguments = [case, f"--seconds={self.stage_s}", f"--model={self.model}"]
                if self.network:
                    arguments.append(f"--file={self.network.resolve()}")
                answer: dict[str, Any] = fresh("bench.cases", arguments)
                self.inputs.update(answer["inputs"])
                for row in rows_of(answer["rows"]):
                    rounds.setdefault(row.key, []).append(row)
        self.rows += [_middle(own) for own in rounds.values()]

    def pipeline(self, cameras: Sequence[int]) -> None:
        """Measure the pipeline at several numbers of cameras."""
        self._planned(partial(scaling, counts=cameras))

    def half_load(self) -> None:
        """Measure the pipeline where the engine is idle half of the time."""
        self._planned(partial(half_load, cameras=_HALF_LOAD_CAMERAS))

    def peers(self, cameras: Iterable[int]) -> None:
        """Measure the peers that are installed beside the pipeline."""
        for count in cameras:
            self._planned(partial(side_by_side, cameras=count))

    def clock(self) -> None:
        """Prove the capture time."""
        self.say("clock")
        self.rows += proof(self.window_s)

    def profile(self, picture: Path = FLAMEGRAPH) -> None:
        """See where the time goes."""
        self.say("profile")
        site = Site(_PROFILE_CAMERAS, _PROFILE_FPS, _PROFILE_FPS, self.model, seconds=self.window_s)
        self._use_clip(_PROFILE_FPS)
        picture.parent.mkdir(parents=True, exist_ok=True)
        self.rows.append(profiled(site, picture))

    def prepare(self) -> None:
        """Encode all clips first: nothing else is to run while something is measured."""
        self.say("clips")
        for fps in RATES:
            self._use_clip(fps)

    def result(self, where: dict[str, Any]) -> Result:
        """All that was measured."""
        return Result(where, dict(sorted(self.inputs.items())), self.rows)

    def _planned(self, measure: Callable[[Plan], list[Row]]) -> None:
        plan = Plan(
            self.model, self.window_s, self.rounds, self.ceiling_s, self.say, self.peer_model
        )
        self.rows += measure(plan)
        self.inputs.update(plan.inputs)

    def _use_clip(self, fps: int) -> None:
        path = clip(640, 360, fps)
        self.inputs[path.name] = sha256(path)


def everything(run: Run, cameras: Sequence[int], peers_at: Sequence[int]) -> Result:
    """All cases in one run: what the documentation shows."""
    where = machine()
    run.prepare()
    run.stages()
    run.clock()
    run.pipeline(cameras)
    run.half_load()
    if peers_at:
        run.peers(peers_at)
    run.profile()
    return run.result(where)


def _middle(rounds: Sequence[Row]) -> Row:
    first = rounds[0]
    if len(rounds) == 1:
        return first
    name = next(iter(first.figures))
    details = {"rounds": len(rounds), "spread": spread([row.figures[name] for row in rounds])}
    figures = middle([row.figures for row in rounds])
    return Row(first.case, first.variant, figures, first.details | details)
