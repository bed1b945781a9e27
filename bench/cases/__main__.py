"""Runs one case and answers with its rows: ``python -m bench.cases decode``."""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict
from pathlib import Path

from bench.cases import CASES, Options


def main() -> None:
    """Measure and answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.cases")
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--file", type=Path)
    args = parser.parse_args()
    options = Options(args.seconds, args.model, args.file)
    rows = importlib.import_module(f"bench.cases.{args.case}").measure(options)
    print(json.dumps({"rows": [asdict(row) for row in rows], "inputs": options.inputs}))


if __name__ == "__main__":
    main()
