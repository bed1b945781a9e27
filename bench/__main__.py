"""Measure, compare and report: ``python -m bench CASE --save NAME``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.cases import CASES
from bench.check import checked
from bench.compare import Change, changes, differing_inputs, too_bad
from bench.machine import machine
from bench.report import write_report
from bench.result import RESULTS, Result, save
from bench.run import FLAMEGRAPH, Run, everything
from bench.tables import show, show_changes
from vision.domain.errors import ConfigError, VisionError

_CAMERAS = (1, 2, 4, 8, 16, 32)
_PEERS_AT = (4, 16)
_COMMITTED = "cpu"
_CHECKED_CAMERAS = (4, 16)
_console = Console(highlight=False)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> int:
    """Run a command; exit code 1 for a figure that is too bad, 2 for input that can be mended."""
    args = _parser().parse_args()
    try:
        code: int = args.command(args)
    except ConfigError as error:
        _errors.print(f"error: {error}", markup=False)
        return 2
    except VisionError as error:
        _errors.print(f"error: {error}", markup=False)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog="The motion gate has clips and a report of its own: python -m bench.gate --help.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    measuring = argparse.ArgumentParser(add_help=False)
    add = measuring.add_argument
    add("--save", metavar="NAME", help="keep as bench/results/NAME.json")
    add("--model", default="auto", help="name in the catalogue (%(default)s)")
    add("--network", type=Path, metavar="FILE", help="a further network for `infer`")
    add("--peer-model", metavar="NAME", help="what peers load (what the node does)")
    add("--seconds", type=float, help="window: 12 of the pipeline, 2 of a stage")
    add("--rounds", type=int, help="2 of the pipeline, 1 of a stage")

    for case in CASES:
        command = commands.add_parser(case, parents=[measuring], help="a stage by itself")
        command.set_defaults(command=_measure(lambda run, args: run.stages([args.case])), case=case)
    command = commands.add_parser(
        "pipeline", parents=[measuring], help="cameras to subscriber, beside the ceiling"
    )
    command.add_argument("--cameras", type=int, nargs="+", default=_CAMERAS, metavar="N")
    command.set_defaults(command=_measure(lambda run, args: run.pipeline(args.cameras)))
    command = commands.add_parser(
        "half-load", parents=[measuring], help="the pipeline with an engine that is half idle"
    )
    command.set_defaults(command=_measure(lambda run, _: run.half_load()))
    command = commands.add_parser(
        "peers", parents=[measuring], help="the pipeline beside peers (make bench-peers)"
    )
    command.add_argument("--cameras", type=int, nargs="+", default=[4], metavar="N")
    command.set_defaults(command=_measure(lambda run, args: run.peers(args.cameras)))
    command = commands.add_parser("clock", parents=[measuring], help="proof of the capture time")
    command.set_defaults(command=_measure(lambda run, _: run.clock()))
    command = commands.add_parser(
        "page", parents=[measuring], help="what a viewer of the live page costs, and a flood"
    )
    command.set_defaults(command=_measure(lambda run, _: run.page()))
    command = commands.add_parser(
        "profile", parents=[measuring], help="where the time goes, and a flame graph"
    )
    command.add_argument("--svg", type=Path, default=FLAMEGRAPH, metavar="FILE")
    command.set_defaults(command=_measure(lambda run, args: run.profile(args.svg)))
    command = commands.add_parser("all", parents=[measuring], help="every case, in one run")
    command.add_argument("--cameras", type=int, nargs="+", default=_CAMERAS, metavar="N")
    command.add_argument(
        "--peers-at", type=int, nargs="*", default=_PEERS_AT, metavar="N", help="cameras"
    )
    command.set_defaults(command=_all)

    command = commands.add_parser("compare", help="two results; exit code 1 if one is worse")
    command.add_argument("before", type=Path)
    command.add_argument("after", type=Path)
    command.add_argument("--tolerance", type=float, default=0.1, help="share (%(default)s)")
    command.set_defaults(command=_compare)
    command = commands.add_parser("check", help="ratios of a short run against committed ones")
    command.add_argument("--against", default=_COMMITTED, metavar="NAME", help="(%(default)s)")
    command.add_argument("--model", default="auto")
    command.set_defaults(command=_check)
    command = commands.add_parser("report", help="docs/performance.md from a result")
    command.add_argument("name", nargs="?", default=_COMMITTED, help="(%(default)s)")
    command.set_defaults(command=lambda args: _report(args.name))
    return parser


def _measure(
    measure: Callable[[Run, argparse.Namespace], None],
) -> Callable[[argparse.Namespace], int]:
    def command(args: argparse.Namespace) -> int:
        where, run = machine(), _run(args)
        measure(run, args)
        return _finish(run.result(where), args.save)

    return command


def _run(args: argparse.Namespace) -> Run:
    run = Run(_say, args.model, args.network, args.peer_model)
    if args.seconds:
        run.stage_s = run.window_s = args.seconds
    if args.rounds:
        run.stage_rounds = run.rounds = args.rounds
    return run


def _all(args: argparse.Namespace) -> int:
    return _finish(everything(_run(args), args.cameras, args.peers_at), args.save)


def _finish(result: Result, name: str | None) -> int:
    where = result.machine
    _console.print(
        f"{where['processor']}, {where['cores']} cores, load before {where['load_before']}"
    )
    show(result.rows, _console)
    if name:
        save(result, name)
        _console.print(f"kept as bench/results/{name}.json")
    return 0


def _compare(args: argparse.Namespace) -> int:
    before, after = Result.load(args.before), Result.load(args.after)
    _warn_of_inputs(before, after)
    return _verdict(changes(before, after, args.tolerance))


def _check(args: argparse.Namespace) -> int:
    committed = Result.load(RESULTS / f"{args.against}.json")
    where = machine()
    run = Run(_say, args.model, stage_s=1.0, stage_rounds=2, window_s=8.0, ceiling_s=3.0)
    run.stages()
    run.pipeline(_CHECKED_CAMERAS)
    measured = run.result(where)
    _warn_of_inputs(committed, measured)
    if committed.machine["instructions"] != where["instructions"]:
        _errors.print("warning: the processors know different instructions: costs may not compare")
    return _verdict(checked(committed, measured))


def _report(name: str) -> int:
    for path in write_report(Result.load(RESULTS / f"{name}.json"), name):
        _console.print(f"written: {path}")
    return 0


def _warn_of_inputs(before: Result, after: Result) -> None:
    for name in differing_inputs(before, after):
        _errors.print(f"warning: {name} is not the same file in both: figures may not compare")


def _verdict(found: list[Change]) -> int:
    if not found:
        raise ConfigError("the two have no figure in common: measure the same cases")
    show_changes(found, _console)
    bad = too_bad(found)
    for one in bad:
        _errors.print(f"{one.name}: worse by {one.worse_by:.1%}, allowed {one.tolerance:.0%}")
    return 1 if bad else 0


def _say(what: str) -> None:
    _errors.print(f"measuring: {what}")


if __name__ == "__main__":
    sys.exit(main())
