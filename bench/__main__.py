"""``python -m bench CASE``: measure, print and keep."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench import pipeline

_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run one case; its figures go to standard output, and to a file if one is named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--save", metavar="NAME", help="keep as bench/results/NAME.json")
    cases = parser.add_subparsers(metavar="CASE")
    pipeline.add_parser(cases)
    args = parser.parse_args()
    if not hasattr(args, "run"):
        args = parser.parse_args(["pipeline"])
    text = json.dumps(args.run(args), indent=1)
    print(text)
    if args.save:
        _RESULTS.mkdir(exist_ok=True)
        (_RESULTS / f"{args.save}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
