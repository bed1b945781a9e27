"""The pipeline at several numbers of cameras, and beside its peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bench.ceiling import Load, ceiling
from bench.clips import clip, sha256
from bench.machine import cores
from bench.models import file_of, network_of, weights_of
from bench.peers import programs
from bench.peers.programs import Peer, PeerModels
from bench.pipeline.figures import pipeline_figures, pooled
from bench.pipeline.interleave import Ceiling, Flanked, interleaved
from bench.pipeline.round import in_fresh_process
from bench.pipeline.site import Site
from bench.result import Row
from bench.summary import jain, rounded
from vision.domain.errors import ConfigError

RATES = (10, 15, 20, 30, 60)
"""Frames per second that cameras have."""
_USUAL_FPS = 30
_OVERLOAD = 1.5
# One or two cameras are measured at the rate that cameras have: latency is what they show.
_FEW = 2
_SCOUT_S = 4.0
_HALF = 0.5

Say = Callable[[str], None]


@dataclass(slots=True)
class Plan:
    """How the pipeline is measured.

    Attributes:
        model: Name in the catalogue.
        seconds: Window of a round.
        rounds: Of each number of cameras.
        ceiling_s: Window of a ceiling.
        say: Told what is measured now.
        peer_model: Name of the model that peers load; None for the node's.
        inputs: Takes the hash of each clip and model.
    """

    model: str
    seconds: float
    rounds: int
    ceiling_s: float
    say: Say
    peer_model: str | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    _engine: dict[str, Any] = field(default_factory=dict)

    def site(self, cameras: int, camera_fps: int) -> Site:
        """Cameras that are all to be inferred at their own rate."""
        path = clip(640, 360, camera_fps)
        self.inputs[path.name] = sha256(path)
        return Site(cameras, camera_fps, float(camera_fps), self.model, seconds=self.seconds)

    def engine(self) -> Load:
        """The engine as a node reports to have used it; asked of a short run at first."""
        if not self._engine:
            self.say("which model and input a node takes")
            scout = replace(self.site(1, _USUAL_FPS), seconds=_SCOUT_S)
            self._engine = in_fresh_process(scout)
        model = self._engine["model"]
        file = file_of(model["name"], model["sha256"])
        self.inputs[file.path.name] = file.sha256
        return Load(file.path, *self._engine["input"])

    def ceiling(self) -> Ceiling:
        """Measure the ceiling once."""
        self.say("ceiling")
        figures = ceiling(self.engine(), self.ceiling_s)
        return Ceiling(figures["fps"], figures["cpu_ms_per_frame"])

    def peer_models(self) -> PeerModels:
        """The same weights for peers.

        Raises:
            ConfigError: They are not there in the forms that peers load.
        """
        load = self.engine()
        name = self.peer_model or self._engine["model"]["name"]
        weights, network = weights_of(name), network_of(name)
        for file in (weights, network):
            self.inputs[file.path.name] = file.sha256
        return PeerModels(weights.path, network.path, (load.height, load.width))


def rate_for(cameras: int, ceiling_fps: float) -> int:
    """The rate at which so many cameras ask for half as much again as the engine can do."""
    if cameras <= _FEW:
        return _USUAL_FPS
    enough = [rate for rate in RATES if cameras * rate >= _OVERLOAD * ceiling_fps]
    return enough[0] if enough else RATES[-1]


def scaling(plan: Plan, counts: Sequence[int]) -> list[Row]:
    """A row for each number of cameras, the rounds of all taking turns."""
    top_fps = plan.ceiling().fps
    sites = [plan.site(count, rate_for(count, top_fps)) for count in counts]
    order = [site for _ in range(plan.rounds) for site in sites]
    done = interleaved([partial(_round, plan, site) for site in order], plan.ceiling)
    rows = []
    for place, site in enumerate(sites):
        figures, details = _figures(done[place :: len(sites)], site)
        rows.append(Row("pipeline", f"{site.cameras} cameras", figures, details))
    return rows


def half_load(plan: Plan, cameras: int) -> list[Row]:
    """One row: as many frames as half the engine can do, which shows what the pipeline adds."""
    top_fps = plan.ceiling().fps
    site = replace(plan.site(cameras, _USUAL_FPS), fps=rounded(_HALF * top_fps / cameras))
    jobs = [partial(_round, plan, site)] * plan.rounds
    figures, details = _figures(interleaved(jobs, plan.ceiling), site)
    return [Row("pipeline", f"{cameras} cameras at half load", figures, details)]


def side_by_side(plan: Plan, cameras: int) -> list[Row]:
    """The node and every peer that is installed, taking turns on the same cameras.

    Raises:
        ConfigError: No peer is installed.
    """
    peers = programs.installed()
    if not peers:
        raise ConfigError("no peer is installed: run `make bench-peers`")
    models = plan.peer_models()
    site = plan.site(cameras, rate_for(cameras, plan.ceiling().fps))
    turns: list[Callable[[], dict[str, Any]]] = [partial(_round, plan, site)]
    turns += [partial(_peer_round, plan, peer, site, models) for peer in peers]
    done = interleaved(turns * plan.rounds, plan.ceiling)
    figures, details = _figures(done[:: len(turns)], site)
    rows = [Row("peers", f"{cameras} cameras, Ariia Vision", figures, details)]
    for place, peer in enumerate(peers, 1):
        own = done[place :: len(turns)]
        rows.append(
            Row(
                "peers",
                f"{cameras} cameras, {peer.name}",
                *_peer_figures(own, figures["fps"], site),
            )
        )
    return rows


def _round(plan: Plan, site: Site) -> dict[str, Any]:
    plan.say(f"{site.cameras} cameras of {site.camera_fps} fps, {site.fps:g} fps of each inferred")
    return in_fresh_process(site)


def _peer_round(plan: Plan, peer: Peer, site: Site, models: PeerModels) -> dict[str, Any]:
    plan.say(f"{site.cameras} cameras of {site.camera_fps} fps, {peer.name}")
    return programs.run(peer, site, models)


def _figures(
    done: Sequence[Flanked[dict[str, Any]]], site: Site
) -> tuple[dict[str, float], dict[str, Any]]:
    rounds, ceilings = [one.measured for one in done], [one.ceiling for one in done]
    return pipeline_figures(rounds, ceilings, site.offered_fps, cores())


def _peer_figures(
    done: Sequence[Flanked[dict[str, Any]]], node_fps: float, site: Site
) -> tuple[dict[str, float], dict[str, Any]]:
    rounds = [one.measured for one in done]
    rates = [len(one["seen"]) / one["seconds"] for one in rounds]
    shares = [fps / one.ceiling.fps for fps, one in zip(rates, done, strict=True)]
    frames = sum(len(one["seen"]) for one in rounds)
    fps = sum(rates) / len(rates)
    by_camera = [
        sum(camera == number for one in rounds for camera, _, _ in one["seen"])
        for number in range(site.cameras)
    ]
    figures = {
        "fps": rounded(fps),
        **pooled(rounds, "latency_ms"),
        "fairness": jain(by_camera),
        "cpu_ms_per_frame": rounded(sum(one["cpu_s"] for one in rounds) / max(1, frames) * 1000),
        "first_detection_s": rounded(min(one["first_s"] for one in rounds)),
        "rss_mib": rounded(max(one["rss_mib"] for one in rounds)),
        "of_ceiling": rounded(sum(shares) / len(shares)),
        "node_times_fps": rounded(node_fps / fps) if fps else 0.0,
    }
    details = {
        "offered_fps": site.offered_fps,
        "frames_without_number": sum(number < 0 for one in rounds for *_, number in one["seen"]),
        "rounds": len(rounds),
        "versions": rounds[0]["versions"],
    }
    return figures, details
